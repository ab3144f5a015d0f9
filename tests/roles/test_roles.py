"""The role classifier: quotations are the abstract's own characters, choices by hand, fitting against scikit-learn."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ranker import resources, roles
from ranker.errors import BackendError
from ranker.roles.choose import best_sentences, together
from ranker.roles.features import PLACES, Abstract
from ranker.roles.fit import folds, macro_f1, order_table, read, sides, softmax_regression
from ranker.roles.model import ROLES, Head, RoleModel, load, save
from tests.digest.sample import paper

ABSTRACT = (
    "Serving long documents with language models is slow. Existing caches, however, grow with every token and fill "
    "the memory. In this paper, we propose a sketch cache that keeps a fixed number of directions per head. "
    "Experiments on five benchmarks show that it halves latency, e.g. from 2.5 s to 1.2 s, without loss of quality."
)
shipped = pytest.mark.skipif(
    not (resources.models_dir() / "roles" / "roles.json").is_file(), reason="models/roles is absent"
)


def tiny() -> RoleModel:
    """A model whose words decide: 'slow' a problem, 'propose' an idea; everything else by its bias."""
    names = {"s:slow": 0, "s:propose": 1}
    weights = np.zeros((2 + PLACES + 1, 5), dtype=np.float32)
    weights[0, 0] = weights[1, 2] = 4.0
    vectors = np.zeros((3 + PLACES + 1, 5), dtype=np.float32)
    vectors[0, 3] = 100.0
    sentence = Head(names, weights, vectors, 0.5)
    span = Head(names, weights[:, :4], vectors[:, :4], 0.5)
    return RoleModel(span, sentence, {(0, 2): -0.1, (2, 0): -3.0})


def test_words_decide() -> None:
    abstract = Abstract(ABSTRACT)
    found = tiny().sentence.predict(abstract, abstract.sentences)
    e4 = float(np.exp(4))
    assert found.shape == (4, 5)
    assert found[0] == pytest.approx([e4 / (e4 + 4), *[1 / (e4 + 4)] * 4], abs=1e-6)
    assert found[1] == pytest.approx([0.2] * 5, abs=1e-6)
    assert found.argmax(axis=1)[2] == ROLES.index("idea")


def test_vectors_are_blended_and_must_fit() -> None:
    abstract = Abstract(ABSTRACT)
    head = tiny().sentence
    vectors = np.array([[1, 0, 0]], dtype=np.float32)
    [found] = head.predict(abstract, abstract.sentences[:1], vectors)
    assert found.argmax() == ROLES.index("result")
    with pytest.raises(ValueError, match="fitted on"):
        head.predict(abstract, abstract.sentences[:1], np.zeros((1, 4), dtype=np.float32))


def test_together_gives_each_role_once_and_heeds_the_order() -> None:
    even = np.full((2, 4), 0.25, dtype=np.float32)
    orders: dict[tuple[int, ...], float] = {(0, 2): 0.0, (2, 0): -100.0}
    joint = together(even, orders)
    assert joint.argmax(axis=1).tolist() == [0, 2]
    assert joint.sum(axis=1) == pytest.approx([1, 1], abs=1e-5)
    sure = np.array([[0.9, 0.04, 0.03, 0.03], [0.5, 0.4, 0.05, 0.05]], dtype=np.float32)
    assert together(sure, {}).argmax(axis=1).tolist() == [0, 1]
    five = np.full((5, 4), 0.25, dtype=np.float32)
    assert together(five, orders) is five


def test_best_sentences_takes_the_surest_first() -> None:
    probabilities = np.array(
        [[0.6, 0.3, 0.0, 0.0, 0.1], [0.5, 0.4, 0.05, 0.0, 0.05], [0.1, 0.1, 0.1, 0.1, 0.6]], dtype=np.float32
    )
    assert best_sentences(probabilities, 0.15) == {"problem": 0, "task": 1}
    assert best_sentences(probabilities, 0.45) == {"problem": 0}


def test_saved_and_loaded(tmp_path: Path) -> None:
    save(tiny(), tmp_path, {"what": "tiny"})
    back = load(tmp_path)
    abstract = Abstract(ABSTRACT)
    assert np.array_equal(
        back.sentence.predict(abstract, abstract.sentences), tiny().sentence.predict(abstract, abstract.sentences)
    )
    assert back.orders == tiny().orders


def test_a_damaged_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="install ranker again"):
        load(tmp_path)
    save(tiny(), tmp_path, {})
    table = json.loads((tmp_path / "roles.json").read_text())
    table["names"]["span"].append("more")
    (tmp_path / "roles.json").write_text(json.dumps(table))
    with pytest.raises(BackendError, match="weights and names differ"):
        load(tmp_path)
    (tmp_path / "weights.safetensors").write_bytes(b"x" * 40)
    with pytest.raises(BackendError, match="can't be read"):
        load(tmp_path)


@shipped
def test_the_shipped_model_reads_a_plain_abstract() -> None:
    _, second, third, fourth = (ABSTRACT[a:b] for a, b in Abstract(ABSTRACT).sentences)
    assert roles.key_sentence("t", ABSTRACT) == third
    found = roles.quotes(paper("1", "t", abstract=ABSTRACT))
    assert found["idea"] == (third,)
    assert found["result"] == (fourth,)
    assert second in found["problem"]
    assert {role for _, _, role in roles.spans(paper("1", "t", abstract=ABSTRACT))} >= {"problem", "idea", "result"}


@shipped
@settings(deadline=None, max_examples=60)
@given(st.text() | st.lists(st.sampled_from([*ABSTRACT.split(" "), ". ", "$x.y$", "。", "\n"])).map(" ".join))
def test_quotations_are_the_abstracts_own(abstract: str) -> None:
    of = paper("1", "the title", abstract=abstract)
    marked = roles.spans(of)
    assert len({role for _, _, role in marked}) == len(marked)
    assert all(a[1] <= b[0] for a, b in pairwise(marked))
    found = roles.quotes(of)
    assert all(sentence in abstract for sentences in found.values() for sentence in sentences)
    for start, end, role in marked:
        assert abstract[start:end] in found[role]
    key = roles.key_sentence("the title", abstract)
    assert key in abstract if abstract.strip() else key == "the title"


@shipped
def test_marked_spans_are_classified_with_and_without_vectors() -> None:
    spans = [(0, 51), (52, 118), (135, 208), (210, 320)]
    plain = roles.classify(ABSTRACT, spans)
    assert plain.shape == (4, 4)
    assert plain.sum(axis=1) == pytest.approx([1] * 4, abs=1e-4)
    assert sorted(plain.argmax(axis=1)) == [0, 1, 2, 3]
    vectors = np.full((4, 768), 768**-0.5, dtype=np.float32)
    assert not np.array_equal(roles.classify(ABSTRACT, spans, vectors), plain)


@shipped
def test_the_shipped_model_is_small_and_whole() -> None:
    folder = resources.models_dir() / "roles"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2_000_000
    about = json.loads((folder / "roles.json").read_text(encoding="utf-8"))["about"]
    assert about["ngram_abstracts"] == 5


def test_softmax_regression_is_scikit_learns() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    from scipy import sparse

    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 5))
    labels = (x[:, 0] + rng.normal(size=60) > 0).astype(np.int64) + (x[:, 1] > 1)
    ours = softmax_regression(sparse.csr_matrix(x), labels, 3, 0.5)
    theirs = linear.LogisticRegression(C=0.5, tol=1e-8, max_iter=2000).fit(x, labels)
    assert ours[:-1] == pytest.approx(theirs.coef_.T, abs=2e-3)
    assert ours[-1] - ours[-1].mean() == pytest.approx(theirs.intercept_ - theirs.intercept_.mean(), abs=2e-3)


def test_macro_f1_is_scikit_learns() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(2)
    labels, said = rng.integers(0, 4, 50), rng.integers(0, 4, 50)
    assert macro_f1(labels, said) == pytest.approx(metrics.f1_score(labels, said, average="macro"))


def test_folds_keep_abstracts_together(tmp_path: Path) -> None:
    rows = [
        f"{n},Abstract {n // 2}. It says more.,{start},{start + 8},{ROLES[n % 4]}" for n in range(12) for start in [0]
    ]
    path = tmp_path / "highlights.csv"
    path.write_text("arxiv_id,abstract,start_idx,end_idx,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    marked = read(path)
    assert len(marked.abstracts) == 6
    parts = folds(marked, seed=3)
    assert sorted(int(number) for part in parts for number in part) == list(range(6))
    for part in parts:
        train, held_out = sides(marked, part)
        assert not set(marked.group[train]) & set(marked.group[held_out])
        assert len(train) + len(held_out) == 12
    assert np.exp(order_table(marked, range(6))[(0, 1)]) == pytest.approx((3 + 0.3) / (6 + 0.3 * 12))


def test_the_reported_figure() -> None:
    """One fold of the real data, n-grams alone: the benchmark has the whole figure with intervals."""
    data = Path(__file__).parents[3] / "shared" / "data" / "highlights.csv"
    if not data.is_file():
        pytest.skip("../shared/data is absent: the role classifier can't be measured")
    from ranker.roles.fit import fit

    marked = read(data)
    assert (len(marked.labels), len(marked.abstracts)) == (2538, 727)
    held_out = folds(marked, seed=0)[0]
    train, test = sides(marked, held_out)
    head = fit(marked, train, 4, 0.0)
    orders = order_table(marked, {int(number) for number in marked.group[train]})
    said = np.zeros(len(marked.labels), dtype=np.int64)
    for number in held_out:
        rows = np.flatnonzero(marked.group == number)
        found = head.predict(marked.abstracts[number], [marked.spans[row] for row in rows])
        said[rows] = together(found, orders).argmax(axis=1)
    assert macro_f1(marked.labels[test], said[test]) > 0.90
