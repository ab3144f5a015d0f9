"""ids: worked examples, then properties over every id that the schemes allow."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranker.ids import OLD_ARCHIVES, ArxivId, abs_url, find_ids, parse_id, pdf_url


@pytest.mark.parametrize(
    ("text", "base", "version"),
    [
        ("2510.20887", "2510.20887", None),
        ("2510.20887v3", "2510.20887", 3),
        (" 0704.0001v2 ", "0704.0001", 2),
        ("1412.9999", "1412.9999", None),
        ("1501.00001", "1501.00001", None),
        ("arXiv:2203.01250v12", "2203.01250", 12),
        ("arxiv: 2203.01250", "2203.01250", None),
        ("arXiv:2203.01250v1 [cs.LG]", "2203.01250", 1),
        ("oai:arXiv.org:2203.01250v3", "2203.01250", 3),
        ("oai:arXiv.org:hep-th/9901001", "hep-th/9901001", None),
        ("http://arxiv.org/abs/cs/0601001v1", "cs/0601001", 1),
        ("https://arxiv.org/abs/2203.01250", "2203.01250", None),
        ("https://www.arxiv.org/pdf/2203.01250v2.pdf", "2203.01250", 2),
        ("export.arxiv.org/pdf/2203.01250#page=3", "2203.01250", None),
        ("https://arxiv.org/pdf/math/0309136v1.pdf?download=1", "math/0309136", 1),
        ("https://arxiv.org/html/2203.01250v2/", "2203.01250", 2),
        ("10.48550/arXiv.2301.00001", "2301.00001", None),
        ("https://doi.org/10.48550/ARXIV.2301.00001", "2301.00001", None),
        ("doi:10.48550/arXiv.hep-th/9901001", "hep-th/9901001", None),
        ("https://doi.org/10.48550%2FarXiv.2301.00001", "2301.00001", None),
        ("math.GT/0309136", "math/0309136", None),
        ("cond-mat.mes-hall/0309136v2", "cond-mat/0309136", 2),
        ("HEP-TH/9901001", "hep-th/9901001", None),
        ("math/0703001", "math/0703001", None),
    ],
)
def test_every_way_of_writing_an_id(text: str, base: str, version: int | None) -> None:
    assert parse_id(text) == ArxivId(base, version)


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "v1", "2510", "2510.", "2510.123", "2510.123456", "2513.12345", "2500.12345", "0703.0001", "0612.0001",
        "1501.0001", "1412.00001", "2510.00000", "0704.0000", "2510.20887v0", "2510.20887v", "2510.20887v1000",
        "2510.20887 v1", "x2510.20887", "2510.20887x", "２５１０.20887", "foo/0309136", "math/0313001", "math/0704001",
        "hep-th/9106001", "math/0309000", "math/030913", "math/03091361", "https://example.org/abs/2510.20887",
        "10.1000/arXiv.2301.00001", "2510.20887,2510.20888", "2510.20887\x00", "9" * 400, "not an id",
    ],
)  # fmt: skip
def test_what_is_no_id_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(ValueError, match="not an arXiv id"):
        parse_id(text)


def test_ids_in_free_text() -> None:
    note = "Comment: 12 pages, 3.1415 and 2510.1234; see arXiv:2510.20887v2 (also hep-th/9901001), https://arxiv.org/abs/0704.0001."
    assert [str(i) for i in find_ids(note)] == ["2510.20887v2", "hep-th/9901001", "0704.0001"]


def test_addresses() -> None:
    assert abs_url("2510.20887") == "https://arxiv.org/abs/2510.20887"
    assert pdf_url("hep-th/9901001", 2) == "https://arxiv.org/pdf/hep-th/9901001v2"


months = st.integers(1, 12)


@st.composite
def new_bases(draw: st.DrawFn) -> str:
    year, month = draw(st.integers(7, 99)), draw(months)
    if year == 7:
        month = max(month, 4)
    width = 4 if year < 15 else 5
    return f"{year:02d}{month:02d}.{draw(st.integers(1, 10**width - 1)):0{width}d}"


@st.composite
def old_bases(draw: st.DrawFn) -> str:
    year, month = draw(st.integers(1991, 2007)), draw(months)
    if year == 1991:
        month = max(month, 7)
    if year == 2007:
        month = min(month, 3)
    return f"{draw(st.sampled_from(sorted(OLD_ARCHIVES)))}/{year % 100:02d}{month:02d}{draw(st.integers(1, 999)):03d}"


bases = st.one_of(new_bases(), old_bases())
versions = st.one_of(st.none(), st.integers(1, 999))
FORMS = [
    "{}", " {} ", "arXiv:{}", "oai:arXiv.org:{}", "https://arxiv.org/abs/{}", "http://arxiv.org/pdf/{}",
    "https://export.arxiv.org/pdf/{}.pdf", "10.48550/arXiv.{}", "https://doi.org/10.48550/arXiv.{}", "{} [cs.CL]",
]  # fmt: skip


@settings(deadline=None)
@given(bases, versions, st.sampled_from(FORMS))
def test_every_valid_id_comes_back_from_every_form(base: str, version: int | None, form: str) -> None:
    written = form.format(ArxivId(base, version))
    assert parse_id(written) == ArxivId(base, version)
    assert list(find_ids(written.replace("arXiv.", "arXiv:"))) == [ArxivId(base, version)]


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_parses_to_a_stable_id_or_is_refused(text: str) -> None:
    try:
        found = parse_id(text)
    except ValueError:
        return
    assert parse_id(str(found)) == found


@settings(deadline=None)
@given(bases, st.sampled_from("0123456789"), st.integers(0, 11))
def test_one_digit_more_is_another_id_or_none(base: str, digit: str, place: int) -> None:
    longer = base[:place] + digit + base[place:]
    with contextlib.suppress(ValueError):  # refused is fine: it must not be read as the shorter id
        assert parse_id(longer).base == longer
