"""Which judge: built from the choice, the configuration and what is installed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ranker import resources
from ranker.config import Config, JudgeChoice
from ranker.errors import ConfigError
from ranker.profile import Profile

if TYPE_CHECKING:
    from ranker.heads.model import Heads
    from ranker.protocols import Encoder, Judge


def choose_judge(choice: JudgeChoice, config: Config, profile: Profile, encoder: Encoder) -> Judge:
    """The judge that was asked for; ``auto`` takes the best that is there.

    Raises:
        RankerError: what is missing and how to get it.
    """
    from ranker.backends.heads import HeadsJudge

    return HeadsJudge(profile, encoder.info, choose_heads(choice.heads, profile, encoder))


def choose_heads(choice: str, profile: Profile, encoder: Encoder) -> Heads | None:
    """Heads by ``--heads``: none, a folder, or auto (this user's learned ones, else the shipped ones, else none)."""
    if choice == "none":
        return None
    folder = Path(choice).expanduser() if choice != "auto" else learned_heads_dir(profile)
    if choice != "auto" and not folder.is_dir():
        raise ConfigError("is no folder of heads", where=str(folder), todo="give auto, none or a folder")
    if not folder.is_dir():
        return None
    from ranker.heads.model import Heads

    return Heads.load(folder, encoder_sha256=encoder.info.sha256)


def learned_heads_dir(profile: Profile) -> Path:
    """Where ``ranker learn`` keeps a profile's heads."""
    return resources.user_data_dir() / "heads" / profile.name
