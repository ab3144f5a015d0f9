from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from ranker.judging.render import head_hash, render_body, render_head, with_topics
from ranker.judging.template import Template, load_template
from tests.judging.fakes import PROFILE, PROMPTS

SMALL = Template(
    name="small",
    version=1,
    kind="label",
    scope="field",
    language="en",
    head="{name}|{description}|{details}|{keywords}|{exclude}|{unwanted}",
    body="<paper>{title}|{abstract}</paper> Which?",
    labels=("0", "1"),
)


def test_a_head_holds_the_field_and_what_is_not_wanted() -> None:
    assert render_head(SMALL, PROFILE, "缓存") == (
        "缓存|KV cache compression.|- Eviction of keys.|KV cache, eviction|network cache|- 医疗: Medicine."
    )
    assert render_head(SMALL, PROFILE, "安全") == "安全|Jailbreaks and defences.|-|jailbreak|-|- 医疗: Medicine."


def test_all_fields_stand_in_one_head() -> None:
    every = dataclasses.replace(
        SMALL, scope="all", head="{fields}", field_line="* {name} ({description} {keywords}; not {exclude})"
    )
    assert render_head(every, PROFILE) == (
        "* 缓存 (KV cache compression. KV cache, eviction; not network cache)\n"
        "* 安全 (Jailbreaks and defences. jailbreak; not -)"
    )


def test_a_question_may_name_the_topics_once_more() -> None:
    every = dataclasses.replace(SMALL, scope="all", head="{fields}", body=f"{SMALL.body} About {{topics}}?")
    braces = dataclasses.replace(PROFILE.fields[0], description="Caches {x}: all of them. Really.")
    profile = dataclasses.replace(PROFILE, fields=(braces, PROFILE.fields[1]))
    body = render_body(with_topics(every, profile), "T", "A")
    assert body == "<paper>T|A</paper> Which? About Caches {x}; Jailbreaks and defences?"
    assert with_topics(SMALL, profile) is SMALL


def test_an_unknown_field_is_an_error() -> None:
    with pytest.raises(KeyError, match="量子"):
        render_head(SMALL, PROFILE, "量子")


def test_braces_in_a_profile_or_a_paper_are_text() -> None:
    odd = dataclasses.replace(PROFILE, unwanted=(dataclasses.replace(PROFILE.unwanted[0], description="{title} {0}"),))
    assert "{title} {0}" in render_head(SMALL, odd, "缓存")
    assert render_body(SMALL, "A {title}", "{abstract} {") == "<paper>A {title}|{abstract} {</paper> Which?"


def test_the_hash_is_of_the_rendered_head() -> None:
    # echo -n abc | sha256sum
    assert head_hash("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize("path", sorted(PROMPTS.glob("*.toml")), ids=lambda p: p.stem)
def test_packaged_heads_name_field_and_exclusions_and_never_change_with_a_paper(path: Path) -> None:
    template = load_template(path)
    head = render_head(template, PROFILE, "缓存")
    assert "KV cache compression" in head
    if template.kind == "label" and "{topics}" not in template.head:  # that one is short, for fine-tuned models
        assert "Medicine." in head and "KV cache" in head
    assert ("Jailbreaks" in head) == (template.scope == "all")


def test_an_endless_title_is_cut_but_an_abstract_is_left_to_the_budget() -> None:
    body = render_body(SMALL, "x" * 1000, "y" * 5000)
    assert body == f"<paper>{'x' * 400}…|{'y' * 5000}</paper> Which?"
