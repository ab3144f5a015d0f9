"""The profile that ``ranker profile new`` writes, and what of it nobody has filled in yet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ranker.profile import Profile
from ranker.toml import KeyPath, find_line

_FIELD = "Field one"
_DESCRIPTION = "What this field is about, in the words that its papers use."
_KEYWORD = "a phrase its papers use"
_DOTS = "..."  # in the tables that stand there as comments
_TEMPLATE = """# A profile: what you read for. `ranker profile check {path}` says what is wrong;
# `ranker rank --profile` uses it.
name = "{name}"
title = "{name}"
language = "zh"                 # zh or en: the language of digests and reasons

[recommend]                     # exactly one of threshold (1-10), top_share (0-1], top_n
top_share = 0.25
# max_per_field = 20

[routing]
min_similarity = 0.20           # below it a paper is unrouted; `ranker explain ID` shows similarities
unwanted_penalty = 0.5          # share of the similarity to an unwanted topic that lowers the score

[[fields]]                      # one table per field, as many as you like
name = "{field}"
# Write descriptions in the language your encoder knows best (English for the embedded one), a sentence or two.
description = "{description}"
descriptions = []               # further sub-topics; a paper is as near to a field as to its nearest sub-topic
keywords = ["{keyword}"]
examples = []                   # e.g. [{{ id = "1706.03762", title = "Attention Is All You Need" }}]
exclude = []                    # keywords that take this field (only) away from a paper

# [[unwanted]]                  # topics that lower the score of papers similar to them
# name = "..."
# description = "..."

[veto]
keywords = []                   # a paper with one of these is left out, and counted as vetoed
"""


def template(name: str, path: Path) -> str:
    """A commented profile to fill in; it can be read as it is, and ``placeholders`` says what is missing."""
    return _TEMPLATE.format(name=name, path=path, field=_FIELD, description=_DESCRIPTION, keyword=_KEYWORD)


def placeholders(profile: Profile, path: Path) -> list[str]:
    """``file:line: key is still "..."`` for every value of the template that stands in a profile's file."""
    text = path.read_text(encoding="utf-8")
    said = []
    for keys, value in _texts(profile):
        if value in (_FIELD, _DESCRIPTION, _KEYWORD, _DOTS):
            table, number, key = keys
            said.append(f'{path}:{find_line(text, keys) or 1}: {table}[{number}].{key} is still "{value}"')
    return said


def _texts(profile: Profile) -> Iterator[tuple[KeyPath, str]]:
    for number, field in enumerate(profile.fields):
        at: KeyPath = ("fields", number)
        yield (*at, "name"), field.name
        yield (*at, "description"), field.description
        for keyword in field.keywords:
            yield (*at, "keywords"), keyword
    for number, topic in enumerate(profile.unwanted):
        yield ("unwanted", number, "name"), topic.name
        yield ("unwanted", number, "description"), topic.description
