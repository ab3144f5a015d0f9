from __future__ import annotations

import math

import numpy as np
import pytest

from ranker.heads.lexical import TITLE_WEIGHT, Block, Vocabulary, ngrams


def test_ngrams_are_words_and_neighbouring_pairs() -> None:
    assert ngrams("A KV-cache, for LLMs: KV") == [
        *("kv", "cache", "for", "llms", "kv"),
        *("kv cache", "cache for", "for llms", "llms kv"),
    ]


def test_a_row_by_hand() -> None:
    block = Block.fit([["aa", "bb"], ["aa"], ["aa", "cc"]], min_papers=1)
    assert block.terms == ("aa", "bb", "cc")
    assert block.idf == pytest.approx([1.0, math.log(4 / 2) + 1, math.log(4 / 2) + 1])
    columns, values = block.row(["bb", "aa", "aa", "zz"])
    a, b = 1 + math.log(2), math.log(2) + 1
    assert columns.tolist() == [0, 1]
    assert values == pytest.approx([a / math.hypot(a, b), b / math.hypot(a, b)])


def test_rare_ngrams_are_left_out() -> None:
    assert Block.fit([["aa", "bb"], ["aa"]], min_papers=2).terms == ("aa",)


def test_title_block_weighs_half_and_unknown_text_is_empty() -> None:
    papers = [("alpha beta", "gamma delta"), ("alpha", "gamma")]
    vocabulary = Vocabulary.fit(papers, 2)
    matrix = vocabulary.matrix(papers)
    assert vocabulary.text.terms == ("alpha", "gamma")
    assert matrix.toarray()[1] == pytest.approx([math.sqrt(0.5), math.sqrt(0.5), TITLE_WEIGHT])
    columns, values = next(iter(vocabulary.rows([("不知", "道")])))
    assert len(columns) == len(values) == 0
    assert np.asarray(vocabulary.matrix([]).shape).tolist() == [0, 3]
