"""``ranker finetune`` trains a local language model on judged papers, and writes it as a folder for ``--model``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ranker.cli import FINE, PARTIAL
from ranker.cli.console import Bars, note, warn
from ranker.cli.options import ConfigOption, DebugOption, ProfileOption, QuietOption, StoreOption, WaitOption
from ranker.cli.session import Session

if TYPE_CHECKING:
    from ranker.backends.finetune.fit import Step

_SHOWN_EVERY = 20
TEMPLATE = "en-short"


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
    papers: Annotated[int, typer.Option("--papers", help="Learn from at most so many.", min=40)] = 6000,
    test_days: Annotated[
        int, typer.Option("--test-days", help="Keep the latest so many days apart, to test on.", min=0)
    ] = 2,
    epochs: Annotated[int, typer.Option("--epochs", min=1)] = 1,
    batch: Annotated[int, typer.Option("--batch", help="Papers a step.", min=1)] = 8,
    rank: Annotated[int, typer.Option("--rank", help="Of the adapters.", min=1)] = 16,
    learning_rate: Annotated[float, typer.Option("--learning-rate")] = 5e-4,
    template: Annotated[
        str, typer.Option("--template", help="Label prompt to train on: a name or a .toml file.")
    ] = TEMPLATE,
    seed: Annotated[int, typer.Option("--seed", min=0)] = 0,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    store: StoreOption = None,
    wait: WaitOption = None,
    quiet: QuietOption = False,
    debug: DebugOption = False,
) -> int:
    """Fine-tune a language model on judged papers (the given ones, and those that `ranker learn` stored).

    Low-rank adapters are trained on the judge's own prompt and merged into a copy of the model. An interrupted run goes
    on where it was when the same command is given again.
    """
    from ranker import resources
    from ranker.backends.choose import local_model
    from ranker.backends.finetune.fit import FitSettings
    from ranker.backends.finetune.run import check_out, draw, finetune
    from ranker.backends.transformers import TransformersGenerator
    from ranker.backends.transformers_files import model_folder
    from ranker.heads.data import without_duplicates
    from ranker.judged import gather
    from ranker.judging.template import find_template

    paths = [*(judged or []), *(more or [])]
    try:
        settings = FitSettings(rank=rank, batch=batch, epochs=epochs, learning_rate=learning_rate, seed=seed)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    check_out(out_folder)  # before an hour of work, not after
    with Session(config=config, store=store, profile=profile, wait=wait) as session:
        session.lock()
        known = session.profile
        folders = (resources.user_config_dir() / "prompts", resources.config_dir() / "prompts")
        chosen = find_template(template, *folders, kind="label")
        found = gather(paths, papers_of_day=session.store.papers_of_day)
        every = without_duplicates([*session.store.judged(known.name), *found.papers])
        drawn = draw(every, test_days=test_days, most=papers, seed=seed)
    for row in found.rejected[:5]:
        warn(f"{row.path}:{row.line}: refused: {row.why}")
    print(
        f"{len(every)} judged papers: learning from {len(drawn.fit)} of {len(drawn.fit_days)} day(s), "
        f"{sum(p.recommended for p in drawn.fit)} recommended; testing on {len(drawn.test)} of {len(drawn.test_days)}",
        flush=True,
    )
    base = model_folder(str(local_model(model)))
    watch = _Watch(Bars(quiet=quiet), quiet=quiet)
    try:
        made = finetune(
            base,
            drawn,
            known,
            chosen,
            settings,
            out_folder,
            on_step=watch.step,
            open_generator=TransformersGenerator,
        )
    finally:
        watch.bars.close()
    if made.papers < len(drawn.fit):
        warn(f"{len(drawn.fit) - made.papers} papers are too long to learn from, and were left out")
    for name, value in made.figures.items():
        print(f"  {name:>12} {value}")
    if not made.figures:
        print("  not tested: no day was kept apart (--test-days)")
    print(f"model: {out_folder}\nuse it by  ranker rank ... --model {out_folder}")
    return PARTIAL if found.rejected else FINE


class _Watch:
    """A bar, and a line now and then: papers read before they were learned from are a running test."""

    def __init__(self, bars: Bars, *, quiet: bool) -> None:
        self.bars, self._quiet = bars, quiet
        self._readings: list[tuple[bool, float]] = []
        self._done = 0

    def step(self, step: Step) -> None:
        from ranker.evaluate import auc

        if not self._done:
            self.bars.start("finetune", step.total)
        self.bars.advance(step.number - self._done)
        self._done = step.number
        self._readings = [*self._readings, *step.readings][-400:]
        if not self._quiet and step.number % _SHOWN_EVERY == 0:
            found = auc([v for _, v in self._readings], [p for p, _ in self._readings])
            note(f"step {step.number}/{step.total}: loss {step.loss:.3f}, AUC {found:.3f} on the papers just met")
