"""A corpus streamed in chunks of any size is ranked like a day of the same papers; what the prefilter drops is said."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ranker.backends.faiss import inner_products
from ranker.backends.heads import HeadsJudge
from ranker.bulk import BulkRequest, Spill, rank_stored, spill_beside
from ranker.bulk.prefilter import Prefilter
from ranker.errors import InputError
from ranker.pipeline import Request, embed_papers, rank
from ranker.profile import Profile, Recommend, Veto
from ranker.progress import Silent, Tally
from ranker.store import Store
from ranker.text import text_hash
from ranker.types import Paper, Run
from tests.make import paper, profile
from tests.test_pipeline import HashEncoder, Scripted

NOW = datetime.fromisoformat("2026-01-14T12:00:00+08:00")
CHOSEN = profile(veto=Veto(("spam",)), recommend=Recommend(top_share=0.3, max_per_field=6))


def papers() -> list[Paper]:
    found = [paper(n, day="2026-01-14") for n in range(1, 41)]
    found += [paper(n, version=v, day="2026-01-14", abstract=f"Version {v}.") for n in (41, 42) for v in (1, 2, 3)]
    found += [paper(43, title="Spam for all", day="2026-01-14")]
    found += [paper(n, title="Same", abstract="We do it.", day="2026-01-14") for n in (44, 45, 46)]
    return found


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "s.db") as opened:
        opened.put_papers([(p, text_hash(p.title, p.abstract)) for p in papers()], NOW.isoformat())
        yield opened


def corpus(store: Store, tmp_path: Path, chosen: Profile = CHOSEN, **more: Any) -> tuple[Run, list[dict[str, Any]]]:
    encoder = HashEncoder()
    prefilter = more.pop("prefilter", None)
    judge = more.pop("judge", None) or HeadsJudge(chosen, encoder.info)
    with spill_beside(tmp_path / "out") as spill:
        ranked = rank_stored(
            BulkRequest(NOW, **more),
            chosen,
            encoder=encoder,
            search=inner_products,
            judge=judge,
            store=store,
            spill=spill,
            prefilter=prefilter,
        )
        return ranked.run, list(ranked.rows())


def as_a_day(store: Store, chosen: Profile = CHOSEN) -> Run:
    found = tuple(store.papers_of_day("2026-01-14"))
    encoder = HashEncoder()
    return rank(
        Request(found, len(found), NOW, day="2026-01-14", use_history=False),
        chosen,
        encoder=encoder,
        search=inner_products,
        judge=HeadsJudge(chosen, encoder.info),
        store=store,
    )


@pytest.mark.parametrize("at_once", [1, 7, 1000])
@pytest.mark.parametrize(
    "rule", [Recommend(top_share=0.3, max_per_field=6), Recommend(threshold=3.0), Recommend(top_n=0)]
)
def test_chunks_give_the_rows_of_a_day(store: Store, tmp_path: Path, at_once: int, rule: Recommend) -> None:
    chosen = dataclasses.replace(CHOSEN, recommend=rule)
    day = as_a_day(store, chosen)
    run, rows = corpus(store, tmp_path, chosen, at_once=at_once)
    assert rows == [r.as_row() for r in day.rankings]
    assert run.counts == day.counts and run.counts["duplicate"] == 4 and run.counts["vetoed"] == 1
    best = [r for r in day.rankings if r.outcome == "recommended"]
    assert [dataclasses.replace(r, paper=paper()) for r in run.rankings] == [
        dataclasses.replace(r, paper=paper()) for r in best
    ]
    assert list(tmp_path.glob(".out*")) == []  # nothing is left of the spill


def test_a_range_of_days_and_what_the_digest_shows(store: Store, tmp_path: Path) -> None:
    late = paper(50, day="2026-01-15")
    store.put_papers([(late, text_hash(late.title, late.abstract))], NOW.isoformat())
    run, rows = corpus(store, tmp_path, until="2026-01-14", shown=3)
    assert len(rows) == 50 and run.day == "2026-01-14" and run.title_date == "2026-01-14"
    assert len(run.rankings) == 3 and run.counts["recommended"] == 12  # six of each field
    assert run.notes[0] == "共推荐 12 篇，此处只列出前 3 篇；全部见 rankings.jsonl"
    run, rows = corpus(store, tmp_path, since="2026-01-15")
    assert [r["arxiv_id"] for r in rows] == ["2601.00050"]


def test_a_corpus_has_the_days_of_the_store_and_no_slip_dates_it(store: Store, tmp_path: Path) -> None:
    far = dataclasses.replace(paper(60, day=None), published="2062-01-01")
    bare = dataclasses.replace(paper(61, day=None), published=None)  # its day is the one on which it came in
    store.put_papers([(p, text_hash(p.title, p.abstract)) for p in (far, bare)], "2026-01-12T09:00:00+08:00")
    run, rows = corpus(store, tmp_path)
    assert len(rows) == 52 and run.day == "2026-01-14" and run.title_date == "2026-01-12 – 2026-01-14"
    run, _ = corpus(store, tmp_path, since="2026-01-15")
    assert run.day == "2026-01-14" and run.title_date is None


@pytest.mark.parametrize(("ahead", "made"), [(None, 38), (20, 39)])
def test_every_second_and_every_vector_counts_once(store: Store, tmp_path: Path, ahead: int | None, made: int) -> None:
    known = papers()[:10]
    encoder = HashEncoder()
    embed_papers(known, encoder, store, Tally(Silent()))
    run, rows = corpus(store, tmp_path, at_once=7, embed_at_once=ahead)
    assert [s.name for s in run.stages] == ["read", "embed", "route", "judge", "keep", "order"]
    stages = {s.name: s for s in run.stages}
    assert stages["read"].items == stages["route"].items == stages["keep"].items == len(rows) == 50
    assert stages["embed"].items + stages["embed"].reused == 50
    # Ten were known. Three have one text: a chunk finds it in the store where an earlier one held it.
    assert stages["embed"].items == made
    assert rows == corpus(store, tmp_path)[1]


def test_the_store_keeps_vectors_but_neither_runs_nor_sightings(store: Store, tmp_path: Path) -> None:
    corpus(store, tmp_path)
    counts = store.counts()
    assert (counts["runs"], counts["outcomes"]) == (0, 0) and counts["vectors"] > 40
    assert store.seen_before(CHOSEN.name, "9999-12-31", [p.arxiv_id for p in papers()]) == {}


class Fixed:
    """A static encoder told how near papers are: by the number in their titles."""

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        found = np.zeros((len(texts), 4), dtype=np.float32)
        found[:, 0] = 1.0
        for row, text in zip(found, texts, strict=True):
            if text.startswith("Title "):
                angle = float(text.split()[1].rstrip(".")) / 100
                row[:2] = np.cos(angle), np.sin(angle)
        return found


def test_the_prefilter_drops_all_but_the_nearest_share(store: Store, tmp_path: Path) -> None:
    prefilter = Prefilter(Fixed(), CHOSEN, inner_products)
    encoder = HashEncoder()
    with spill_beside(tmp_path / "out") as spill:
        ranked = rank_stored(
            BulkRequest(NOW, share=0.5, at_once=9),
            CHOSEN,
            encoder=encoder,
            search=inner_products,
            judge=HeadsJudge(CHOSEN, encoder.info),
            store=store,
            spill=spill,
            prefilter=prefilter,
        )
        rows = {(r["arxiv_id"], r["version"]): r for r in ranked.rows()}
    assert len(rows) == 50 and sum(ranked.run.counts[n] for n in ("unrouted", "duplicate", "vetoed")) >= 25
    dropped = [r for r in rows.values() if r["detail"].startswith("prefilter: ")]
    assert all((r["outcome"], r["similarity"], r["score"]) == ("unrouted", None, None) for r in dropped)
    # Nearness falls with the number: what is kept is a beginning of 1..42 and the papers at angle 0.
    numbers = sorted(int(r["arxiv_id"][-5:]) for r in dropped)
    assert numbers == list(range(numbers[0], 43))
    asked = {text.split(".")[0] for text in encoder.asked}
    assert asked.isdisjoint(r["title"] for r in dropped if int(r["arxiv_id"][-5:]) <= 40)
    kept = [r for r in rows.values() if r["score"] is not None]
    whole = {(r["arxiv_id"], r["version"]): r for r in corpus(store, tmp_path)[1]}
    for row in kept:  # a paper's judgment does not depend on what was dropped
        assert row["score"] == whole[(row["arxiv_id"], row["version"])]["score"]
    told = f"预筛（份额 0.5）：50 篇中有 25 篇未经编码器，其中 {len(dropped)} 篇计入未归类"
    assert told in ranked.run.notes and 20 < len(dropped) < 25


def test_many_processes_say_the_same(store: Store, tmp_path: Path) -> None:
    run, rows = corpus(store, tmp_path, at_once=7, workers=3)
    alone, same = corpus(store, tmp_path, at_once=7)
    assert rows == same and run.counts == alone.counts and run.rankings == alone.rankings
    counted, expected = ({s.name: (s.items, s.reused) for s in r.stages} for r in (run, alone))
    assert counted == expected | {"embed": (48, 2)}  # the first run embeds, two of three equal texts once


def test_a_language_model_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="would read every stored paper"):
        corpus(store, tmp_path, judge=Scripted({}))


def test_a_failure_leaves_no_spill(store: Store, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), spill_beside(tmp_path / "out") as spill:
        spill.add([b"{}"])
        assert list(tmp_path.glob(".out.spill.*.tmp"))
        raise KeyboardInterrupt
    assert list(tmp_path.glob(".out*")) == []


def test_a_spill_gives_its_runs_back_line_by_line(tmp_path: Path) -> None:
    lines = [[f"{run}-{i}-{'x' * (i * 997 % 3000)}".encode() for i in range(100)] for run in range(3)]
    with Spill(tmp_path / "rows") as spill:
        for run in lines:
            spill.add(run)
        order = [i % 3 for i in range(300)]
        assert list(spill.merged(order)) == [lines[r][i // 3] for i, r in enumerate(order)]
        assert list(spill.merged([2, 2])) == lines[2][:2]  # from the beginning again


def test_what_a_killed_run_left_is_cleared(tmp_path: Path) -> None:
    from ranker.output import write_folder

    gone = 2**22 + os.getpid()
    left = tmp_path / f".out.spill.{gone}.tmp"
    left.mkdir()
    (left / "rows.jsonl").write_text("{}\n")
    write_folder(tmp_path / "out", {"report.json": '{"made_by": "ranker"}', "big": lambda stream: None})
    assert not left.exists() and (tmp_path / "out" / "big").read_bytes() == b""
