"""LaTeX in titles and abstracts, rendered when the page is built: formulas as MathML, a few text commands as HTML.

Only elements and attributes of MathML Core's presentation set leave this module, so no ``href``, style or script
can come from a formula; what does not convert stays as its own source.
"""

from __future__ import annotations

import html
import re
from functools import lru_cache
from xml.etree.ElementTree import Element

from markupsafe import Markup, escape

FORMULA = re.compile(
    r"""
    \$\$(?P<display>(?:[^$\\]|\\.){1,2000}?)\$\$
  | \\\[(?P<bracket>.{1,2000}?)\\\]
  | \\\((?P<paren>.{1,1000}?)\\\)
  | (?<![\\$])\$(?P<inline>(?:\S|\S(?:[^$\\]|\\.){0,1000}?[^\s\\]))\$(?![\d$])   # "$5 and $10" is no formula
    """,
    re.VERBOSE | re.DOTALL,
)

_ELEMENTS = frozenset(
    {"math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "msup", "msub", "msubsup", "munder", "mover", "munderover",
     "mfrac", "msqrt", "mroot", "mtable", "mtr", "mtd", "mstyle", "mpadded", "mphantom", "mmultiscripts",
     "mprescripts", "none", "menclose", "merror"}
)  # fmt: skip
_ATTRIBUTES = frozenset(
    {"stretchy", "fence", "separator", "form", "mathvariant", "accent", "accentunder", "linethickness",
     "columnalign", "rowspacing", "columnspacing", "displaystyle", "scriptlevel", "minsize", "maxsize", "lspace",
     "rspace", "largeop", "movablelimits", "notation"}
)  # fmt: skip
_CHILDREN = {"mfrac": 2, "msup": 2, "msub": 2, "mover": 2, "munder": 2, "mroot": 2, "msubsup": 3, "munderover": 3}
_VALUE = re.compile(r"[\w.\s%+-]{0,40}\Z")
_ESCAPED = re.compile(r"\\.", re.DOTALL)
_LONGEST = 1000
_DEEPEST = 40


def render(source: str, *, display: bool = False) -> Markup:
    """MathML of a formula, or its escaped source in ``<code>`` where it does not convert."""
    if len(source) <= _LONGEST and (inner := _convert(source)) is not None:
        mode = Markup(' display="block"') if display else Markup("")
        return Markup("<math{}>{}</math>").format(mode, inner)
    return Markup('<code class="tex">{}</code>').format(source)


@lru_cache(maxsize=4096)
def _convert(source: str) -> Markup | None:
    from latex2mathml.converter import convert_to_element

    braces = _ESCAPED.sub("", source)
    if "\\href" in source or not braces.count("{") == braces.count("}") <= 200:
        return None
    try:
        element = convert_to_element(source)
        return Markup("").join(_serialise(child, 0) for child in element)
    # A parser of hostile input raises anything: its own errors, IndexError, KeyError, RecursionError. Nothing is
    # lost: the source is shown instead.
    except Exception:
        return None


def _serialise(element: Element, depth: int) -> Markup:
    if depth > _DEEPEST or element.tag not in _ELEMENTS or _CHILDREN.get(element.tag, len(element)) != len(element):
        raise ValueError(f"not rendered: {element.tag}")
    attributes = Markup("").join(
        Markup(' {}="{}"').format(name, value)
        for name, value in element.attrib.items()
        if name in _ATTRIBUTES and _VALUE.match(value)
    )
    # latex2mathml leaves character references in the text of its elements
    text = escape(html.unescape(element.text or ""))
    inner = Markup("").join(_serialise(child, depth + 1) for child in element)
    return Markup("<{0}{1}>{2}{3}</{0}>").format(Markup(element.tag), attributes, text, inner)
