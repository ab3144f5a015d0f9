from __future__ import annotations

import dataclasses
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ranker import evaluate
from ranker.errors import BackendError, InputError
from ranker.heads.data import TICK_WEIGHT, Columns, folds, with_known_texts, without_duplicates
from ranker.heads.model import Heads
from ranker.learn import Learned, learn, per_day, prepare
from ranker.types import JudgedPaper
from tests.heads.make import DIMENSION, FIELDS, world


@pytest.fixture(scope="module")
def learned() -> Learned:
    papers, vectors, cold = world(6)
    return learn(papers, vectors, cold, profile="p", fields=FIELDS, encoder_sha256="e" * 64)


def predict(heads: Heads, seed: int = 9, days: int = 3):  # type: ignore[no-untyped-def]
    papers, vectors, cold = world(days, seed=seed)
    texts = [(p.title, p.abstract) for p in papers]
    return papers, heads.predict(texts, [p.authors for p in papers], vectors, cold)


def test_days_that_only_ticks_know_are_no_lists() -> None:
    def labels(day: str, flags: list[bool], weight: float = 1.0) -> list[JudgedPaper]:
        return [JudgedPaper(f"{day}.{i}", day, "T", "A.", f, weight=weight) for i, f in enumerate(flags)]

    listed, ticked = labels("2026-01-02", [True, False, True, False]), labels("2026-01-03", [True], TICK_WEIGHT)
    relevance = np.array([4.0, 3.0, 2.0, 1.0, 5.0])
    assert per_day([*listed, *ticked], relevance)["ap"] == pytest.approx([(1 + 2 / 3) / 2])
    assert per_day(ticked, relevance[4:])["ap"] == pytest.approx([1.0])  # where there is nothing else


def test_it_learns_what_was_planted(learned: Learned) -> None:
    papers, found = predict(learned.heads)
    wanted = np.array([p.recommended for p in papers])
    assert np.nanmean(per_day(papers, found.relevance)["ap"]) > 0.8
    picks = [i for i, p in enumerate(papers) if p.field]
    best = [FIELDS[int(found.p_field[i].argmax())] for i in picks]
    assert evaluate.accuracy(best, [papers[i].field for i in picks]) > 0.95
    assert found.p_recommended[wanted].mean() > found.p_recommended[~wanted].mean() + 0.3
    many = np.array([len(p.authors) > 6 for p in papers])
    assert found.expected_score[many].mean() > found.expected_score[~many].mean() + 0.2


def test_ranges_and_no_ties(learned: Learned) -> None:
    _, found = predict(learned.heads)
    assert found.relevance.dtype == np.float64
    assert 1.0 < found.relevance.min() < found.relevance.max() < 10.0
    assert found.p_field.sum(axis=1) == pytest.approx(1.0)
    assert evaluate.tie_rate(found.relevance) == 0.0


def test_a_paper_alone_gets_the_same_numbers_bit_for_bit(learned: Learned) -> None:
    papers, vectors, cold = world(2, seed=5)
    texts, authors = [(p.title, p.abstract) for p in papers], [p.authors for p in papers]
    together = learned.heads.predict(texts, authors, vectors, cold)
    for i in (0, 7, 40):
        alone = learned.heads.predict(texts[i : i + 1], authors[i : i + 1], vectors[i : i + 1], cold[i : i + 1])
        assert alone.relevance[0] == together.relevance[i]
        assert alone.p_field[0].tolist() == together.p_field[i].tolist()


def test_saved_and_loaded_heads_predict_the_same(learned: Learned, tmp_path: Path) -> None:
    learned.heads.save(tmp_path / "h")
    loaded = Heads.load(tmp_path / "h", encoder_sha256="e" * 64)
    assert loaded.sha256 == learned.heads.sha256
    assert loaded.meta == dataclasses.replace(learned.heads.meta)
    assert predict(loaded)[1].relevance.tolist() == predict(learned.heads)[1].relevance.tolist()
    names = sorted(p.name for p in (tmp_path / "h").iterdir())
    assert names == ["heads.json", "ngrams.json", "weights.safetensors"]
    kept = (tmp_path / "h" / "heads.json").read_text(encoding="utf-8")
    assert json.loads(kept)["days"] == [f"2026-01-0{d}" for d in range(1, 7)]
    assert "2601." not in kept  # which papers is said by a hash, not by a list


def other_than(heads: Heads) -> Heads:
    components = dataclasses.replace(heads.components, mean=heads.components.mean + 1)
    terms = heads.vocabulary.title.terms
    title = dataclasses.replace(heads.vocabulary.title, terms=(f"{terms[0]}x", *terms[1:]))
    vocabulary = dataclasses.replace(heads.vocabulary, title=title)
    return Heads(dataclasses.replace(heads.meta, note="other"), vocabulary, components, heads.combination)


@pytest.mark.parametrize("sync", range(1, 7))
def test_killed_while_saving_heads_are_the_old_or_the_new_ones(learned: Learned, tmp_path: Path, sync: int) -> None:
    other = other_than(learned.heads)
    learned.heads.save(tmp_path / "h")
    other.save(tmp_path / "other")
    code = """if True:
        import os, signal, sys
        from pathlib import Path
        from ranker.heads.model import Heads
        left, sync = int(sys.argv[3]), os.fsync
        def killing(handle):
            global left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            sync(handle)
        os.fsync = killing
        Heads.load(Path(sys.argv[1]), encoder_sha256="e" * 64).save(Path(sys.argv[2]))
    """
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "other", tmp_path / "h", str(sync)], check=False)
    assert done.returncode == (0 if sync == 6 else -signal.SIGKILL)  # three files, the folder, the one around it
    found = Heads.load(tmp_path / "h", encoder_sha256="e" * 64)
    assert found.sha256 == (learned.heads if sync < 5 else other).sha256
    learned.heads.save(tmp_path / "h")
    assert Heads.load(tmp_path / "h", encoder_sha256="e" * 64).sha256 == learned.heads.sha256
    assert sorted(p.name for p in tmp_path.iterdir()) == ["h", "other"]  # nothing is left of the killed one


