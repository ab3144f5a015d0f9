"""A library of papers -> a profile to edit: fields by spherical k-means, with proposed names, keywords and examples."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ranker.errors import BackendError, InputError
from ranker.libraries.cluster import MOST_FIELDS, SMALLEST_FIELD, Clusters, choose_clusters, spherical_kmeans
from ranker.libraries.terms import distinctive, phrases, plain_tags
from ranker.protocols import Encoder
from ranker.text import document_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

_KEYWORDS, _EXAMPLES, _NAMED, _DESCRIBED = 16, 6, 2, 6
_FOLLOWED, _OFTEN = 8, 3


class Entry(Protocol):
    """What is read of a library's entry (``ranker.sources.libraries.LibraryEntry`` has it)."""

    @property
    def title(self) -> str: ...
    @property
    def abstract(self) -> str: ...
    @property
    def authors(self) -> tuple[str, ...]: ...
    @property
    def arxiv_id(self) -> str | None: ...
    @property
    def keywords(self) -> tuple[str, ...]: ...


def profile_from_library(
    entries: Sequence[Entry], encoder: Encoder, *, fields: int | None = None, name: str = "library", seed: int = 0
) -> str:
    """A commented profile (TOML) that ``ranker profile check`` accepts and that a person edits.

    Args:
        entries: the library; entries of the same title (letters and digits, any case) count once.
        fields: how many fields; None: as many as the silhouettes say (see ``choose_clusters``).
        name: the profile's slug.
        seed: of the clustering; the same library, encoder and seed give the same text.

    Raises:
        InputError: fewer than two different papers, fewer than the fields asked for, or a name that is no slug.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise InputError(f"{name!r} is no slug", todo="use a-z, 0-9 and -, for example my-lab")
    kept = _distinct(entries)
    if len(kept) < 2:
        todo = "export more of the library: some tens of papers a field make good fields"
        raise InputError(f"the library holds {len(kept)} papers with different titles; 2 are needed", todo=todo)
    if fields is not None and not 1 <= fields <= len(kept):
        raise InputError(f"{fields} fields can't be made of {len(kept)} papers", todo=f"ask for 1 to {len(kept)}")
    vectors = _encode([_whole(document_text(e.title, e.abstract)) for e in kept], encoder)
    clusters = choose_clusters(vectors, seed=seed) if fields is None else spherical_kmeans(vectors, fields, seed=seed)
    members = [np.flatnonzero(clusters.labels == c) for c in range(clusters.count)]
    groups = [
        [phrases(f"{kept[i].title}. {kept[i].abstract}") | plain_tags(kept[i].keywords) for i in m] for m in members
    ]
    terms = distinctive(groups, _KEYWORDS)
    tables = []
    names: list[str] = []
    for c, rows in enumerate(members):
        nearest = rows[np.argsort(-(vectors[rows] @ clusters.centroids[c]), kind="stable")]
        names.append(_name(terms[c], names))
        tables.append(_field(names[-1], terms[c], [kept[i] for i in nearest]))
    head = _head(name, len(entries), kept, clusters, rule=fields is None)
    return "\n".join([head, *tables, _tail(kept)])


def _distinct(entries: Sequence[Entry]) -> list[Entry]:
    by_title: dict[str, Entry] = {}
    for entry in entries:
        key = re.sub(r"\W+", "", entry.title).casefold()
        held = by_title.get(key)
        if held is None or (not held.abstract and entry.abstract):
            by_title[key] = entry
    return list(by_title.values())


def _encode(texts: Sequence[str], encoder: Encoder) -> NDArray[np.float32]:
    vectors = np.zeros((len(texts), encoder.info.dimension), dtype=np.float32)
    done = np.zeros(len(texts), dtype=bool)
    for rows, found in encoder.encode(texts):
        vectors[rows] = found
        done[rows] = True
    if not done.all():
        raise BackendError(f"the encoder gave no vector for {int((~done).sum())} texts", where=encoder.info.name)
    return vectors


def _name(terms: Sequence[str], taken: Sequence[str]) -> str:
    """The best terms, joined; a field without terms, or with another's, is told apart by a number."""
    proposed = ", ".join(terms[:_NAMED]) or "Field"
    proposed = proposed[0].upper() + proposed[1:]
    name, number = proposed, 2
    while name in taken:
        name, number = f"{proposed} {number}", number + 1
    return name


def _field(name: str, terms: Sequence[str], papers: Sequence[Entry]) -> str:
    """``papers``: the nearest to the centroid first."""
    about = ", ".join(terms[:_DESCRIBED])
    titles = "; ".join(p.title for p in papers[:3])
    lines = [
        "[[fields]]",
        f"name = {_quoted(name)}                # proposed from its terms: {len(papers)} papers of the library",
        "# Say in a sentence or two what the field is about; routing leans on this text more than on anything else.",
        f"description = {_quoted(f'{about}. Papers such as: {titles}.' if about else f'Papers such as: {titles}.')}",
        "descriptions = []               # further sub-topics, one line each",
        f"keywords = [{_list(terms)}]",
        "examples = [                    # the papers nearest to the field's middle",
    ]
    for p in papers[:_EXAMPLES]:
        lines.append(
            f"  {{ id = {_quoted(p.arxiv_id)}, title = {_quoted(p.title)} }},"
            if p.arxiv_id
            else f"  {{ title = {_quoted(p.title)} }},"
        )
    return "\n".join([*lines, "]", "exclude = []", ""])


def _head(name: str, read: int, papers: Sequence[Entry], clusters: Clusters, *, rule: bool) -> str:
    how = (
        f"their number by the last high peak of the silhouette in 2-{MOST_FIELDS} (none under {SMALLEST_FIELD} papers)"
        if rule
        else "their number was asked for"
    )
    tight = f"{clusters.silhouette:.3f}" if clusters.count > 1 else "none: one field"
    blank = sum(not p.abstract for p in papers)
    return f"""# Made from a library of {read} entries ({len(papers)} different titles, {blank} without abstract).
# {clusters.count} fields by spherical k-means; {how}; silhouette {tight}.
# Everything here is a proposal: rename, merge, split and describe the fields, then `ranker profile check FILE`.
name = {_quoted(name)}
title = {_quoted(name)}
language = "zh"                 # zh or en: the language of digests and reasons

[recommend]                     # exactly one of threshold (1-10), top_share (0-1], top_n
top_share = 0.25

[routing]
min_similarity = 0.20           # below it a paper is unrouted; `ranker explain ID` shows similarities
unwanted_penalty = 0.5          # share of the similarity to an unwanted topic that lowers the score
"""


def _tail(papers: Sequence[Entry]) -> str:
    often = [(a, n) for a, n in Counter(a for p in papers for a in p.authors).most_common(_FOLLOWED) if n >= _OFTEN]
    seen = f"  # {_OFTEN} papers or more in the library" if often else ""
    return f"""# [[unwanted]]                  # topics that lower the score of papers similar to them
# name = "..."
# description = "..."

[veto]
keywords = []                   # a paper with one of these is left out, and counted as vetoed

# [follow]                      # papers of these authors, or with these phrases, stand in a section of their own
# authors = [{_list([a for a, _ in often])}]{seen}
# phrases = []
"""


def _list(texts: Sequence[str]) -> str:
    return ", ".join(_quoted(t) for t in texts)


def _whole(text: str) -> str:
    """Halves of surrogate pairs are no text to a tokenizer, nor in a file."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's escapes are TOML's, but for DEL."""
    return json.dumps(" ".join(_whole(text).split()), ensure_ascii=False).replace("\x7f", "\\u007F")
