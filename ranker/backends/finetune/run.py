"""Judged papers in, a model folder out: everything checked first, then trained, merged, and measured on other days."""

from __future__ import annotations

import dataclasses
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ranker import evaluate
from ranker.backends.chat import ChatRenderer
from ranker.backends.finetune.examples import Example, label_examples, prompts
from ranker.backends.finetune.fit import FitSettings, Step, check_peft, fit, with_adapters
from ranker.backends.finetune.merge import adapted, check_fits, merge, save_adapter, weight_files
from ranker.backends.finetune.split import Split, check_enough
from ranker.backends.finetune.state import clear, digest, state_file
from ranker.backends.labels import label_tokens
from ranker.backends.transformers import TransformersSettings
from ranker.backends.transformers_files import chosen_device, chosen_dtype, read_config, read_weights
from ranker.backends.tuned import NOTE, Tuned, read_tuned
from ranker.backends.weights import fingerprint
from ranker.errors import BackendError, InputError
from ranker.files import file_above, replace_folder
from ranker.judging.prompts import Heads
from ranker.judging.reading import read
from ranker.judging.template import Template, load_template
from ranker.protocols import Generator
from ranker.types import JudgedPaper

if TYPE_CHECKING:
    from ranker.profile import Profile

ADAPTER, TEMPLATE = "adapter", "prompt.toml"
_ROOM = 1.2
"""Of the base's size on the disk: the copy, adapters and state."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is known before the first step. ``too_long``: papers left out for their length; ``state``: the file of
    this very run; ``known_days``: judged days that the base had learned from already.
    """

    base: Path
    base_name: str
    out: Path
    split: Split
    examples: tuple[Example, ...]
    label_ids: tuple[int, ...]
    too_long: int
    template: Template
    template_file: Path
    settings: FitSettings
    state: Path
    known_days: tuple[str, ...]

    @property
    def seen_test_days(self) -> tuple[str, ...]:
        """Days to test on that the base has learned from."""
        return tuple(sorted(set(self.split.test_days) & set(self.known_days)))


def plan(
    base: Path, base_name: str, split: Split, profile: Profile, template_file: Path, settings: FitSettings, out: Path
) -> Plan:
    """Check all that can be checked before the weights are read.

    Raises:
        RankerError: peft is absent, the folder can't be written, the template has no single head, the weights can't be
            merged into, or too few papers are short enough.
    """
    check_peft()
    out = out.expanduser().resolve()
    check_out(out, sum(f.stat().st_size for f in weight_files(base)))
    tokenizer, _ = read_config(str(base))
    renderer, template = ChatRenderer(tokenizer, str(base)), load_template(template_file)
    examples = label_examples(split.fit, profile, template, renderer)
    used = {e.key for e in examples}
    check_enough([p for p in split.fit if p.arxiv_id in used])
    labels = label_tokens(renderer, template.labels).ids
    earlier = read_tuned(base)
    return Plan(
        base=base,
        base_name=base_name,
        out=out,
        split=split,
        examples=tuple(examples),
        label_ids=labels,
        too_long=len(split.fit) - len(examples),
        template=template,
        template_file=template_file,
        settings=settings,
        state=state_file(out, digest(fingerprint(base), settings, labels, examples)),
        known_days=earlier.days if earlier else (),
    )


def finetune(
    plan: Plan,
    profile: Profile,
    *,
    settings: TransformersSettings | None = None,
    on_step: Callable[[Step], None] = lambda _: None,
    open_generator: Callable[[Path], Generator] | None = None,
) -> Tuned:
    """Train as planned, and write the merged model, its adapters, its prompt and its note into the planned folder.

    An interrupted call leaves its state beside the folder and goes on from there when called again with the same plan.

    Raises:
        BackendError: the training came apart, or the folder can't be written; the state stands.
    """
    note = Tuned(
        templates=(TEMPLATE,),
        base=plan.base_name,
        profile=profile.name,
        prompt_hash=Heads(plan.template, profile).template_hash,
        days=tuple(sorted({*plan.split.fit_days, *plan.known_days})),
        papers=len(plan.examples),
        picks=sum(e.positive for e in plan.examples),
    )
    _train(plan, note, settings or TransformersSettings(), on_step)
    if plan.split.test and open_generator is not None:
        generator = open_generator(plan.out)
        try:
            note = dataclasses.replace(note, figures=measure(generator, plan.split.test, profile, plan.template))
        finally:
            generator.close()
        note.save(plan.out)
    clear(plan.out)
    return note


