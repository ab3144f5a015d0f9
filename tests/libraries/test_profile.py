"""Thirty invented papers on bees, bridges and galaxies become three fields, whatever format they come in."""

from __future__ import annotations

import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ranker.backends.encoders import choose_encoder
from ranker.config import EncoderSettings
from ranker.errors import InputError
from ranker.libraries import profile_from_library
from ranker.profile import Profile, parse_profile
from ranker.protocols import Encoder
from ranker.sources.libraries import LibraryEntry, read_library
from tests.conftest import Run
from tests.libraries.invented import FORMS, TITLES, topic_of


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return choose_encoder(EncoderSettings())


def entries(folder: Path, form: str) -> list[LibraryEntry]:
    path = folder / form
    path.write_text(FORMS[form](), encoding="utf-8")
    return list(read_library(path, on_rejected=lambda r: pytest.fail(str(r))))


def parsed(text: str) -> Profile:
    return parse_profile(tomllib.loads(text), file="made.toml", text=text)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_three_topics_become_three_fields(form: str, encoder: Encoder, tmp_path: Path) -> None:
    library = entries(tmp_path, form)
    assert [e.title for e in library] == list(TITLES)
    text = profile_from_library(library, encoder, name="my-lab")
    made = parsed(text)
    topics: list[str] = []
    for field in made.fields:
        of = {topic_of(e.title) for e in field.examples}
        assert len(of) == 1 and all(e.id.startswith("2602.9") for e in field.examples)
        topics += of
        assert field.keywords and field.name
    assert sorted(topics) == ["bees", "bridges", "galaxies"]
    words = {t: " ".join((f.name, *f.keywords)).lower() for t, f in zip(topics, made.fields, strict=True)}
    assert "honeybee" in words["bees"] and "bridge" in words["bridges"] and "galax" in words["galaxies"]
    assert made.name == "my-lab" and "# authors = [" in text and '"Ada Brook"' in text
    assert text == profile_from_library(library, encoder, name="my-lab")  # same library, same text


def test_the_number_of_fields_can_be_asked_for(encoder: Encoder, tmp_path: Path) -> None:
    library = entries(tmp_path, "library.csv")
    assert len(parsed(profile_from_library(library, encoder, fields=5)).fields) == 5
    assert len(parsed(profile_from_library(library, encoder, fields=1)).fields) == 1


def entry(title: str, **more: Any) -> Any:
    values = {"abstract": "", "authors": (), "arxiv_id": None, "keywords": ()} | more
    return SimpleNamespace(title=title, **values)


def test_what_can_be_no_profile_is_refused(encoder: Encoder) -> None:
    with pytest.raises(InputError, match="1 papers with different titles"):
        profile_from_library([entry("One paper"), entry("One Paper.")], encoder)
    with pytest.raises(InputError, match="ask for 1 to 2"):
        profile_from_library([entry("One"), entry("Two")], encoder, fields=3)
    with pytest.raises(InputError, match="slug"):
        profile_from_library([entry("One"), entry("Two")], encoder, name="My Lab")


def test_hostile_titles_stay_inside_their_strings(encoder: Encoder) -> None:
    titles = ['A "quoted" \\title\\ ]', "Line\nbreak\t= 1", "DEL \x7f and half \ud800 pair", "'''\"\"\" [[fields]]"]
    made = parsed(profile_from_library([entry(t) for t in titles], encoder, fields=2))
    shown = sorted(e.title for f in made.fields for e in f.examples)
    assert shown == sorted(
        ['A "quoted" \\title\\ ]', "Line break = 1", "DEL \x7f and half ? pair", "'''\"\"\" [[fields]]"]
    )


def test_the_command_writes_a_profile_that_check_accepts(tmp_path: Path, cli: Any) -> None:
    (tmp_path / "library.ris").write_text(FORMS["library.ris"](), encoding="utf-8")
    done: Run = cli("profile", "from-library", "library.ris", "--fields", 3, "--out", "mine.toml")
    assert done.returncode == 0, done.stderr
    assert "3 fields" in done.stdout
    assert cli("profile", "check", "mine.toml").returncode == 0
    again: Run = cli("profile", "from-library", "library.ris", "--out", "mine.toml")
    assert again.returncode == 4 and "exists already" in again.stderr
