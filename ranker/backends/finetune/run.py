"""Judged papers in, a model folder out: drawn, trained on, merged, and measured on days that were kept apart."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ranker import evaluate
from ranker.backends.chat import ChatRenderer
from ranker.backends.finetune.examples import label_examples
from ranker.backends.finetune.fit import FitSettings, Step, fit, with_adapters
from ranker.backends.finetune.merge import merge, save_adapter
from ranker.backends.labels import label_tokens
from ranker.backends.transformers_files import chosen_device, chosen_dtype, read_config, read_weights
from ranker.backends.tuned import NOTE, Tuned
from ranker.errors import InputError
from ranker.files import replace_folder
from ranker.judging.paper import prepare
from ranker.judging.prompts import Heads
from ranker.judging.reading import read
from ranker.judging.render import render_body
from ranker.judging.template import Template
from ranker.protocols import Generator, Prompt
from ranker.types import JudgedPaper, Paper

if TYPE_CHECKING:
    from ranker.profile import Profile

ADAPTER = "adapter"
_FEWEST = 20


@dataclass(frozen=True, slots=True)
class Drawn:
    """``fit``: what is learned from; ``test``: of the latest days, never learned from."""

    fit: tuple[JudgedPaper, ...]
    test: tuple[JudgedPaper, ...]

    @property
    def fit_days(self) -> tuple[str, ...]:
        return tuple(sorted({p.day for p in self.fit}))

    @property
    def test_days(self) -> tuple[str, ...]:
        return tuple(sorted({p.day for p in self.test}))


def draw(
    papers: Sequence[JudgedPaper],
    *,
    test_days: int,
    most: int,
    most_test: int = 400,
    others: float = 1.4,
    seed: int = 0,
) -> Drawn:
    """Split by date, then thin out: at most ``others`` papers not recommended for each that was, ``most`` in all.

    The same for the same seed, whatever order the papers came in.

    Raises:
        InputError: too few papers on either side of a label, or too few days to keep some apart.
    """
    ordered = sorted(papers, key=lambda p: (p.day, p.arxiv_id))
    days = sorted({p.day for p in ordered})
    if test_days >= len(days):
        raise InputError(
            f"{len(days)} judged day(s), of which {test_days} are to be kept apart to test on",
            todo="give more judged days, or --test-days 0",
        )
    held = set(days[len(days) - test_days :]) if test_days else set()
    test = [p for p in ordered if p.day in held]
    ids = {p.arxiv_id for p in test}
    rest = [p for p in ordered if p.day not in held and p.arxiv_id not in ids]
    picks, others_ = [p for p in rest if p.recommended], [p for p in rest if not p.recommended]
    if min(len(picks), len(others_)) < _FEWEST:
        raise InputError(
            f"{len(picks)} recommended and {len(others_)} other papers to learn from; {_FEWEST} of each are the least",
            todo="give more judged days",
        )
    chance = random.Random(seed)
    fit_ = picks + chance.sample(others_, min(len(others_), math.ceil(others * len(picks))))
    chance.shuffle(fit_)
    return Drawn(tuple(fit_[:most]), tuple(chance.sample(test, min(len(test), most_test))))


def finetune(
    base: Path,
    drawn: Drawn,
    profile: Profile,
    template: Template,
    settings: FitSettings,
    out: Path,
    *,
    on_step: Callable[[Step], None] = lambda _: None,
    open_generator: Callable[[Path], Generator] | None = None,
) -> Tuned:
    """Train adapters on the drawn papers, and write the merged model, its adapters and its note into ``out``.

    An interrupted call leaves its state beside ``out`` and goes on from there when called again.

    Raises:
        BackendError: no such model, peft is not installed, or the training came apart.
    """
    tokenizer, _ = read_config(str(base))
    renderer = ChatRenderer(tokenizer, str(base))
    labels = label_tokens(renderer, template.labels).ids
    examples = label_examples(drawn.fit, profile, template, renderer)
    device = chosen_device("auto")
    model = with_adapters(read_weights(str(base), chosen_dtype(device), device), settings)
    model.train()
    state = out.with_name(f".{out.name}.state")
    out.parent.mkdir(parents=True, exist_ok=True)
    for step in fit(model, examples, settings, labels, state=state):
        on_step(step)
    learned = {e.key for e in examples}
    note = Tuned(
        templates=(template.name,),
        base=base.name,
        profile=profile.name,
        profile_hash=profile.content_hash(),
        days=drawn.fit_days,
        papers=len(learned),
        picks=sum(p.recommended and p.arxiv_id in learned for p in drawn.fit),
        figures={},
    )

    def fill(folder: Path) -> None:
        save_adapter(model, folder / ADAPTER)
        merge(base, folder / ADAPTER, folder)
        note.save(folder)

    replace_folder(out, fill)
    state.unlink(missing_ok=True)
    if not drawn.test or open_generator is None:
        return note
    generator = open_generator(out)
    try:
        note.figures.update(measure(generator, drawn.test, profile, template))
    finally:
        generator.close()
    note.save(out)
    return note


def measure(
    generator: Generator, papers: Sequence[JudgedPaper], profile: Profile, template: Template
) -> dict[str, float | int | str]:
    """AUC of recommended against other papers, and the rank correlation of relevance and score over the recommended."""
    heads = Heads(template, profile)
    head = heads.head(profile.field_names[0])
    prompts = []
    for i, paper in enumerate(papers):
        seen = prepare(Paper(paper.arxiv_id, paper.title, paper.abstract), masked=True)
        prompts.append(Prompt(str(i), head, render_body(heads.template, seen.title, seen.abstract)))
    relevance: dict[int, float] = {}
    for reading in generator.read_labels(prompts, template.labels):
        found = read(reading, len(template.labels), 0.0)
        if not isinstance(found, str):
            relevance[int(reading.key)] = found.relevance
    at = sorted(relevance)
    picks = [i for i in at if papers[i].recommended]
    scored = [i for i in picks if papers[i].score is not None]
    return {
        "test_days": ", ".join(sorted({p.day for p in papers})),
        "test_papers": len(at),
        "test_picks": len(picks),
        "auc": _rounded(evaluate.auc([relevance[i] for i in at], [papers[i].recommended for i in at])),
        "spearman": _rounded(evaluate.spearman([relevance[i] for i in scored], [papers[i].score or 0 for i in scored])),
    }


def check_out(out: Path) -> None:
    """Refuse to replace a folder that no fine-tuning made.

    Raises:
        InputError: it holds something else, or is a file.
    """
    if out.is_file():
        raise InputError("is a file, not a folder", where=str(out), todo="name another folder by --out")
    if out.is_dir() and any(out.iterdir()) and not (out / NOTE).is_file():
        todo = "name an empty or a new folder by --out"
        raise InputError("holds something other than a fine-tuned model", where=str(out), todo=todo)


def _rounded(value: float) -> float | str:
    """JSON has no NaN."""
    return round(value, 4) if math.isfinite(value) else "not measurable"


def told(figures: dict[str, float | int | str]) -> str:
    """The figures for a person, in one line."""
    return json.dumps(figures, ensure_ascii=False)
