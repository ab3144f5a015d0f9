"""Profiles and configuration: what is wrong is named with file, key, line and what would be right."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from ranker import resources
from ranker.config import EncoderSettings, load_config
from ranker.errors import ConfigError
from ranker.profile import Field, Profile, Recommend, Routing, Subscriptions, Veto, find_profile, load_profile
from ranker.toml import find_line
from tests.make import profile

GOOD = """name = "mine"
title = "Mine"
[recommend]
top_n = 5
[[fields]]
name = "One"
description = "the first field"
keywords = ["a"]
examples = [{ id = "1706.03762", title = "Attention" }]
[[fields]]
name = "Two"
description = "the second"
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "p.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_good_profile_loads(tmp_path: Path) -> None:
    loaded = load_profile(write(tmp_path, GOOD))
    assert loaded.field_names == ("One", "Two")
    assert loaded.fields[0].examples[0].id == "1706.03762"
    assert loaded.recommend == Recommend(top_n=5)


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ('keywords = ["a"]', 'keyword = ["a"]', 8, "did you mean 'keywords'"),
        ('keywords = ["a"]', 'keywords = "a"', 8, "not a list"),
        ('keywords = ["a"]', "keywords = [1]", 8, "not a string"),
        ("top_n = 5", 'top_n = "5"', 4, "a whole number"),
        ("top_n = 5", "top_n = true", 4, "a whole number"),
        ("top_n = 5", "top_n = -1", 4, "0 or more"),
        ("top_n = 5", "top_n = 5\ntop_share = 0.5", 3, "exactly one"),
        ("top_n = 5", "top_share = 1.5", 4, "(0, 1]"),
        ('name = "mine"', 'name = "My Lab"', 1, "slug"),
        ('name = "Two"\n', "", 10, "'name' is missing"),
        ('description = "the second"', 'description = " "', 12, "description must say"),
        ('title = "Mine"', 'title = "Mine"\nlanguage = "fr"', 3, "one of 'zh', 'en'"),
        ('title = "Mine"', 'title = "Mine', 2, "not valid TOML"),
        ('keywords = ["a"]', 'keywords = ["a", ""]', 8, "no blank entry; number 2"),
        ('keywords = ["a"]', 'keywords = [" - "]', 8, "no blank entry; number 1"),
        ('keywords = ["a"]', 'exclude = ["\\t"]', 8, "no blank entry"),
        ('keywords = ["a"]', 'descriptions = [""]', 8, "no blank entry"),
        ('title = "Attention"', 'title = " "', 9, "paper's title"),
        ("[recommend]", '[veto]\nkeywords = [""]\n[recommend]', 4, "no blank entry"),
        ("[recommend]", '[follow]\nauthors = [""]\n[recommend]', 4, "no blank entry"),
        ("[recommend]", '[follow]\nphrases = [" "]\n[recommend]', 4, "no blank entry"),
        ("[recommend]", '[follow]\ncategories = [""]\n[recommend]', 4, "no blank entry"),
        ("[recommend]", '[follow]\nkeywords = [""]\n[recommend]', 4, "no blank entry"),
        ("[recommend]", '[[unwanted]]\nname = ""\ndescription = "d"\n[recommend]', 4, "one non-empty line"),
        ("[recommend]", '[[unwanted]]\nname = "U"\ndescription = ""\n[recommend]', 5, "description must say"),
        (
            "[recommend]",
            '[[unwanted]]\nname = "U"\ndescription = "d"\nkeywords = [""]\n[recommend]',
            6,
            "no blank entry",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, line: int, says: str) -> None:
    path = write(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        load_profile(path)
    message = str(caught.value)
    assert says in message
    assert f"{path}:{line}" in message or f"line {line}" in message


def test_names_must_differ(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="twice: One"):
        load_profile(write(tmp_path, GOOD.replace('"Two"', '"One"')))


def test_lines_are_found_in_arrays_of_tables() -> None:
    assert find_line(GOOD, ("fields", 1, "description")) == 12
    assert find_line(GOOD, ("fields", 0)) == 5
    assert find_line(GOOD, ("nothing",)) is None


def test_an_unknown_profile_names_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="default"):
        find_profile("absent")


def test_the_default_profile_is_the_one_of_the_seeds() -> None:
    loaded = load_profile(find_profile("default"))
    assert set(loaded.field_names) == {
        "原生多模态大模型",
        "多模态智能体",
        "大模型安全与对齐",
        "大模型新技术",
        "深度学习可解释性",
        "深度学习理论",
        "高效大模型训练与推理",
    }
    assert [t.name for t in loaded.unwanted] == ["医疗健康", "遥感领域"]
    assert loaded.recommend == Recommend(top_share=0.25)


