"""What a fine-tuned model's folder says of itself: the prompts that it was trained on, and where it comes from."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ranker.errors import BackendError
from ranker.files import write_whole

NOTE = "ranker.json"


@dataclass(frozen=True, slots=True)
class Tuned:
    """``templates``: files in the folder with the prompts, the label's first; kinds of text that none of them asks for
    are not written by this model. ``prompt_hash``: of the label's template and its heads, rendered for ``profile``.
    ``days``, ``papers`` and ``picks``: what it was fitted on, a fine-tuned base's days among them; ``figures``: how
    well it judged days that it was not fitted on.
    """

    templates: tuple[str, ...]
    base: str
    profile: str
    prompt_hash: str
    days: tuple[str, ...]
    papers: int
    picks: int
    figures: tuple[tuple[str, float | int | str], ...] = ()

    def template_files(self, folder: Path) -> tuple[str, ...]:
        return tuple(str(folder / name) for name in self.templates)

    def save(self, folder: Path) -> None:
        table = asdict(self) | {"figures": dict(self.figures)}
        write_whole(folder / NOTE, json.dumps(table, ensure_ascii=False, indent=1) + "\n")


def read_tuned(folder: Path) -> Tuned | None:
    """The note in a model's folder; None where there is none: a model as it came.

    Raises:
        BackendError: the note is damaged, or a prompt that it names is gone.
    """
    path = folder / NOTE
    if not path.is_file():
        return None
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        templates, days = tuple(map(str, table["templates"])), tuple(map(str, table["days"]))
        if not templates:
            raise ValueError("it names no prompt template")
        if lost := [name for name in templates if not (folder / name).is_file()]:
            raise ValueError(f"{lost[0]} is not beside it")
        return Tuned(**{**table, "templates": templates, "days": days, "figures": tuple(table["figures"].items())})
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        todo = "fine-tune again, or remove the file to use the model with the prompts that the configuration names"
        what = f"can't be read as the note of a fine-tuned model: {error}"
        raise BackendError(what, where=str(path), todo=todo) from error
