"""The templates of one judge, and heads rendered once per field."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ranker.errors import ConfigError
from ranker.judging.render import ProfileLike, head_hash, render_head, with_topics
from ranker.judging.settings import JudgeSettings
from ranker.judging.template import Kind, Template, find_template
from ranker.protocols import GeneratorInfo

PLAIN = "zh-field"
"""The label template of a model as it came."""


@dataclass(frozen=True, slots=True)
class Templates:
    """``label`` for scoring; ``texts`` in the order in which they are written (may be empty); ``unlearned``: kinds of
    text that are wanted, and that a fine-tuned model has not learned to write.
    """

    label: Template
    texts: tuple[Template, ...] = ()
    unlearned: tuple[Kind, ...] = ()


def load_templates(settings: JudgeSettings, profile: ProfileLike, *folders: Path, own: Sequence[str] = ()) -> Templates:
    """The templates that the settings name, from the first folder that has them (the user's, then the packaged one).

    Args:
        own: templates that the model was fine-tuned on, the label's first. Where the settings leave the choice open, or
            name that very label, these are used, and no text of a kind that is not among them is asked of the model.

    Raises:
        ConfigError: a template is not there, wrong, or of another kind.
    """
    language = profile.language if settings.language == "auto" else settings.language
    if language not in ("zh", "en"):
        raise ConfigError(f"no prompt templates in language {language!r}", todo="use zh or en")
    wanted: list[Kind] = []
    if settings.write_reason:
        wanted.append("reason")
    if settings.write_summary:
        wanted.append("summary")
    if settings.write_brief:
        wanted.append("brief")
    if own:
        learned, *known = (find_template(name, *folders) for name in own)
        if settings.template in ("auto", learned.name):
            kinds = {t.kind for t in known}
            kept = tuple(t for kind in wanted for t in known if t.kind == kind)
            return Templates(learned, kept, tuple(kind for kind in wanted if kind not in kinds))
    texts = tuple(find_template(f"{language}-{kind}", *folders, kind=kind) for kind in wanted)
    label = PLAIN if settings.template == "auto" else settings.template
    return Templates(find_template(label, *folders, kind="label"), texts)


@dataclass(slots=True)
class Heads:
    """Rendered heads of one template, by field; a template with all fields has one for all."""

    template: Template
    profile: ProfileLike
    _known: dict[str, tuple[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.template = with_topics(self.template, self.profile)

    def head(self, name: str) -> str:
        return self._of(name)[0]

    def hash(self, name: str) -> str:
        return self._of(name)[1]

    def shape(self, name: str) -> list[object]:
        """What of the template and the profile shapes an answer about this field: for keys."""
        t = self.template
        return [t.name, t.version, self.hash(name), head_hash(t.body), t.labels, t.max_tokens, t.stop]

    @property
    def template_hash(self) -> str:
        """Of the template and of every field's head."""
        return digest([self.shape(f.name) for f in self.profile.fields])

    def _of(self, name: str) -> tuple[str, str]:
        known = self._known.get(name)
        if known is None:
            head = render_head(self.template, self.profile, name)
            known = self._known[name] = (head, head_hash(head))
        return known


def digest(parts: list[object]) -> str:
    """sha256 (hex) of nested lists of plain values."""
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False, default=list).encode("utf-8")).hexdigest()


def generator_shape(info: GeneratorInfo) -> list[object]:
    """What of a generator shapes its answers."""
    return [
        info.backend,
        info.model,
        info.revision,
        info.engine_version,
        info.dtype,
        info.max_context,
        info.gives_logprobs,
    ]
