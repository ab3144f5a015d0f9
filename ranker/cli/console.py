"""What people see: logs and progress on stderr, results on stdout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

if TYPE_CHECKING:
    from ranker.types import Run

err = Console(stderr=True, highlight=False)
out = Console(highlight=False)


def note(text: str) -> None:
    """A line on stderr; markup in it is shown, not obeyed (it may hold a paper's title)."""
    err.print(escape(text), soft_wrap=True)


def warn(text: str) -> None:
    err.print(f"[yellow]warning:[/] {escape(text)}", soft_wrap=True)


class Bars:
    """A bar a stage on stderr; nothing where stderr is no terminal or ``quiet``."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._progress = Progress(
            TextColumn("{task.description:>8}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=err,
            disable=quiet or not err.is_terminal,
        )
        self._task: TaskID | None = None

    def start(self, stage: str, total: int | None) -> None:
        if self._task is None:
            self._progress.start()
        self._task = self._progress.add_task(stage, total=total)

    def advance(self, count: int = 1) -> None:
        if self._task is not None:
            self._progress.advance(self._task, count)

    def finish(self) -> None:
        if self._task is not None:
            self._progress.stop_task(self._task)
            self._progress.refresh()

    def close(self) -> None:
        self._progress.stop()


def top_table(run: Run, count: int = 10) -> Table:
    """The digest's top papers."""
    table = Table(title=f"{run.profile_title} · {run.day}", title_justify="left")
    for name, justify in (("#", "right"), ("score", "right"), ("field", "left"), ("paper", "left"), ("title", "left")):
        table.add_column(name, justify=justify, no_wrap=name in ("#", "score", "paper"))  # type: ignore[arg-type]
    best = [r for r in run.rankings if r.outcome == "recommended"][:count]
    for r in best:
        score = "-" if r.score is None else f"{r.score:.2f}"
        table.add_row(str(r.rank), score, escape(r.field or ""), r.paper.arxiv_id, escape(r.paper.title))
    return table
