"""Recommended papers for reference managers: BibTeX, RIS, CSL JSON. Records in, text out, no I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from ranker.digest import citing
from ranker.digest.entries import abs_url
from ranker.digest.text import clean
from ranker.types import Paper

_MATHS = re.compile(r"\$([^$]*)\$")
_WORD = re.compile(r"\\([A-Za-z]+|.?)")
_TEX = {
    "\\": r"\textbackslash{}",
    "{": r"\textbraceleft{}",  # BibTeX counts an escaped brace as one, and the entry would not end
    "}": r"\textbraceright{}",
    "$": r"\$",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}
# Maths may use these and no other command: a title must not read files or define anything when it is typeset.
_HARMLESS_WORDS = (
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi pi rho sigma tau "
    "upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega ell infty partial "
    "nabla times cdot pm mp leq le geq ge neq approx sim simeq equiv in notin subset cup cap to rightarrow leftarrow "
    "Rightarrow mapsto sum prod int sqrt frac tfrac log ln exp min max sup inf lim det dim ker Pr text textbf textit "
    "textrm texttt mathbf mathrm mathcal mathbb mathit mathsf mathfrak boldsymbol operatorname hat bar tilde vec dot "
    "overline underline star ast dagger prime circ bullet otimes oplus wedge vee mid parallel perp forall exists "
    "ldots cdots dots quad langle rangle lceil rceil lfloor rfloor left right varnothing emptyset propto ll gg "
    "rm bf it sf tt cal , ; ! : { } % & _ #"
)
_HARMLESS = frozenset(_HARMLESS_WORDS.split())


def bibtex(papers: Sequence[Paper]) -> str:
    """``@misc`` entries in UTF-8 (for biber, or BibTeX with inputenc)."""
    return "\n".join(_bibtex(paper) for paper in papers)


def _bibtex(paper: Paper) -> str:
    parts = citing.date_parts(paper)
    fields = {
        "title": "{" + tex(paper.title) + "}",
        "author": " and ".join(_bibtex_name(name) for name in citing.names(paper)),
        "year": f"{parts[0]}" if parts else "",
        "month": f"{parts[1]}" if len(parts) > 1 else "",
        "eprint": tex(paper.arxiv_id),
        "archivePrefix": "arXiv",
        "primaryClass": tex(paper.categories[0]) if paper.categories else "",
        "doi": citing.doi(paper),
        "url": abs_url(paper).replace("%", r"\%"),
        "abstract": tex(paper.abstract),
    }
    lines = [f"  {key} = {{{value}}}," for key, value in fields.items() if value]
    return "\n".join([f"@misc{{{citing.key(paper)},", *lines, "}", ""])


def _bibtex_name(name: citing.Name) -> str:
    if name.literal or " and " in f" {name} ".lower():
        return "{" + tex(str(name)) + "}"
    return f"{tex(name.family)}, {tex(name.given)}"


def tex(text: str) -> str:
    """``clean(text)`` for LaTeX: specials escaped, harmless inline maths kept, braces balanced."""
    parts = re.split(r"(\$[^$]*\$)", clean(text))
    return "".join(part if _is_maths(part) else "".join(_TEX.get(char, char) for char in part) for part in parts)


def _is_maths(part: str) -> bool:
    found = _MATHS.fullmatch(part)
    if not found or not found[1].strip() or re.search(r"\^\^|(?<!\\)[%&#]", part):
        return False
    depth = 0
    # BibTeX counts escaped braces as well, so these too have to be in balance.
    for char in found[1]:
        depth += (char == "{") - (char == "}")
        if depth < 0:
            return False
    return depth == 0 and not found[1].endswith("\\") and all(word in _HARMLESS for word in _WORD.findall(found[1]))


def ris(papers: Sequence[Paper]) -> str:
    """RIS entries (type UNPB), CRLF line ends."""
    return "".join(_ris(paper) for paper in papers)


def _ris(paper: Paper) -> str:
    parts = citing.date_parts(paper)
    rows = [("TY", "UNPB"), ("ID", citing.key(paper)), ("TI", clean(paper.title))]
    rows += [("AU", name.family if name.literal else f"{name.family}, {name.given}") for name in citing.names(paper)]
    rows += [
        ("PY", f"{parts[0]}" if parts else ""),
        ("DA", "/".join(f"{part:02d}" for part in parts)),
        ("PB", "arXiv"),
        ("DO", citing.doi(paper)),
        ("UR", abs_url(paper)),
        ("AB", clean(paper.abstract)),
    ]
    rows += [("KW", clean(category)) for category in paper.categories]
    return "".join(f"{tag}  - {value}\r\n" for tag, value in rows if value) + "ER  - \r\n\r\n"


def csl_json(papers: Sequence[Paper]) -> str:
    """CSL JSON (citeproc, Zotero, pandoc)."""
    return json.dumps([_csl(paper) for paper in papers], ensure_ascii=False, indent=2) + "\n"


def _csl(paper: Paper) -> dict[str, Any]:
    parts = citing.date_parts(paper)
    item: dict[str, Any] = {
        "id": citing.key(paper),
        "type": "article",
        "genre": "Preprint",
        "title": clean(paper.title),
        "author": [
            {"literal": name.family} if name.literal else {"family": name.family, "given": name.given}
            for name in citing.names(paper)
        ],
        "issued": {"date-parts": [list(parts)]} if parts else None,
        "archive": "arXiv",
        "number": f"arXiv:{clean(paper.arxiv_id)}",
        "DOI": citing.doi(paper),
        "URL": abs_url(paper),
        "abstract": clean(paper.abstract),
        "categories": [clean(category) for category in paper.categories],
    }
    return {key: value for key, value in item.items() if value}
