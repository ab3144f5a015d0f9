"""Which judge: built from the choice, the configuration and what is installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ranker import resources
from ranker.config import Config, JudgeChoice
from ranker.errors import BackendError, ConfigError
from ranker.profile import Profile, load_profile

if TYPE_CHECKING:
    from ranker.heads.model import Heads, HeadsMeta
    from ranker.protocols import Encoder, Judge


def choose_judge(
    choice: JudgeChoice,
    config: Config,
    profile: Profile,
    encoder: Encoder,
    say: Callable[[str], None] = print,
    *,
    anchor_record: Path | None = None,
    only_plan: bool = False,
) -> Judge:
    """The judge that was asked for; ``auto`` takes the best that is there.

    Args:
        anchor_record: the file that remembers a language model's anchors; without one none are scored.
        only_plan: nothing will be judged, only counted: a server that does not answer is no error then.

    Raises:
        RankerError: what is missing and how to get it.
    """

    def built_in() -> Judge:
        return built_in_judge(choice, profile, encoder)

    if choice.name != "heads":
        from ranker.backends.choose import pick_generator
        from ranker.backends.language_model import language_model_judge

        generator, why = pick_generator(choice, config, only_plan=only_plan)
        say(why)
        if generator is not None:
            return language_model_judge(config, profile, generator, built_in=built_in, record=anchor_record)
    return built_in()


def built_in_judge(choice: JudgeChoice, profile: Profile, encoder: Encoder) -> Judge:
    """The judge that uses no language model, with the heads that ``choice`` names."""
    from ranker.backends.heads import HeadsJudge

    return HeadsJudge(profile, encoder.info, choose_heads(choice.heads, profile, encoder))


def choose_heads(choice: str, profile: Profile, encoder: Encoder) -> Heads | None:
    """Heads by ``--heads``: none, a folder, or auto (this user's learned ones, else the shipped ones, else none)."""
    if choice == "none":
        return None
    if choice != "auto":
        folder = Path(choice).expanduser()
        if not folder.is_dir():
            raise ConfigError("is no folder of heads", where=str(folder), todo="give auto, none or a folder")
        return load_heads(folder, profile, encoder)
    learned = learned_heads_dir(profile)
    found = learned if learned.is_dir() else shipped_heads_dir(profile, encoder)
    return load_heads(found, profile, encoder) if found is not None else None


def load_heads(folder: Path, profile: Profile, encoder: Encoder) -> Heads:
    """Heads that fit this profile's fields and this encoder.

    Raises:
        RankerError: they were fitted for others.
    """
    from ranker.heads.model import Heads

    heads = Heads.load(folder, encoder_sha256=encoder.info.sha256)
    if heads.fields != profile.field_names:
        raise ConfigError(
            f"the heads know the fields {', '.join(heads.fields)}; profile {profile.name!r} has others",
            where=str(folder),
            todo="run `ranker learn` for this profile, or rank with --heads none",
        )
    return heads


def _fits(folder: Path, profile: Profile, encoder: Encoder) -> bool:
    """Were these shipped heads fitted for exactly this profile and encoder?"""
    from ranker.heads.model import read_meta

    packaged = load_profile(resources.config_dir() / "profiles" / f"{profile.name}.toml")
    same = packaged.content_hash() == profile.content_hash()
    return same and read_meta(folder)[0].encoder_sha256 == encoder.info.sha256


def heads_that_give_way(folder: Path, profile: Profile, encoder: Encoder) -> tuple[tuple[HeadsMeta, bool], ...]:
    """What stands behind the usable heads that new ones in ``folder`` keep from ranking, and whether those are the
    shipped ones: the heads that lie there, and, where that is the profile's own folder, the shipped ones too.
    """
    from ranker.heads.model import read_meta

    found = []
    for shipped in (False, True) if folder == learned_heads_dir(profile) else (False,):
        try:
            place = shipped_heads_dir(profile, encoder) if shipped else folder
            if place is None or not place.is_dir():
                continue
            meta, _ = read_meta(place)
        except BackendError:
            continue  # what can't be read ranks nothing either
        if meta.fields == profile.field_names and meta.encoder_sha256 == encoder.info.sha256:
            found.append((meta, shipped))
    return tuple(found)


def shipped_heads_dir(profile: Profile, encoder: Encoder) -> Path | None:
    """The shipped heads of this profile. They know the embedded encoder and the packaged profile only: whoever changes
    either starts cold.

    Raises:
        BackendError: what they were fitted for can't be read.
    """
    shipped = resources.models_dir() / f"heads-{profile.name}"
    return shipped if shipped.is_dir() and _fits(shipped, profile, encoder) else None


def learned_heads_dir(profile: Profile) -> Path:
    """Where ``ranker learn`` keeps a profile's heads."""
    return resources.user_data_dir() / "heads" / profile.name
