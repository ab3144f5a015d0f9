"""A local Ray of two workers: every block comes once, whatever dies or is refused; errors are ours."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ranker.backends.language_model import language_model_judge
from ranker.backends.ray_data.cluster import Cluster, Share
from ranker.backends.ray_data.judge import JudgeRecipe, RayJudge
from ranker.backends.ray_data.pool import Done, Ledger, run, split
from ranker.backends.ray_data.settings import RaySettings
from ranker.config import load_config
from ranker.errors import BackendError, ConfigError
from ranker.protocols import ModelJudge
from ranker.types import Candidate
from tests.backends.ray_data.parts import Noted, fake_generator, nothing_there
from tests.make import paper, profile, route

pytest.importorskip("ray", reason="Ray is not installed: pip install '.[ray]'")
pytestmark = pytest.mark.xdist_group("ray")
SHARE = Share("embed", 0, 1.0, 0.0)


@pytest.fixture(scope="module")
def said() -> list[str]:
    return []


@pytest.fixture(scope="module")
def cluster(said: list[str]) -> Iterator[Cluster]:
    cluster = Cluster(RaySettings(cpus=2, object_store_mb=100, judge_rows=5), said.append)
    yield cluster
    cluster.close()


def test_a_killed_worker_costs_what_it_had_at_work(cluster: Cluster, said: list[str], tmp_path: Path) -> None:
    part, done, killed = Noted(tmp_path / "journal"), list[Done](), False
    for one in run(cluster, SHARE, part, list(range(20))):
        done.append(one)
        if not killed:
            os.kill(part.begun()[-1][1], signal.SIGKILL)
            killed = True
    assert {d.number: d.result for d in done if d.error is None} == {n: n * n for n in range(20) if n != 13}
    assert [(d.number, d.error) for d in done if d.error is not None] == [(13, "ValueError: thirteen")]
    numbers = [number for number, _ in part.begun()]
    # 13 was tried once more by a fresh pool; besides it, one block was at work in the process that was killed.
    assert set(numbers) == set(range(20)) and len([n for n in numbers if n != 13]) <= 20
    assert len(numbers) - numbers.count(13) - 19 <= 1


def test_a_model_that_opens_nowhere_is_one_clear_error(cluster: Cluster, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BackendError, match="no replica could do anything: FileNotFoundError: no such model folder"):
        list(run(cluster, SHARE, nothing_there, [1, 2, 3]))
    assert capfd.readouterr().out == ""  # Ray would print the workers' tracebacks there


def test_a_replica_that_fits_nowhere_is_refused_before_anything_waits(cluster: Cluster) -> None:
    with pytest.raises(ConfigError, match="takes 1 CPUs and 2 GPUs; the largest machine has 2 and 0"):
        cluster.room(Share("judge", 1, 1.0, 2.0))
    assert cluster.room(Share("embed", 0, 1.0, 0.0)) == 2
    assert cluster.room(Share("embed", 1, 1.0, 0.0)) == 1


def test_a_language_models_judgments_and_texts_are_the_local_ones(cluster: Cluster) -> None:
    chosen = profile()
    recipe = JudgeRecipe(load_config(), chosen, fake_generator)
    candidates = [Candidate(paper(n), route(field="AB"[n % 2]), f"hash-{n}", b"") for n in range(1, 13)]
    local = language_model_judge(load_config(), chosen, fake_generator())
    spread = RayJudge(recipe, cluster, gpus=0.0)
    assert (spread.name, spread.scale, dict(spread.hashes)) == (local.name, local.scale, dict(local.hashes))
    assert [spread.key(c) for c in candidates] == [local.key(c) for c in candidates]
    assert [spread.text_key(c) for c in candidates] == [local.text_key(c) for c in candidates]
    assert {o.arxiv_id: o for o in spread.judge(candidates)} == {o.arxiv_id: o for o in local.judge(candidates)}
    assert spread.usage.prompt == local.usage.prompt > 0
    assert isinstance(spread, ModelJudge) and spread.usage_by_pass["score"] == spread.usage


def test_blocks() -> None:
    assert split(10, 2, 4) == [range(2), range(2, 4), range(4, 6), range(6, 8), range(8, 10)]
    assert split(100, 2, 4)[-1] == range(96, 100)
    assert split(3, 8, 256) == [range(1), range(1, 2), range(2, 3)]


def test_the_ledger_counts_deaths_not_beginnings() -> None:
    ledger = Ledger()
    assert ledger.begin(1) == 0
    ledger.end(1)
    assert ledger.begin(1) == 0  # begun anew by another pool: nobody died
    assert ledger.begin(1) == 1
    assert ledger.begin(1) == 2
    assert ledger.deaths() == {1: 2}


@pytest.mark.parametrize(
    "wrong", [{"embed_cpus": 0.0}, {"judge_gpus": 1.5}, {"batch_rows": 0}, {"object_store_mb": 10}]
)
def test_settings_name_their_bounds(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RaySettings(**wrong)  # type: ignore[arg-type]
