"""The language-model judge, put together: generator, templates, settings, the built-in judge's evidence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ranker import evidence, resources
from ranker.config import Config
from ranker.judging.after import After, load_calibration
from ranker.judging.anchors import AnchorRecord, Watch, load_anchors
from ranker.judging.judge import LanguageModelJudge, scale_name
from ranker.judging.prompts import load_templates
from ranker.judging.settings import JudgeSettings
from ranker.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Callable

    from ranker.protocols import Generator, Judge
    from ranker.types import Candidate


PACKAGED = "anchors.jsonl"


def language_model_judge(
    config: Config,
    profile: Profile,
    generator: Generator,
    *,
    built_in: Callable[[], Judge] | None = None,
    record: Path | None = None,
) -> LanguageModelJudge:
    """A judge over ``generator`` with the templates and settings of the table ``[judging]``.

    Args:
        built_in: opens the judge that ``blend`` blends in; without one it stays off.
        record: the file that remembers what anchors scored; without one none are scored.

    Raises:
        ConfigError: a template, a setting, the calibration or the anchors are wrong.
    """
    settings = config.section("judging", JudgeSettings)
    folders = (resources.user_config_dir() / "prompts", resources.config_dir() / "prompts")
    templates = load_templates(settings, profile, *folders, own=generator.info.templates)
    after = _after(settings, scale_name(generator.info, templates.label), built_in)
    watch = _watch(settings, profile, record)

    def reason(candidate: Candidate) -> str:
        return evidence.reason(candidate, profile)

    return LanguageModelJudge(generator, profile, templates, settings, evidence=reason, after=after, watch=watch)


def _after(settings: JudgeSettings, scale: str, built_in: Callable[[], Judge] | None) -> After:
    calibration, made = None, ""
    if settings.calibration:
        calibration, made = load_calibration(Path(settings.calibration).expanduser(), scale)
    blended = built_in() if built_in is not None and settings.blend > 0.0 else None
    return After(calibration, settings.blend, blended, made)


def _watch(settings: JudgeSettings, profile: Profile, record: Path | None) -> Watch | None:
    """The anchors of this profile's fields, by name: another reader's fields have none unless ``anchors_file`` does."""
    if not settings.anchors or record is None:
        return None
    path = Path(settings.anchors_file).expanduser() if settings.anchors_file else resources.config_dir() / PACKAGED
    anchors = tuple(a for a in load_anchors(path) if a.field in profile.field_names)
    return Watch(anchors, AnchorRecord(record), settings.anchor_tolerance, profile.language) if anchors else None
