"""The language-model judge, put together: generator, templates, settings, the built-in judge's evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ranker import evidence, resources
from ranker.config import Config
from ranker.judging.judge import LanguageModelJudge
from ranker.judging.prompts import load_templates
from ranker.judging.settings import JudgeSettings
from ranker.profile import Profile

if TYPE_CHECKING:
    from ranker.protocols import Generator
    from ranker.types import Candidate


def language_model_judge(config: Config, profile: Profile, generator: Generator) -> LanguageModelJudge:
    """A judge over ``generator`` with the templates and settings of the table ``[judging]``.

    Raises:
        ConfigError: a template or a setting is wrong.
    """
    settings = config.section("judging", JudgeSettings)
    folders = (resources.user_config_dir() / "prompts", resources.config_dir() / "prompts")

    def reason(candidate: Candidate) -> str:
        return evidence.reason(candidate, profile)

    return LanguageModelJudge(
        generator, profile, load_templates(settings, profile, *folders), settings, evidence=reason
    )
