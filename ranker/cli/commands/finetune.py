"""``ranker finetune`` trains a local language model on judged papers, and writes it as a folder for ``--model``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ranker.cli import FINE, PARTIAL
from ranker.cli.console import Bars, note, warn
from ranker.cli.options import ConfigOption, DebugOption, ProfileOption, QuietOption, StoreOption, WaitOption
from ranker.cli.session import Session

if TYPE_CHECKING:
    from ranker.backends.finetune.fit import Step
    from ranker.types import JudgedPaper

_SHOWN_EVERY, _SHOWN_SECONDS = 20, 60.0
_RUNNING = 400


def register(app: typer.Typer) -> None:
    app.command("finetune")(finetune_model)


def finetune_model(
    out_folder: Annotated[Path, typer.Option("--out", help="Folder for the model; name it by --model to use it.")],
    judged: Annotated[
        list[str] | None, typer.Option("--judged", help="Judged papers (JSON lines) or a past digest; repeatable.")
    ] = None,
    more: Annotated[list[str] | None, typer.Argument(metavar="[PATH...]", help="More of the same.")] = None,
    model: Annotated[
        str, typer.Option("--model", help="Model to start from: a folder, a hub's name, or smollm2.")
    ] = "smollm2",
    papers: Annotated[
        int, typer.Option("--papers", help="Learn from at most so many (never over 1.4 others a pick).", min=40)
    ] = 6000,
    test_days: Annotated[
        int, typer.Option("--test-days", help="Keep the latest so many days apart, to test on.", min=0)
    ] = 2,
    epochs: Annotated[int, typer.Option("--epochs", min=1)] = 1,
    batch: Annotated[int, typer.Option("--batch", help="Papers a step.", min=1)] = 8,
    lora_rank: Annotated[int, typer.Option("--lora-rank", help="Of the adapters.", min=1)] = 16,
    learning_rate: Annotated[float, typer.Option("--learning-rate")] = 5e-4,
    template: Annotated[
        str, typer.Option("--template", help="Label prompt to train on: a name or a .toml file.")
    ] = "en-short",
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    store: StoreOption = None,
    wait: WaitOption = None,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> int:
    """Fine-tune a language model on judged papers and ticks: those given, and those that the store knows.

    Low-rank adapters are trained on the judge's own prompt and merged into a copy of the model. An interrupted run goes
    on where it was when the same command is given again.
    """
    from ranker import resources
    from ranker.backends.choose import local_model, open_generator
    from ranker.backends.finetune.fit import FitSettings
    from ranker.backends.finetune.run import finetune, plan
    from ranker.backends.finetune.split import split
    from ranker.backends.transformers import TransformersSettings
    from ranker.backends.transformers_files import model_folder
    from ranker.judging.template import find_template, template_file

    try:
        settings = FitSettings(lora_rank=lora_rank, batch=batch, epochs=epochs, learning_rate=learning_rate, seed=seed)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    with Session(config=config, store=store, profile=profile, wait=wait) as session:
        session.lock()
        folders = (resources.user_config_dir() / "prompts", resources.config_dir() / "prompts")
        find_template(template, *folders, kind="label")
        every, refused = _judged(session, [*(judged or []), *(more or [])])
        base = model_folder(str(local_model(model)))
        drawn = split(every, test_days=test_days, most=papers, seed=seed)
        made = plan(base, model, drawn, session.profile, template_file(template, *folders), settings, out_folder)
        print(
            f"{len(every)} different papers: learning from {len(made.examples)} of {len(drawn.fit_days)} day(s), "
            f"{sum(e.positive for e in made.examples)} recommended ({made.too_long} too long, left out); "
            f"testing on {len(drawn.test)} of {len(drawn.test_days)}",
            flush=True,
        )
        if made.seen_test_days:
            warn(f"the model to start from has learned from {', '.join(made.seen_test_days)}: the test is none")
        watch = _Watch(Bars(quiet=quiet), quiet=quiet)
        try:
            tuned = finetune(
                made,
                session.profile,
                settings=session.config.section("transformers", TransformersSettings),
                on_step=watch.step,
                open_generator=lambda folder: open_generator("transformers", str(folder), session.config),
            )
        finally:
            watch.bars.close()
    for name, value in tuned.figures:
        print(f"  {name:>12} {value}")
    if not tuned.figures:
        print("  not tested: no day was kept apart (--test-days)")
    print(f"model: {out_folder}\nuse it by  ranker rank ... --model {out_folder}")
    print(f'behind a server: [judging] template = "{made.out / tuned.templates[0]}" and write_reason = false')
    return PARTIAL if refused else FINE


def _judged(session: Session, paths: list[str]) -> tuple[list[JudgedPaper], int]:
    """(one label a paper, of the files, the store's judged papers and ticks, as for `ranker learn`; rows refused)."""
    from ranker.feedback import labels
    from ranker.heads.data import with_known_texts
    from ranker.judged import gather
    from ranker.learn import prepare

    name, held = session.profile.name, session.store
    found, kept = gather(paths, papers_of_day=held.papers_of_day), held.judged(name)
    ticked, _ = labels(held.ticks(name), held.paper, session.profile.field_names)
    given = with_known_texts(found.papers, kept)
    for row in found.rejected[:5]:
        warn(f"{row.path}:{row.line}: refused: {row.why}")
    textless = sum(not p.abstract for p in given)
    print(f"{len(given)} judged papers given, {len(kept)} in the store, {len(ticked)} ticks; titles only: {textless}")
    return prepare([*kept, *given, *ticked]), len(found.rejected)


class _Watch:
    """A bar, and a line now and then: papers read before they were learned from are a running test."""

    def __init__(self, bars: Bars, *, quiet: bool) -> None:
        self.bars, self._quiet = bars, quiet
        self._readings: list[tuple[bool, float]] = []
        self._done = 0
        self._said_at = 0.0

    def step(self, step: Step) -> None:
        if not self._done:
            self.bars.start("finetune", step.total)
            if step.number > 1:
                note(f"going on at step {step.number} of {step.total}")
        self.bars.advance(step.number - self._done)
        self._done = step.number
        self._readings = [*self._readings, *step.readings][-_RUNNING:]
        now = time.monotonic()
        if not self._quiet and (step.number % _SHOWN_EVERY == 0 or now - self._said_at > _SHOWN_SECONDS):
            self._said_at = now
            note(f"step {step.number}/{step.total}: loss {step.loss:.3f}{self._auc() if step.fresh else ''}")

    def _auc(self) -> str:
        from ranker.evaluate import auc

        found = auc([v for _, v in self._readings], [p for p, _ in self._readings])
        return f", AUC {found:.3f} on the papers just met"