CHANGED: dict[str, tuple[object, bool]] = {  # another value of every key, and whether judgments change with it
    "name": ("other", False),
    "title": ("Other", False),
    "fields": ((Field("A", "something else"), Field("B", "bounds")), True),
    "recommend": (Recommend(top_n=3), False),
    "language": ("en", True),
    "routing": (Routing(min_similarity=0.3), False),
    "unwanted": ((), True),
    "veto": (Veto(("survey",)), False),
    "follow": (Subscriptions(authors=("A. B.",)), False),
}


@pytest.mark.parametrize("key", [f.name for f in dataclasses.fields(Profile)])
def test_the_content_hash_covers_what_shapes_judgments_only(key: str) -> None:
    value, shapes = CHANGED[key]
    assert getattr(profile(), key) != value
    assert (profile(**{key: value}).content_hash() != profile().content_hash()) is shapes


def test_the_content_hash_covers_the_unwanted_penalty() -> None:
    changed = profile(routing=Routing(min_similarity=0.05, unwanted_penalty=1.0))
    assert changed.content_hash() != profile().content_hash()


def test_a_name_means_a_profile_not_a_file_that_happens_to_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "default").write_text(GOOD, encoding="utf-8")
    assert find_profile("default") == resources.config_dir() / "profiles" / "default.toml"
    assert find_profile(f"{tmp_path}/default") == tmp_path / "default"
    assert find_profile("absent.toml") == Path("absent.toml")


def test_the_packaged_configuration_says_what_the_code_defaults_to() -> None:
    config = load_config(resources.config_dir() / "ranker.toml")
    assert config.encoder == EncoderSettings()
    assert config.judge.name == "heads"


def test_a_partial_configuration_keeps_the_other_defaults(tmp_path: Path) -> None:
    config = load_config(write(tmp_path, "[encoder]\nthreads = 3\n"))
    assert config.encoder == EncoderSettings(threads=3)
    assert config.profile == "default"


def test_a_wrong_configuration_names_file_and_line(tmp_path: Path) -> None:
    path = write(tmp_path, "\n[encoder]\nthreds = 3\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert f"{path}:3" in str(caught.value) and "did you mean 'threads'" in str(caught.value)
    path = write(tmp_path, "\n[encoder]\nthreads = -3\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert f"{path}:3: encoder.threads" in str(caught.value)
    path = write(tmp_path, "\n[store]\nwait_seconds = nan\n")
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert f"{path}:3: store.wait_seconds" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("[vllm]\ntensor_paralel = 2", 2, "vllm.tensor_paralel: is not a known key\n  -> did you mean"),
        ("[vllm]\ntensor_parallel_size = 0", 2, "tensor_parallel_size must be 1 or more"),
        ("[judging]\nnonsense = 1", 2, "judging.nonsense: is not a known key"),
        ("[judging]\nblend = 2", 2, "blend must lie in 0..1"),
        ("[openai]\n\nbse_url = 'http://x/v1'", 3, "did you mean 'base_url'"),
        ("[openai.patience]\nretry = 1", 2, "openai.patience.retry: is not a known key"),
        ("[transformers]\ndtype = 'float8'", 2, "transformers.dtype: is 'float8'"),
        ("[mail]\nhots = 'x'", 2, "mail.hots: unknown key\n  -> did you mean host?"),
        ("[mail]\nhost = 'x'", 1, "mail.sender: is missing"),
        ("[fetch.http]\ninterval_s = 1", 2, "interval_s: 3 to 600 is allowed"),
        ("[fetch.http]\nintervals = 3", 2, "did you mean 'interval_s'"),
    ],
)
def test_tables_of_parts_that_a_run_does_not_use_are_checked_too(
    tmp_path: Path, text: str, line: int, says: str
) -> None:
    path = write(tmp_path, text)
    config = load_config(path)
    with pytest.raises(ConfigError) as caught:
        config.check_all()
    assert says in str(caught.value) and str(caught.value).startswith(f"{path}:{line}: ")


def test_right_tables_of_every_part_pass_and_load_nothing_heavy(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "[vllm]\npreset = 'bulk'\n[judging]\nblend = 0.5\n[openai]\nconcurrency = 2\n[transformers]\ndevice = 'cpu'\n"
        "[mail]\nhost = 'localhost'\nsender = 'a@b.org'\nrecipients = ['c@d.org']\n[fetch.http]\ntries = 2\n",
    )
    code = (
        "import sys; from pathlib import Path; from ranker.config import load_config\n"
        "load_config(Path(sys.argv[1])).check_all()\n"
        "print([m for m in ('torch', 'transformers', 'vllm', 'openai', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_packaged_configuration_passes_its_own_check() -> None:
    load_config(resources.config_dir() / "ranker.toml").check_all()


def test_a_missing_configuration_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_config(tmp_path / "absent.toml")
