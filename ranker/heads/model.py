"""Fitted heads on disk and in use: safetensors for numbers, JSON for the rest. Nothing is unpickled."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ranker.errors import BackendError
from ranker.heads.combine import Combination, HeadsPrediction, apply
from ranker.heads.folder import check_replaceable, write_folder
from ranker.heads.lexical import Block, Text, Vocabulary
from ranker.heads.weights import Components, Linear, signals

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMAT = 1
_WEIGHTS, _META, _TERMS = "weights.safetensors", "heads.json", "ngrams.json"


@dataclass(frozen=True, slots=True)
class HeadsMeta:
    """Where heads come from. ``days``: ISO days they were fitted on; ``ids_sha256``: of the sorted base ids;
    ``quality``: name of a figure -> mean, low, high, days (how it was measured in ``method``).
    """

    profile: str
    fields: tuple[str, ...]
    encoder_sha256: str
    dimension: int
    days: tuple[str, ...]
    papers: int
    picks: int
    ids_sha256: str
    min_papers: int
    method: str = ""
    quality: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)
    note: str = ""


def check_heads_folder(folder: Path) -> None:
    """Raises BackendError where heads can't be saved, because the folder holds other files or can't be made."""
    check_replaceable(folder, (_WEIGHTS, _META, _TERMS))


class Heads:
    """P(recommended), P(field), expected score and relevance from texts, authors, vectors and cold evidence."""

    def __init__(self, meta: HeadsMeta, vocabulary: Vocabulary, components: Components, combination: Combination):
        self.meta = meta
        self.vocabulary = vocabulary
        self.components = components
        self.combination = combination

    @property
    def fields(self) -> tuple[str, ...]:
        return self.meta.fields

    @cached_property
    def sha256(self) -> str:
        """Of the weights, the n-grams and the fields: changes whenever a prediction could."""
        digest = hashlib.sha256(json.dumps([FORMAT, self.fields, _terms(self.vocabulary)]).encode())
        for name, array in sorted(_arrays(self).items()):
            digest.update(f"{name} {array.shape}".encode() + array.tobytes())
        return digest.hexdigest()

    def predict(
        self,
        texts: Sequence[Text],
        authors: Sequence[Sequence[str]],
        vectors: NDArray[np.float32],
        cold: NDArray[np.float64],
    ) -> HeadsPrediction:
        """For n papers: ``vectors`` (n, d) unit rows, ``cold`` (n, F + 4) of ``features.cold_row``. A paper's numbers
        are the same, bit for bit, whatever other papers are in the call.
        """
        width = (self.meta.dimension, len(self.fields) + 4)
        if (vectors.shape[1], cold.shape[1]) != width:
            raise BackendError(
                f"heads of {width} columns (vector, cold evidence) got {(vectors.shape[1], cold.shape[1])}",
                todo="fit them again for this profile: ranker learn",
            )
        found = signals(self.components, self.vocabulary.rows(texts), texts, authors, vectors, cold)
        return apply(self.combination, found)

    def save(self, folder: Path) -> None:
        """Into ``folder``, made if absent; earlier heads there are replaced whole.

        Raises:
            BackendError: the folder holds other files, or can't be written; it is then as it was.
        """
        from safetensors.numpy import save

        terms = json.dumps(_terms(self.vocabulary), ensure_ascii=False, separators=(",", ":"))
        meta = {"format": FORMAT, "sha256": self.sha256, **dataclasses.asdict(self.meta)}
        described = json.dumps(meta, ensure_ascii=False, indent=1) + "\n"
        files = {_WEIGHTS: save(_arrays(self)), _TERMS: terms.encode(), _META: described.encode()}
        write_folder(folder, files)

    @classmethod
    def load(cls, folder: Path, *, encoder_sha256: str) -> Heads:
        """Raises BackendError where the folder is incomplete, altered, or fitted for another encoder."""
        meta, claimed = read_meta(folder)
        if meta.encoder_sha256 != encoder_sha256:
            raise BackendError(
                f"the heads were fitted for another encoder (sha256 {meta.encoder_sha256[:12]}, "
                f"this one is {encoder_sha256[:12]})",
                where=str(folder),
                todo="run `ranker learn` with this encoder, or rank with --heads none",
            )
        heads = _read(folder, meta)
        if heads.sha256 != claimed:
            raise BackendError(
                "the heads are not the ones that were saved here (their hash differs)",
                where=str(folder),
                todo="run `ranker learn` again, or restore the folder",
            )
        return heads


def _terms(vocabulary: Vocabulary) -> dict[str, list[str]]:
    return {"text": list(vocabulary.text.terms), "title": list(vocabulary.title.terms)}


def _arrays(heads: Heads) -> dict[str, NDArray[Any]]:
    """Everything numeric by name. Coefficients went through half precision when they were fitted: nothing is lost."""
    c, k = heads.components, heads.combination
    arrays: dict[str, NDArray[Any]] = {
        "idf.text": heads.vocabulary.text.idf,
        "idf.title": heads.vocabulary.title.idf,
        "mean": c.mean,
        "scale": c.scale,
    }
    for name in ("lexical", "dense", "score", "surface"):
        part: Linear = getattr(c, name)
        arrays[f"{name}.coef"] = np.ascontiguousarray(part.coef.astype(np.float16))
        arrays[f"{name}.bias"] = part.bias
    for field in dataclasses.fields(Combination):
        arrays[f"combination.{field.name}"] = np.atleast_1d(np.asarray(getattr(k, field.name), dtype=np.float64))
    return arrays


def read_meta(folder: Path) -> tuple[HeadsMeta, str]:
    """Where the heads of a folder come from, and the sha256 that they claim; BackendError where that can't be read."""
    try:
        raw = json.loads((folder / _META).read_text(encoding="utf-8"))
        found, claimed = raw.pop("format"), raw.pop("sha256")
        if found != FORMAT:
            raise ValueError(f"format {found}, this program reads {FORMAT}")
        raw["fields"], raw["days"] = tuple(raw["fields"]), tuple(raw["days"])
        return HeadsMeta(**raw), str(claimed)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BackendError(
            f"no usable heads ({error})", where=str(folder / _META), todo="run `ranker learn`, or use --heads none"
        ) from error


def _read(folder: Path, meta: HeadsMeta) -> Heads:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        terms = json.loads((folder / _TERMS).read_text(encoding="utf-8"))
        a = load_file(folder / _WEIGHTS)
        text = Block(tuple(terms["text"]), a["idf.text"])
        title = Block(tuple(terms["title"]), a["idf.title"])
        lexical, dense, score, surface = (
            Linear(a[f"{n}.coef"].astype(np.float32), a[f"{n}.bias"]) for n in ("lexical", "dense", "score", "surface")
        )
        components = Components(lexical, dense, score, surface, a["mean"], a["scale"])
        single = {f.name for f in dataclasses.fields(Combination) if f.type == "float"}
        values = {f.name: a[f"combination.{f.name}"] for f in dataclasses.fields(Combination)}
        values = {n: float(v[0]) if n in single else v for n, v in values.items()}
        return Heads(meta, Vocabulary(text, title), components, Combination(**values))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
        raise BackendError(
            f"the heads can't be read ({error})", where=str(folder), todo="run `ranker learn` again"
        ) from error
