"""The house model that ships: merged on first use, asked with its own prompt, and it knows the fields from the rest."""

from __future__ import annotations

from pathlib import Path

from ranker import resources
from ranker.backends.house import adapter_folder, ensure_house
from ranker.backends.transformers import TransformersGenerator
from ranker.backends.tuned import read_tuned
from ranker.config import Config
from ranker.judging.prompts import Heads
from ranker.judging.template import load_template
from ranker.profile import find_profile, load_profile
from tests.backends.language_models import smollm2
from tests.judging.fakes import candidate

PROFILE = load_profile(find_profile("default"))


def test_it_was_made_for_the_profile_and_the_prompt_that_ship() -> None:
    tuned = read_tuned(adapter_folder())
    assert tuned is not None and tuned.profile == PROFILE.name and max(tuned.days) < "2026-01-01"
    (own,) = (load_template(Path(f)) for f in tuned.template_files(adapter_folder()))
    assert own == load_template(resources.config_dir() / "prompts" / "en-short.toml")
    assert tuned.prompt_hash == Heads(own, PROFILE).template_hash
    assert sum(f.stat().st_size for f in adapter_folder().iterdir()) < 20e6


def test_it_is_merged_once_and_ranks_what_the_profile_wants_first() -> None:
    from ranker.backends.language_model import language_model_judge

    smollm2()  # skips where it is not installed
    folder = ensure_house()
    assert ensure_house() == folder and read_tuned(folder) == read_tuned(adapter_folder())
    wanted = ("Evicting keys from the KV cache of large language models", "We compress the key-value cache of LLMs.")
    other = ("Rotation curves of dwarf galaxies", "We fit dark-matter haloes to the rotation of forty dwarf galaxies.")
    generator = TransformersGenerator(folder)
    judge = language_model_judge(Config(), PROFILE, generator)
    try:
        field = PROFILE.field_names[0]
        papers = [candidate(i, field=field, title=t, abstract=a) for i, (t, a) in enumerate((other, wanted), 1)]
        found = {o.arxiv_id: o for o in judge.judge(papers)}
    finally:
        judge.close()
    assert found["2601.00002"].relevance > found["2601.00001"].relevance + 2  # type: ignore[union-attr]
    assert judge.scale.endswith("en-short.1")