def _train(plan: Plan, note: Tuned, settings: TransformersSettings, on_step: Callable[[Step], None]) -> None:
    """In a function of its own: the model is gone before another copy is opened to be tested."""
    device = chosen_device(settings.device)
    dtype = "float32" if settings.dtype == "float32" else chosen_dtype(device)
    model = with_adapters(read_weights(str(plan.base), dtype, device), plan.settings)
    check_fits(plan.base, adapted(model))
    model.train()
    for step in fit(model, plan.examples, plan.settings, plan.label_ids, state=plan.state):
        on_step(step)

    def fill(folder: Path) -> None:
        save_adapter(model, folder / ADAPTER)
        merge(plan.base, folder / ADAPTER, folder)
        shutil.copyfile(plan.template_file, folder / TEMPLATE)
        note.save(folder)

    try:
        replace_folder(plan.out, fill)
    except OSError as error:
        todo = "free some space; the same command goes on from where the training ended"
        raise BackendError(f"can't be written ({error.strerror})", where=str(plan.out), todo=todo) from error


def measure(
    generator: Generator, papers: Sequence[JudgedPaper], profile: Profile, template: Template
) -> tuple[tuple[str, float | int | str], ...]:
    """AUC of recommended against other papers, and the rank correlation of relevance and score over the recommended."""
    relevance: dict[int, float] = {}
    for reading in generator.read_labels(prompts(papers, profile, template), template.labels):
        found = read(reading, len(template.labels), 0.0)
        if not isinstance(found, str):
            relevance[int(reading.key)] = found.relevance
    at = sorted(relevance)
    scored = [i for i in at if papers[i].recommended and papers[i].score is not None]
    return (
        ("test_days", ", ".join(sorted({p.day for p in papers}))),
        ("test_papers", len(at)),
        ("test_picks", sum(papers[i].recommended for i in at)),
        ("unscored", len(papers) - len(at)),
        ("auc", _finite(evaluate.auc([relevance[i] for i in at], [papers[i].recommended for i in at]))),
        (
            "spearman",
            _finite(evaluate.spearman([relevance[i] for i in scored], [papers[i].score or 0 for i in scored])),
        ),
    )


def check_out(out: Path, size: int) -> None:
    """Refuse a folder that may not be replaced, can't be written, or has no room for ``size`` bytes of weights.

    Raises:
        InputError: it holds something that no fine-tuning made, or is a file.
        BackendError: not writable, or the disk is too full.
    """
    another = "name an empty or a new folder by --out"
    if out.is_file() or file_above(out):
        above = file_above(out)
        raise InputError(f"{above} is a file" if above else "is a file, not a folder", where=str(out), todo=another)
    if out.is_dir() and any(out.iterdir()) and not (out / NOTE).is_file():
        raise InputError("holds something other than a fine-tuned model", where=str(out), todo=another)
    if Path.cwd().is_relative_to(out):
        raise InputError("is the folder that you are in, or above it", where=str(out), todo=another)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        probe = out.with_name(f".{out.name}.probe")
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise BackendError(f"can't be written ({error.strerror})", where=str(out), todo=another) from error
    free = shutil.disk_usage(out.parent).free
    if free < _ROOM * size:
        what = f"{free / 1e9:.1f} GB are free, {_ROOM * size / 1e9:.1f} are needed"
        raise BackendError(what, where=str(out.parent), todo="free some space, or name another folder by --out")


def _finite(value: float) -> float | str:
    """JSON has no NaN."""
    return round(value, 4) if math.isfinite(value) else "not measurable"
