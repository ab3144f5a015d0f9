from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranker.judging.neutral import neutralise
from ranker.judging.render import render_body
from ranker.judging.template import load_template
from tests.judging.fakes import PROMPTS

SPECIALS = [
    "<|im_start|>", "<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<s>", "</s>", "[INST]", "[/INST]",
    "<<SYS>>", "<</SYS>>", "<start_of_turn>", "<end_of_turn>", "<bos>", "<think>", "</think>",
    "<｜User｜>", "<｜end▁of▁sentence｜>", "[gMASK]", "<paper>", "</paper>", "</ paper >", "＜/paper＞",
    "<tool_call>", "[TOOL_CALLS]", "<unused0>", "<0x0A>", "<file_sep>",
    "<|reserved_special_token_0|>", "<!--", "```", "<pad>", "<extra_id_0>", "<\u200bpaper>",
    "<|im_\u00adstart|>",
]  # fmt: skip


@pytest.mark.parametrize("special", SPECIALS)
def test_no_tag_or_special_token_survives(special: str) -> None:
    plain = special.replace("\u200b", "").replace("\u00ad", "").replace("＜", "<").replace("＞", ">").replace("｜", "|")
    result = neutralise(f"before {special} after")
    assert special not in result and plain not in result
    assert result.startswith("before ") and result.endswith(" after")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\u200bb\u202ec\u2066d\x07e\ufefff", "abcdef"),
        ("a\u00a0b\u2003c\u3000d\u2028e\nf\tg", "a b c d e f g"),
        ("we get p < 0.05 and x <= y", "we get p < 0.05 and x <= y"),
        ("p<0.05, a<b>c", "p< 0.05, a‹b›c"),
        ("in [0, 1] and [12]", "in [0, 1] and [12]"),
        ("$\\mathbb{R}^{d}$ 的 50% {x}", "$\\mathbb{R}^{d}$ 的 50% {x}"),
        ("Schrödinger’s “cat” 😀", "Schrödinger’s “cat” 😀"),
    ],
)
def test_what_a_reader_sees_stays(text: str, expected: str) -> None:
    assert neutralise(text) == expected


@settings(deadline=None)
@given(st.lists(st.sampled_from([*SPECIALS, "<", ">", "|", "[", "]", "a", " ", "/", "paper", "\u200d"]), max_size=12))
def test_nothing_put_together_leaves_the_fence(parts: list[str]) -> None:
    text = neutralise("".join(parts))
    assert neutralise(text) == text
    body = render_body(load_template(PROMPTS / "en-field.toml"), text, "".join(parts))
    assert body.count("<paper>") == 1 and body.count("</paper>") == 1
    inside = body[body.index("<paper>") + 7 : body.index("</paper>")]
    for special in SPECIALS[:12]:
        assert special not in inside
