"""What a fine-tuned model's folder says of itself: the prompts that it was trained on, and where it comes from."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from ranker.errors import BackendError

NOTE = "ranker.json"


@dataclass(frozen=True, slots=True)
class Tuned:
    """``templates``: names of the prompt templates, the label's first; kinds of text that none of them asks for are not
    written by this model. ``profile``: whose fields it knows, by name and by the hash of its text. ``days`` and
    ``papers``: what it was fitted on; ``figures``: how well it judged days that it was not fitted on.
    """

    templates: tuple[str, ...]
    base: str
    profile: str
    profile_hash: str
    days: tuple[str, ...]
    papers: int
    picks: int
    figures: dict[str, float | int | str]

    def save(self, folder: Path) -> None:
        (folder / NOTE).write_text(json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def read_tuned(folder: Path) -> Tuned | None:
    """The note in a model's folder; None where there is none: a model as it came.

    Raises:
        BackendError: the note is damaged.
    """
    path = folder / NOTE
    if not path.is_file():
        return None
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
        templates, days = tuple(map(str, table["templates"])), tuple(map(str, table["days"]))
        if not templates:
            raise ValueError("it names no prompt template")
        return Tuned(**{**table, "templates": templates, "days": days})
    except (OSError, ValueError, TypeError, KeyError) as error:
        todo = "fine-tune again, or remove the file to use the model with the prompts that the configuration names"
        raise BackendError(
            f"can't be read as the note of a fine-tuned model: {error}", where=str(path), todo=todo
        ) from error
