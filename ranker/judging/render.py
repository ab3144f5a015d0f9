"""Template + profile -> head, template + paper -> body. The head never holds a paper's text."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Protocol

from ranker.judging.neutral import neutralise
from ranker.judging.template import Template

_MAX_TITLE = 400
"""Characters; arXiv's own titles stay under 300. More is no title, and only abstracts are cut to a budget."""


class TopicLike(Protocol):
    """An unwanted topic, as ``ranker.profile.Topic`` has it."""

    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def keywords(self) -> Sequence[str]: ...


class FieldLike(TopicLike, Protocol):
    """A field, as ``ranker.profile.Field`` has it."""

    @property
    def descriptions(self) -> Sequence[str]: ...
    @property
    def exclude(self) -> Sequence[str]: ...


class ProfileLike(Protocol):
    """What prompts need of a profile."""

    @property
    def fields(self) -> Sequence[FieldLike]: ...
    @property
    def unwanted(self) -> Sequence[TopicLike]: ...
    @property
    def veto_keywords(self) -> Sequence[str]: ...
    @property
    def language(self) -> str: ...


def render_head(template: Template, profile: ProfileLike, field: str | None = None) -> str:
    """The static part of a prompt.

    Args:
        field: name of the field; ignored by a template that holds all fields.

    Raises:
        KeyError: the profile has no such field.
    """
    unwanted = [_line(template.unwanted_line, t, template) for t in profile.unwanted]
    unwanted += [f"- {keyword}" for keyword in profile.veto_keywords]
    values = {"unwanted": "\n".join(unwanted) or template.none}
    if template.scope == "all":
        values["fields"] = "\n".join(_line(template.field_line, f, template) for f in profile.fields)
        values["topics"] = _topics(template, profile)
    else:
        values |= _field_values(_field(profile, field), template)
    return template.head.format_map(values).strip()


def render_body(template: Template, title: str, abstract: str) -> str:
    """The delimited paper and the question; title and abstract are neutralised here, whatever was done before."""
    title = neutralise(title)
    if len(title) > _MAX_TITLE:
        title = f"{title[:_MAX_TITLE]}…"
    return template.body.format(title=title, abstract=neutralise(abstract)).strip()


def with_topics(template: Template, profile: ProfileLike) -> Template:
    """The template with ``{topics}`` of its body filled in: the same for all papers, so done once."""
    if "{topics}" not in template.body:
        return template
    topics = _topics(template, profile).replace("{", "{{").replace("}", "}}")
    return dataclasses.replace(template, body=template.body.replace("{topics}", topics))


def _topics(template: Template, profile: ProfileLike) -> str:
    names = [_flat(f.description).split(":")[0].split("：")[0].split(". ")[0].rstrip(".。") for f in profile.fields]
    return ("；" if template.language == "zh" else "; ").join(names)


def head_hash(head: str) -> str:
    """sha256 (64 hex digits) of a rendered head."""
    return hashlib.sha256(head.encode("utf-8")).hexdigest()


def _field(profile: ProfileLike, name: str | None) -> FieldLike:
    for field in profile.fields:
        if field.name == name:
            return field
    raise KeyError(f"the profile has no field {name!r}")


def _field_values(field: FieldLike, template: Template) -> dict[str, str]:
    details = (template.detail_line.format(text=_flat(d)) for d in field.descriptions)
    return {
        "name": _flat(field.name),
        "description": _flat(field.description),
        "details": "\n".join(details) or template.none,
        "keywords": _listed(field.keywords, template),
        "exclude": _listed(field.exclude, template),
    }


def _line(form: str, topic: TopicLike | FieldLike, template: Template) -> str:
    values = {
        "name": _flat(topic.name),
        "description": _flat(topic.description),
        "keywords": _listed(topic.keywords, template),
        "details": " ".join(_flat(d) for d in getattr(topic, "descriptions", ())) or template.none,
        "exclude": _listed(getattr(topic, "exclude", ()), template),
    }
    return form.format_map(values)


def _listed(words: Sequence[str], template: Template) -> str:
    comma = "、" if template.language == "zh" else ", "
    return comma.join(_flat(w) for w in words[: template.max_keywords]) or template.none


def _flat(text: str) -> str:
    return " ".join(text.split())
