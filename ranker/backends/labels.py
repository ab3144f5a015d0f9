"""Labels as single tokens, checked where they will stand: behind the opened assistant turn of this very tokenizer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ranker.backends.chat import ChatRenderer
from ranker.errors import BackendError

_HEAD = "Answer with one label."
_BODY = "Which label?"


@dataclass(frozen=True, slots=True)
class LabelTokens:
    """``forms``: the labels as they are read in place (perhaps with a space in front); ``ids``: one token each."""

    labels: tuple[str, ...]
    forms: tuple[str, ...]
    ids: tuple[int, ...]


def label_tokens(renderer: ChatRenderer, labels: Sequence[str]) -> LabelTokens:
    """Token ids of the labels in place; each must be one token, and all must differ.

    Raises:
        BackendError: neither the labels nor the labels behind a space are single tokens in place.
    """
    if len(set(labels)) != len(labels) or not labels:
        raise BackendError("the labels must be given and differ", where=" ".join(labels))
    frame = renderer.frame(_HEAD)
    start = frame.before + _BODY + frame.after
    base = renderer.encode_text(start)
    why = ""
    for prefix in ("", " "):
        forms = tuple(prefix + label for label in labels)
        found = [renderer.encode_text(start + form) for form in forms]
        ids = [f[-1] for f in found]
        bad = [form for form, f in zip(forms, found, strict=True) if f[:-1] != base]
        if not bad and len(set(ids)) == len(ids):
            return LabelTokens(tuple(labels), forms, tuple(ids))
        why = why or f"{', '.join(map(repr, bad[:3])) or 'two labels'} not single tokens behind the assistant turn"
    raise BackendError(
        f"labels can't be read as one token each: {why}",
        where=renderer.model,
        todo="choose another label set in the prompt template (A-J, say) or another model",
    )


def from_logprobs(labels: Sequence[str], found: Mapping[str, float]) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Probabilities (raw) of the labels from ``token text -> log-probability``, and the labels that are missing.

    Tokens equal to a label count; where tokens that only equal it after stripping hold more mass (a tokenizer whose
    digits carry a space), those count instead. The two forms are never added up.
    """
    exact = {label: found[label] for label in labels if label in found}
    spaced: dict[str, float] = {}
    for token, value in found.items():
        label = token.strip()
        if label in labels and token != label:
            spaced[label] = max(value, spaced.get(label, -math.inf))
    chosen = max((exact, spaced), key=lambda form: sum(math.exp(v) for v in form.values()))
    probabilities = tuple(min(math.exp(chosen[label]), 1.0) if label in chosen else 0.0 for label in labels)
    return probabilities, tuple(label for label in labels if label not in chosen)
