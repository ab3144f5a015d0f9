"""The classifier as it ships: two softmax heads over n-grams and places, numpy alone; sentence vectors are optional."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ranker.errors import BackendError
from ranker.roles.features import PLACES, Abstract, Span, places

ROLES = ("problem", "task", "idea", "result")
"""The roles in the heads' order; the sentence head has "none" as its fifth class."""

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Head:
    """Softmax regression.

    ``names``: feature -> row of ``weights``; ``weights`` (len(names) + PLACES + 1, classes) float32, bias last.
    ``vector_weights`` (d + PLACES + 1, classes), over d sentence-vector numbers; ``blend``: its share of the log
    probabilities where vectors are given.
    """

    names: Mapping[str, int]
    weights: Floats
    vector_weights: Floats
    blend: float
    families: Mapping[str, Mapping[str, int]] = field(init=False, repr=False, compare=False)
    """``names`` by what stands before their colon, so that no name is put together to be looked up."""

    def __post_init__(self) -> None:
        families: dict[str, dict[str, int]] = {}
        for name, at in self.names.items():
            family, colon, gram = name.partition(":")
            families.setdefault(family + colon, {})[gram] = at
        object.__setattr__(self, "families", families)

    def predict(self, abstract: Abstract, spans: Sequence[Span], vectors: Floats | None = None) -> Floats:
        """Probabilities of the classes, shape (n, classes) float32.

        ``vectors`` (n, d): unit vectors of what the head was fitted on, side by side; see ``fit``.

        Raises:
            ValueError: ``vectors`` are not of the encoder that the head was fitted with (another d).
        """
        where = places(abstract, spans)
        count = len(self.names)
        scores = where @ self.weights[count:-1] + self.weights[-1]
        for row, span in enumerate(spans):
            known: set[int | None] = set()
            for family, grams in abstract.grams(span):
                if table := self.families.get(family):
                    known.update(map(table.get, grams))
            known.discard(None)
            # Sorted, since sets have no fixed order and float sums depend on it.
            scores[row] += self.weights[sorted(known)].sum(axis=0)  # type: ignore[type-var]
        logs = _log_softmax(scores)
        if vectors is not None:
            width = len(self.vector_weights) - PLACES - 1
            if vectors.shape != (len(spans), width):
                raise ValueError(f"vectors of shape {vectors.shape}, fitted on {(len(spans), width)}")
            beside = np.hstack([vectors, where])
            other = _log_softmax(beside @ self.vector_weights[:-1] + self.vector_weights[-1])
            logs = _log_softmax((1 - self.blend) * logs + self.blend * other)
        return np.exp(logs).astype(np.float32)


@dataclass(frozen=True, slots=True)
class RoleModel:
    """Both heads, and how often readers' marks came in each order (log probabilities; 0-based roles)."""

    span: Head
    sentence: Head
    orders: Mapping[tuple[int, ...], float]


def _log_softmax(scores: Floats) -> Floats:
    scores = scores - scores.max(axis=1, keepdims=True)
    logs: Floats = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    return logs


def save(model: RoleModel, folder: Path, about: Mapping[str, object]) -> None:
    """Write ``weights.safetensors`` (float16) and ``roles.json`` (names, orders, ``about``)."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    heads = {"span": model.span, "sentence": model.sentence}
    tensors = {name: head.weights.astype(np.float16) for name, head in heads.items()}
    tensors |= {f"{name}.vectors": head.vector_weights.astype(np.float16) for name, head in heads.items()}
    save_file(tensors, folder / "weights.safetensors")
    (folder / "weights.safetensors").chmod(0o644)  # safetensors makes it the owner's alone
    table = {
        "about": dict(about),
        "blend": {name: head.blend for name, head in heads.items()},
        "orders": [[list(order), round(value, 4)] for order, value in sorted(model.orders.items())],
        "names": {name: sorted(head.names, key=head.names.__getitem__) for name, head in heads.items()},
    }
    text = json.dumps(table, ensure_ascii=False, indent=0)
    (folder / "roles.json").write_text(text + "\n", encoding="utf-8")


def load(folder: Path) -> RoleModel:
    """The model in ``folder``.

    Raises:
        BackendError: a file is absent, damaged, or not of one piece with the other.
    """
    from safetensors.numpy import load_file

    try:
        table = json.loads((folder / "roles.json").read_text(encoding="utf-8"))
        tensors = {name: value.astype(np.float32) for name, value in load_file(folder / "weights.safetensors").items()}
        model = RoleModel(
            span=_head("span", table, tensors),
            sentence=_head("sentence", table, tensors),
            orders={tuple(order): value for order, value in table["orders"]},
        )
    except Exception as error:  # safetensors' own error derives from Exception alone
        raise BackendError(
            f"the role classifier can't be read ({error})", where=str(folder), todo="install ranker again"
        ) from error
    for head, classes in ((model.span, len(ROLES)), (model.sentence, len(ROLES) + 1)):
        if head.weights.shape != (len(head.names) + PLACES + 1, classes):
            raise BackendError("weights and names differ", where=str(folder), todo="install ranker again")
    return model


def _head(name: str, table: Mapping[str, Mapping[str, Sequence[str]]], tensors: Mapping[str, Floats]) -> Head:
    return Head(
        names={feature: at for at, feature in enumerate(table["names"][name])},
        weights=tensors[name],
        vector_weights=tensors[f"{name}.vectors"],
        blend=float(table["blend"][name]),  # type: ignore[arg-type]
    )
