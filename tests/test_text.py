"""text and sentences: accents, maths left alone, hashes, verbatim sentences."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranker.sentences import sentence_spans, sentences
from ranker.text import (
    accents_to_unicode,
    collapse,
    display_title,
    document_text,
    forbidden_character,
    normalise_text,
    text_hash,
)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"Schr{\"o}dinger", "Schrödinger"),
        (r"Schr\"odinger", "Schrödinger"),
        (r"Schr\"{o}dinger", "Schrödinger"),
        (r"Caf\'e", "Café"),
        (r"\v{S}koda and \v S", "Škoda and Š"),
        (r"na\"{\i}ve, na\"\i ve", "naïve, naïve"),
        (r"Erd\H{o}s--R\'enyi", "Erdős--Rényi"),
        (r"Bal\'azs \c{C}elik, {\c c}", "Balázs Çelik, ç"),
        (r"{\L}ukasz \L{}ukasz \O rsted {\ss}", "Łukasz Łukasz Ørsted ß"),
        (r"\AA ngstr\"om", "Ångström"),
        (r"Fran\c{c}ois \~n \^e \`a \.z \=o \k{a} \r{u} \u{g} \d{s}", "François ñ ê à ż ō ą ů ğ ṣ"),
    ],
)
def test_accents_become_letters(written: str, read: str) -> None:
    assert accents_to_unicode(written) == read


@pytest.mark.parametrize(
    "text",
    [
        r"$\dot{x} = \"o$ and $$\v{s}$$",
        r"\(\hat{o}\) \[\'e\]",
        r"\omega \beta \vec{x} \url{a} \cite{o} \textbf{bold} \lambda \overline{x}",
        r"50\% of A_B ~ \& \# {BERT} -- ``quoted'' % no comment",
        r"C:\users \n \'1 \~{}name \^2 \'",
        "Å stays Å, no\u0308 combining",
        r"\c cedilla \v value \u unit",
    ],
)
def test_everything_else_stays(text: str) -> None:
    assert accents_to_unicode(text) == text


def test_accents_between_maths() -> None:
    assert accents_to_unicode(r"\'a $\'a$ \'a $x$ costs \$5 \'a \$6") == r"á $\'a$ á $x$ costs \$5 á \$6"


def test_white_space_and_titles() -> None:
    assert collapse(" a\n  b\u00a0c\t\x85d\x92 e ") == "a b c d e"
    assert display_title('  Schr\\"odinger:\n  a {\\bf bold} $O(n)$  ') == 'Schr\\"odinger: a {\\bf bold} $O(n)$'
    assert normalise_text("no\u0308rdlich $no\u0308$") == "n\u00f6rdlich $no\u0308$"


def test_what_is_forbidden() -> None:
    assert forbidden_character("a\x00b") == "U+0000"
    assert forbidden_character("a\x1b[31m") == "U+001B"
    assert forbidden_character("a\ud800") == "U+D800"
    assert forbidden_character("tab\t line\n é 中 \u200b") is None


def test_document_and_hash() -> None:
    assert document_text(" A\n title ", "An  abstract.") == "A title. An abstract."
    assert document_text("A title", " \n") == "A title"
    assert text_hash("A title", "x") == hashlib.sha256(b"A title. x").hexdigest()
    assert text_hash("A  title", "x\n") == text_hash("A title", "x") != text_hash("A title", "y")
    assert text_hash(r"Caf\'e", "") == text_hash("Café", "") == text_hash("Cafe\u0301", "")


@settings(deadline=None)
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert collapse(collapse(text)) == collapse(text)
    once = normalise_text(text)
    if "\\" not in once:
        assert normalise_text(once) == once
    assert "\\" in text or "".join(accents_to_unicode(text)) == text


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("We use e.g. BERT, i.e. Models of Smith et al. Those work.",
         ["We use e.g. BERT, i.e. Models of Smith et al. Those work."]),
        ("See Fig. 3 and Eq. (4). It gains 3.5 points. Done.",
         ["See Fig. 3 and Eq. (4).", "It gains 3.5 points.", "Done."]),
        ("Let $f(x). A$ be so. Then $O(1)$. $X$ too.", ["Let $f(x). A$ be so.", "Then $O(1)$.", "$X$ too."]),
        ("By J. Smith and A. B. Doe. We agree.", ["By J. Smith and A. B. Doe.", "We agree."]),
        ("Images, text, etc. We train. Models etc. and more.",
         ["Images, text, etc.", "We train.", "Models etc. and more."]),
        ("It is 'so.' \"Quoted.\" (In brackets.) End.", ["It is 'so.'", '"Quoted."', "(In brackets.)", "End."]),
        ("方法很好。结果不错！完", ["方法很好。", "结果不错！", "完"]),
        ("Wait... What? v1.5 of GPT-4. visit x.org now.", ["Wait...", "What? v1.5 of GPT-4. visit x.org now."]),
        ("Vitamin C. We measure.", ["Vitamin C.", "We measure."]),
        ("  padded.  Twice.  ", ["padded.", "Twice."]),
        ("", []),
        (" ", []),
    ],
)  # fmt: skip
def test_sentences(text: str, parts: list[str]) -> None:
    assert sentences(text) == parts


@settings(deadline=None)
@given(st.text(alphabet='aA .!?$。e.g\n"()', max_size=80))
def test_sentences_are_verbatim_and_nothing_is_lost(text: str) -> None:
    spans = sentence_spans(text)
    assert all(text[a:b] == text[a:b].strip() != "" for a, b in spans)
    assert "".join("".join(text[a:b].split()) for a, b in spans) == "".join(text.split())
    assert spans == sorted(spans)
