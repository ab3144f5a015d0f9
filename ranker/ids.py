"""arXiv identifiers: any way of writing one -> base id and version, apart.

Schemes (https://info.arxiv.org/help/arxiv_identifier.html): ``YYMM.NNNN`` for 0704-1412, ``YYMM.NNNNN`` from 1501,
and before that ``archive[.SC]/YYMMNNN`` for 9107-0703. A subject class is dropped, as arXiv itself drops it, so that
``math.GT/0309136`` and ``math/0309136`` are one paper.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

_OLD_ARCHIVES_WORDS = (
    "acc-phys adap-org alg-geom ao-sci astro-ph atom-ph bayes-an chao-dyn chem-ph cmp-lg comp-gas cond-mat cs "
    "dg-ga funct-an gr-qc hep-ex hep-lat hep-ph hep-th math math-ph mtrl-th nlin nucl-ex nucl-th patt-sol "
    "physics plasm-ph q-alg q-bio quant-ph solv-int supr-con"
)
OLD_ARCHIVES = frozenset(_OLD_ARCHIVES_WORDS.split())

_NEW = r"(?P<yymm>[0-9]{4})\.(?P<number>[0-9]{4,5})"
_OLD = r"(?P<archive>[a-z]+(?:-[a-z]+)?)(?:\.(?:[a-z]{2}|[a-z]+-[a-z]+))?/(?P<old>[0-9]{7})"
_VERSION = r"(?:v(?P<version>[0-9]+))?"
_BARE = re.compile(rf"(?:{_NEW}|{_OLD}){_VERSION}", re.IGNORECASE | re.ASCII)
_PREFIX = re.compile(
    r"(?:oai:arxiv\.org:|info:arxiv/"
    r"|(?:https?://)?(?:[a-z0-9-]+\.)*arxiv\.org/(?:abs|pdf|html|ps|format|src|e-print)/"
    r"|(?:doi:\s*|(?:https?://)?(?:dx\.|www\.)?doi\.org/)?10\.48550/arxiv\.)"
    r"|arxiv:\s*",
    re.IGNORECASE | re.ASCII,
)
_SUFFIX = re.compile(r"(?:\.pdf)?/?(?:[?#]\S*)?(?:\s*\[[\w.-]+\])?", re.IGNORECASE | re.ASCII)
_LOOSE = re.compile(rf"(?<![\w.])(?:{_NEW}|{_OLD}){_VERSION}(?![\w])", re.IGNORECASE | re.ASCII)
_MAX_LENGTH = 300


@dataclass(frozen=True, slots=True, order=True)
class ArxivId:
    """One arXiv identifier; ``base`` never holds a version, ``version`` is 1 or more, or None where none was given."""

    base: str
    version: int | None = None

    def __str__(self) -> str:
        return self.base if self.version is None else f"{self.base}v{self.version}"


def parse_id(text: str) -> ArxivId:
    """Parse a bare id, ``arXiv:`` or ``oai:arXiv.org:`` form, arxiv.org address or 10.48550 DOI.

    Raises:
        ValueError: not an arXiv id; the message says why.
    """
    shown = text.strip()
    rest = shown
    if len(rest) > _MAX_LENGTH:
        raise ValueError(f"not an arXiv id: {len(rest)} characters long")
    if "%" in rest:
        rest = unquote(rest)
    if prefix := _PREFIX.match(rest):
        rest = rest[prefix.end() :]
    match = _BARE.match(rest)
    if match is None or _SUFFIX.fullmatch(rest, match.end()) is None:
        raise ValueError(f"not an arXiv id: {shown[:60]!r}")
    return _checked(match, shown)


def find_ids(text: str) -> Iterator[ArxivId]:
    """Every valid arXiv id that stands in free text (a note, a URL), in order; what only looks like one is left."""
    for match in _LOOSE.finditer(text):
        try:
            yield _checked(match, match.group())
        except ValueError:
            continue  # 4 digits, a dot, 4 digits: many numbers look so


def abs_url(base: str, version: int | None = None) -> str:
    """Address of the abstract page."""
    return f"https://arxiv.org/abs/{ArxivId(base, version)}"


def pdf_url(base: str, version: int | None = None) -> str:
    """Address of the PDF."""
    return f"https://arxiv.org/pdf/{ArxivId(base, version)}"


def _checked(match: re.Match[str], shown: str) -> ArxivId:
    version = int(match["version"]) if match["version"] else None
    if version is not None and not 1 <= version <= 999:
        raise ValueError(f"not an arXiv id: version {match['version'][:10]} in {shown[:60]!r}")
    if match["old"]:
        return ArxivId(_old_base(match, shown), version)
    yymm, number = match["yymm"], match["number"]
    _check_month(yymm, shown)
    if yymm < "0704":
        raise ValueError(f"not an arXiv id: {yymm}.{number} is dated before 0704, when this style began")
    digits = 4 if yymm <= "1412" else 5
    if len(number) != digits:
        raise ValueError(f"not an arXiv id: ids of {yymm} have {digits} digits after the dot, {shown[:60]!r} has not")
    if not int(number):
        raise ValueError(f"not an arXiv id: number 0 in {shown[:60]!r}")
    return ArxivId(f"{yymm}.{number}", version)


def _old_base(match: re.Match[str], shown: str) -> str:
    archive, digits = match["archive"].lower(), match["old"]
    if archive not in OLD_ARCHIVES:
        raise ValueError(f"not an arXiv id: no archive {archive!r} in {shown[:60]!r}")
    _check_month(digits[:4], shown)
    year = int(digits[:2])
    century = 1900 if year >= 91 else 2000
    if not 199107 <= (century + year) * 100 + int(digits[2:4]) <= 200703:
        raise ValueError(f"not an arXiv id: this style ran from 9107 to 0703, {shown[:60]!r} is outside")
    if digits[4:] == "000":
        raise ValueError(f"not an arXiv id: number 0 in {shown[:60]!r}")
    return f"{archive}/{digits}"


def _check_month(yymm: str, shown: str) -> None:
    if not 1 <= int(yymm[2:]) <= 12:
        raise ValueError(f"not an arXiv id: month {yymm[2:]} in {shown[:60]!r}")
