from __future__ import annotations

import dataclasses

from ranker.judging.budget import fit_bodies
from tests.judging.test_render import SMALL

FORM = dataclasses.replace(SMALL, body="<paper> {title} | {abstract} </paper> Which label?")


def count(texts: object) -> list[int]:
    return [len(t.split()) for t in texts]  # type: ignore[attr-defined]


def test_only_the_abstract_gives_way() -> None:
    long = " ".join(f"word{i}" for i in range(500))
    short, cut = fit_bodies(FORM, [("Two words", "Three short words"), ("Two words", long)], 60, count)
    assert short == ("<paper> Two words | Three short words </paper> Which label?", False)
    assert cut is not None and cut[1]
    body = cut[0]
    assert body.startswith("<paper> Two words | word0 word1 ") and body.endswith("… </paper> Which label?")
    assert 45 <= len(body.split()) <= 60


def test_text_without_spaces_is_cut_too() -> None:
    def letters(texts: object) -> list[int]:
        return [len(t) for t in texts]  # type: ignore[attr-defined]

    (found,) = fit_bodies(FORM, [("题", "缓存" * 400)], 100, letters)
    assert found is not None and found[1] and len(found[0]) <= 100 and "缓存" in found[0]


def test_a_paper_whose_title_leaves_no_room_is_refused_not_mangled() -> None:
    (found,) = fit_bodies(FORM, [("many " * 60, "short")], 20, count)
    assert found is None


def test_room_for_the_title_alone_leaves_it() -> None:
    (found,) = fit_bodies(FORM, [("Two words", "x " * 400)], 7, count)
    assert found == ("<paper> Two words |  </paper> Which label?".replace("|  <", "|  <"), True)


def test_nothing_is_counted_for_nothing() -> None:
    assert fit_bodies(FORM, [], 10, lambda texts: 1 / 0) == []  # type: ignore[arg-type, return-value]