def test_a_folder_with_other_files_is_not_replaced(
    learned: Learned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(BackendError, match=r"holds other files \(thesis.tex\)"):
        learned.heads.save(tmp_path)
    with pytest.raises(BackendError, match="is a file"):
        learned.heads.save(tmp_path / "thesis.tex")
    with pytest.raises(BackendError, match=r"thesis\.tex is a file, not a folder"):
        learned.heads.save(tmp_path / "thesis.tex" / "heads")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(BackendError, match="you are in"):
        learned.heads.save(Path())
    assert [p.name for p in tmp_path.glob("*.*")] == ["thesis.tex"]


def test_refused_for_another_encoder(learned: Learned, tmp_path: Path) -> None:
    learned.heads.save(tmp_path)
    with pytest.raises(BackendError, match="another encoder"):
        Heads.load(tmp_path, encoder_sha256="f" * 64)


@pytest.mark.parametrize("name", ["heads.json", "ngrams.json", "weights.safetensors"])
@pytest.mark.parametrize("damage", ["absent", "cut"])
def test_a_damaged_folder_is_a_clear_error(learned: Learned, tmp_path: Path, name: str, damage: str) -> None:
    learned.heads.save(tmp_path)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).unlink()
    if damage == "cut":
        (tmp_path / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(BackendError):
        Heads.load(tmp_path, encoder_sha256="e" * 64)


def test_altered_ngrams_are_noticed(learned: Learned, tmp_path: Path) -> None:
    learned.heads.save(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    terms = json.loads((tmp_path / "b" / "ngrams.json").read_text())
    terms["text"][0] = "altered"
    (tmp_path / "b" / "ngrams.json").write_text(json.dumps(terms))
    with pytest.raises(BackendError, match="hash differs"):
        Heads.load(tmp_path / "b", encoder_sha256="e" * 64)


def test_wrong_width_is_refused(learned: Learned) -> None:
    with pytest.raises(BackendError, match="columns"):
        learned.heads.predict([("t", "a")], [()], np.zeros((1, DIMENSION + 1), dtype=np.float32), np.zeros((1, 6)))


def test_one_day_is_enough_and_stays_near_the_centroids() -> None:
    papers, vectors, cold = world(1, a_day=40, seed=3)
    one = learn(papers, vectors, cold, profile="p", fields=FIELDS, encoder_sha256="e" * 64)
    assert "guess" in one.sureness()
    others, found = predict(one.heads, seed=11)
    _, _, cold_there = world(3, seed=11)
    with_heads = np.nanmean(per_day(others, found.relevance)["ap"])
    with_centroids = np.nanmean(per_day(others, cold_there[:, 2])["ap"])
    assert with_heads > with_centroids - 0.02


def test_fitting_twice_gives_the_same_heads(learned: Learned) -> None:
    papers, vectors, cold = world(6)
    again = learn(papers, vectors, cold, profile="p", fields=FIELDS, encoder_sha256="e" * 64)
    assert again.heads.sha256 == learned.heads.sha256


def test_too_little_to_learn_from_is_said() -> None:
    papers, _, _ = world(1)
    with pytest.raises(InputError, match="at least 3"):
        prepare([p for p in papers if p.recommended])


def _paper(number: int, day: str, title: str, recommended: bool, weight: float = 1.0) -> JudgedPaper:
    return JudgedPaper(f"2601.0000{number}", day, title, "", recommended, weight=weight)


def test_ticks_win_over_labels_and_near_duplicates_are_one() -> None:
    kept = without_duplicates(
        [
            _paper(1, "2026-01-02", "A Title: here", True),
            _paper(1, "2026-01-01", "A title here", False, weight=4.0),
            _paper(2, "2026-01-05", "a title, HERE", True),
            _paper(3, "2026-01-03", "Another", True),
        ]
    )
    assert [(p.arxiv_id, p.recommended) for p in kept] == [("2601.00001", False), ("2601.00003", True)]


def test_a_label_without_a_text_does_not_cost_the_text_that_is_known() -> None:
    known = JudgedPaper("2601.00001", "2026-01-01", "Title", "Text.", False, authors=("A. B.",))
    entry = JudgedPaper("2601.00001", "2026-01-01", "Title (cut)", "", True, "A", 8.0)
    other = JudgedPaper("2601.00002", "2026-01-01", "Other", "", True)
    full = JudgedPaper("2601.00001", "2026-01-02", "Title, mended", "New text.", True)
    found = with_known_texts([entry, other, full], [known])
    merged = JudgedPaper("2601.00001", "2026-01-01", "Title", "Text.", True, "A", 8.0, ("A. B.",))
    assert found == [merged, other, full]


def test_folds_keep_days_whole_or_deal_out_papers() -> None:
    many, _, _ = world(6)
    columns = Columns.of(many, FIELDS)
    fold = folds(columns)
    assert all(len(set(fold[columns.group == g])) == 1 for g in range(6))
    few, _, _ = world(1)
    dealt, wanted = folds(Columns.of(few, FIELDS)), np.array([p.recommended for p in few])
    for flag in (True, False):
        sizes = np.bincount(dealt[wanted == flag], minlength=4)
        assert sizes.max() - sizes.min() <= 1
