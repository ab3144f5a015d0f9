"""What can be set about the language-model judge; the table ``[judging]`` of the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """Checked on construction: ``ValueError`` names the key and its bound.

    ``template``: name under ``config/prompts/`` or a path to a .toml file; ``auto`` takes what the model was fine-tuned
    on, and ``zh-field`` for a model as it came. ``language`` of the texts; ``auto`` takes
    the profile's. ``min_mass``: share of probability (0-1) that must fall on labels, else the paper is unscored; a
    small model spreads its first token widely (SmolLM2-135M: median 0.1, lowest 0.03), a large one answers with a
    label nearly always. ``second_field_margin``: where the router's margin (similarity) is at most this, the second
    field is judged too and the better one wins; 0 turns it off. ``max_paper_tokens``: a paper's share of the prompt;
    only its abstract is cut. ``mask_suspicious``: read papers with suspect spans again without them, and keep that
    reading. ``retry_temperature`` and ``seed`` are for the one retry of a text that failed its checks.
    ``calibration``: path of a map that `ranker calibrate` fitted, empty for none. ``anchors``: score the fixed papers
    of ``anchors_file`` (empty: the packaged ones) in every run that asks the model; ``anchor_tolerance`` in relevance
    units. ``blend``: weight (0-1) of the built-in judge's relevance in the ordering.
    """

    template: str = "auto"
    language: Literal["auto", "zh", "en"] = "auto"
    min_mass: float = 0.02
    second_field_margin: float = 0.0
    max_paper_tokens: int = 1024
    mask_suspicious: bool = True
    write_reason: bool = True
    write_summary: bool = False
    write_brief: bool = False
    retry_temperature: float = 0.7
    seed: int = 0
    blend: float = 0.0
    calibration: str = ""
    anchors: bool = True
    anchors_file: str = ""
    anchor_tolerance: float = 0.25

    def __post_init__(self) -> None:
        if not self.template.strip():
            raise ValueError("template must name a prompt template")
        if not 0.0 <= self.min_mass < 1.0:
            raise ValueError("min_mass must lie in [0, 1)")
        if not 0.0 <= self.second_field_margin <= 2.0:
            raise ValueError("second_field_margin must lie in 0..2 (it is a difference of similarities)")
        if self.max_paper_tokens < 64:
            raise ValueError("max_paper_tokens must be 64 or more")
        if not 0.0 < self.retry_temperature <= 2.0:
            raise ValueError("retry_temperature must lie in (0, 2]")
        if self.seed < 0:
            raise ValueError("seed must be 0 or more")
        if not 0.0 <= self.blend <= 1.0:
            raise ValueError("blend must lie in 0..1")
        if self.anchor_tolerance <= 0.0:
            raise ValueError("anchor_tolerance must be above 0")
