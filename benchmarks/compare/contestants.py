"""The rows of the bench: name -> how to build a contestant. A contestant fits on judged papers and scores papers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from benchmarks.compare.judged import JudgedPaper
from benchmarks.compare.spec import Scored, Spec
from ranker.profile import Profile
from ranker.protocols import Encoder
from ranker.types import Paper

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Contestant(Protocol):
    """Fits once, then scores; what it says of a paper must not depend on the papers beside it (that is measured)."""

    def fit(self, papers: Sequence[JudgedPaper], vectors: NDArray[np.float32]) -> None:
        """``vectors`` (n, d): unit float32, of no rows' width where the row uses none."""
        ...

    def score(self, papers: Sequence[Paper], vectors: NDArray[np.float32]) -> Scored: ...


EMBED_ONLY = "(vectors)"
"""No contestant: fills the store with an encoder's vectors, so that no row pays for the others."""

Build = Callable[[Spec, Profile, Encoder], Contestant]


@dataclass(frozen=True, slots=True)
class Row:
    """``learns``: from judged papers; ``curve``: has a learning curve; ``embeds``: needs vectors; ``reads``: with a
    language model, so that it takes a subsample.
    """

    build: Build
    about: str
    learns: bool = False
    embeds: bool = True
    reads: bool = False
    curve: bool = False


def _library_cosine(spec: Spec, profile: Profile, encoder: Encoder) -> Contestant:
    from benchmarks.compare.rules import LibraryCosine

    return LibraryCosine()


def _likes(spec: Spec, profile: Profile, encoder: Encoder) -> Contestant:
    from benchmarks.compare.rules import LikesLessDislikes

    return LikesLessDislikes()


def _svm(spec: Spec, profile: Profile, encoder: Encoder) -> Contestant:
    from benchmarks.compare.rules import TfidfSvm

    return TfidfSvm()


def _descriptions(spec: Spec, profile: Profile, encoder: Encoder) -> Contestant:
    from benchmarks.compare.ours import DescriptionCentroids

    return DescriptionCentroids(profile, encoder)


def _learned_centroids(spec: Spec, profile: Profile, encoder: Encoder) -> Contestant:
    from benchmarks.compare.rules import LearnedCentroids

    return LearnedCentroids(profile.field_names)


def _cold(spec: Spec, profile: Profile, encoder: Encoder) -> Contestant:
    from benchmarks.compare.ours import BuiltInJudge

    return BuiltInJudge(profile, encoder)


def _library_profile(spec: Spec, profile: Profile, encoder: Encoder) -> Contestant:
    from benchmarks.compare.ours import LibraryProfile

    return LibraryProfile(encoder)


def _dense(spec: Spec, profile: Profile, encoder: Encoder) -> Contestant:
    from benchmarks.compare.fitted import Single

    return Single(profile, encoder, "dense")


def _lexical(spec: Spec, profile: Profile, encoder: Encoder) -> Contestant:
    from benchmarks.compare.fitted import Single

    return Single(profile, encoder, "lexical")


def _blend(spec: Spec, profile: Profile, encoder: Encoder) -> Contestant:
    from benchmarks.compare.fitted import Blend, shipped_heads

    folder = Path(spec.heads) if spec.heads else shipped_heads(profile, encoder)
    return Blend(profile, encoder, folder, spec.test_from)


def _zero_shot(spec: Spec, profile: Profile, encoder: Encoder) -> Contestant:
    from benchmarks.compare.language import LanguageModel

    return LanguageModel(spec, profile, encoder)


def _blended(spec: Spec, profile: Profile, encoder: Encoder) -> Contestant:
    from benchmarks.compare.language import BlendedModel

    return BlendedModel(spec, profile, encoder)


ROWS: dict[str, Row] = {
    "library cosine": Row(
        _library_cosine, "recency-weighted mean cosine to a library of picks", learns=True, curve=True
    ),
    "likes less dislikes": Row(_likes, "cosine to the mean of likes less that of dislikes", learns=True, curve=True),
    "tf-idf svm": Row(_svm, "linear SVM on TF-IDF of liked papers", learns=True, curve=True, embeds=False),
    "description centroids": Row(_descriptions, "best cosine to a field's description"),
    "learned centroids": Row(_learned_centroids, "best cosine to the mean of a field's picks", learns=True, curve=True),
    "cold": Row(_cold, "ranker's judge with nothing learned"),
    "library profile": Row(_library_profile, "picks as a library, made a profile, judged cold", learns=True),
    "heads (vectors)": Row(_dense, "ranker's head on the encoder's vectors and cold evidence alone", learns=True),
    "heads (lexical)": Row(_lexical, "ranker's head on word n-grams alone", learns=True),
    "blend": Row(_blend, "ranker's judge with all heads, fitted on the fit days", learns=True, curve=True),
    "language model": Row(_zero_shot, "a language model as ranker's judge, zero-shot, on a subsample", reads=True),
    "language model + blend": Row(_blended, "its relevance and the blend's log odds", learns=True, reads=True),
}

DEFAULT = tuple(ROWS)
"""What runs without being asked for: all that needs no GPU and no server."""
