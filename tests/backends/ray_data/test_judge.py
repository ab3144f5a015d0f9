"""The judge's part in a replica, without Ray: who may answer under the driver's keys."""

from __future__ import annotations

import dataclasses

import pytest

from ranker.backends.fake import FakeGenerator
from ranker.backends.language_model import language_model_judge
from ranker.backends.ray_data.judge import JudgeRecipe, identity
from ranker.config import load_config
from ranker.errors import BackendError
from ranker.types import Candidate
from tests.backends.ray_data.parts import fake_generator
from tests.make import paper, profile, route


def test_other_weights_or_prompts_than_the_drivers_are_refused() -> None:
    config, chosen = load_config(), profile()
    driver = identity(language_model_judge(config, chosen, fake_generator()), chosen)
    recipe = JudgeRecipe(config, chosen, fake_generator, driver)
    outcomes, _ = recipe()(("judge", [Candidate(paper(1), route(field="A"), "hash", b"")]))
    assert [o.arxiv_id for o in outcomes] == [paper(1).arxiv_id]
    other_weights = dataclasses.replace(recipe, open_generator=lambda: FakeGenerator(max_context=2048))
    other_prompts = dataclasses.replace(recipe, config=dataclasses.replace(config, judging={"template": "en-field"}))
    other_words = dataclasses.replace(recipe, config=dataclasses.replace(config, judging={"write_brief": True}))
    for wrong in (other_weights, other_prompts, other_words):
        with pytest.raises(BackendError, match="others than the driver's"):
            wrong()
