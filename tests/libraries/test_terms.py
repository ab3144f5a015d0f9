"""Phrases and what sets one group's apart, by hand."""

from __future__ import annotations

from ranker.libraries.terms import distinctive, phrases, plain_tags


def test_phrases_stay_within_clauses_and_have_no_empty_edges() -> None:
    assert phrases("We study wind loads. Bridges of steel, large models") == {
        "wind", "wind loads", "loads", "Bridges", "Bridges of steel", "steel",
    }  # fmt: skip
    assert "language model" in phrases("a language model") and "model" not in phrases("a language model")


def test_tags_that_only_repeat_a_category_are_dropped() -> None:
    assert plain_tags(["Computer Science - Machine Learning", "cs.LG", "attention", "__", "x"]) == {"attention"}


def test_distinctive_phrases_are_frequent_here_and_rare_there() -> None:
    bees = [{"Bee hives", "weather"}, {"bee hive", "weather"}, {"bee-hive"}, {"bee hive", "honey"}]
    bridges = [{"weather", "steel"}, {"weather", "steel"}, {"steel"}, {"weather"}]
    first, second = distinctive([bees, bridges], 5)
    assert first[0] == "bee hive"  # four spellings of one phrase, shown as most papers write it
    assert "honey" not in first  # stands in a single paper
    assert second[0] == "steel" and "weather" not in first


def test_of_nested_phrases_the_longer_stands_unless_the_shorter_is_twice_as_common() -> None:
    group = [{"dark matter", "matter"}] * 3 + [{"matter"}]
    assert distinctive([group, [{"bees"}] * 4], 5)[0] == ["dark matter"]
    wide = [{"dark matter", "matter"}] * 2 + [{"matter"}] * 4
    assert "matter" in distinctive([wide, [{"bees"}] * 4], 5)[0]
