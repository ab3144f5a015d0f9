"""The README in both languages calls the outcomes what the digest and the page call them."""

from __future__ import annotations

import re

import pytest

from ranker.digest.site.strings import PAGE
from ranker.digest.words import EN, ZH
from tests.conftest import ROOT


@pytest.mark.parametrize(("name", "column", "words"), [("README.zh.md", 0, ZH), ("README.md", 1, EN)])
def test_outcomes_have_the_digests_names(name: str, column: int, words: dict[str, str]) -> None:
    identity = re.search(r"(?:读入行数|Lines read) = (.+?)(?:；|, or)", (ROOT / name).read_text(encoding="utf-8"))
    assert identity is not None
    told = identity[1].replace("_", " ")  # the English one has the keys of the files
    for sentence in (words["identity"], PAGE["accounts"][column]):
        parts = [re.sub(r"\{\w+\}", "", part).strip() for part in sentence.split(" = ")[1].split("+")]
        assert told.split(" + ") == parts
