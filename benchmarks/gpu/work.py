"""The papers and prompts of the benchmark: real ones through our own templates, one order, one choice of reasons."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from benchmarks.gpu.shapes import Request
from ranker import resources
from ranker.backends.chat import Encoded
from ranker.judging.render import render_body, render_head
from ranker.judging.template import Template, find_template
from ranker.profile import Profile, find_profile, load_profile
from ranker.protocols import Prompt

ROOT = Path(__file__).resolve().parents[2]
JUDGED = ROOT.parent / "shared" / "data" / "judged"
LABEL_TOKENS, REASON_TOKENS, JSON_TOKENS = 1, 90, 100

_JSON = (
    '请只用一个 JSON 对象回答：{"score": <0 到 9>, "reason": "<一段中文推荐理由，40 到 120 字，说清做了什么、'
    '用什么方法、得到什么结果>"}。'
)


@dataclass(frozen=True, slots=True)
class Article:
    title: str
    abstract: str


def judged_papers(count: int, folder: Path = JUDGED) -> list[Article]:
    """Papers of the judged days, day by day; fewer where there are no more."""
    return list(islice(_judged(folder), count))


def _judged(folder: Path) -> Iterable[Article]:
    for path in sorted(folder.glob("*.jsonl*")):
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        for row in map(json.loads, data.decode("utf-8").splitlines()):
            if row.get("title") and row.get("abstract"):
                yield Article(str(row["title"]), str(row["abstract"]))


def sample_papers(count: int) -> list[Article]:
    """The bundled day, its abstracts paired anew until there are enough: no two prompts are the same."""
    own = []
    for line in resources.sample_day().read_text(encoding="utf-8").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue  # one row of the sample is broken on purpose
        if row.get("title") and row.get("abstract"):
            own.append(Article(str(row["title"]), str(row["abstract"])))
    found = []
    for i in range(count):
        turn, at = divmod(i, len(own))
        first, second = own[at], own[(at + turn + 1) % len(own)]
        found.append(Article(f"{first.title} ({turn + 1})", f"{second.abstract} {first.abstract}"))
    return found


def find_papers(count: int, carried: Path | None) -> tuple[list[Article], str]:
    """(papers, where they are from): the carried file, else the judged days, else the bundled sample."""
    if carried is not None:
        found = judged_papers(count, carried)
        source = "judged days, carried"
    else:
        found, source = judged_papers(count), "judged days"
    if len(found) < count:
        return sample_papers(count), "bundled day, abstracts in pairs"
    return found, source


class Work:
    """Prompts of each way of asking, in the order of their fields, as our judge sorts them."""

    def __init__(self, papers: Sequence[Article]) -> None:
        self.papers = list(papers)
        self.profile: Profile = load_profile(find_profile("default"))
        folder = resources.config_dir() / "prompts"
        self.label: Template = find_template("zh-field", folder, kind="label")
        self.reason: Template = find_template("zh-reason", folder, kind="reason")
        names = [field.name for field in self.profile.fields]
        self.fields = [names[i * len(names) // len(self.papers)] for i in range(len(self.papers))]
        self._heads = {
            (template.name, name): render_head(template, self.profile, name)
            for template in (self.label, self.reason)
            for name in names
        }

    def labels(self) -> list[Prompt]:
        return [self._prompt(self.label, i) for i in range(len(self.papers))]

    def reasons(self, share: float) -> list[Prompt]:
        """Of every 1/share-th paper, so that all fields have some."""
        return [self._prompt(self.reason, i) for i in chosen(len(self.papers), share)]

    def one_pass(self) -> list[Prompt]:
        """Score and reason in one JSON object, behind the head of the label prompt."""
        found = []
        for prompt in self.labels():
            paper, _, _ = prompt.body.rpartition("\n")
            found.append(Prompt(f"j{prompt.key}", prompt.head, f"{paper}\n{_JSON}"))
        return found

    def texts(self) -> Iterable[str]:
        """All that a tokenizer should know."""
        yield from self._heads.values()
        yield _JSON
        for paper in self.papers:
            yield f"{paper.title}\n{paper.abstract}"

    def _prompt(self, template: Template, i: int) -> Prompt:
        paper, field = self.papers[i], self.fields[i]
        head = self._heads[template.name, field]
        return Prompt(f"{template.kind[0]}{i}", head, render_body(template, paper.title, paper.abstract))


def chosen(count: int, share: float) -> list[int]:
    """Positions, evenly spread, floor(count * share) of them."""
    return [i for i in range(count) if int((i + 1) * share + 1e-9) > int(i * share + 1e-9)]


def requests_of(encoded: Sequence[Encoded], output: int) -> list[Request]:
    return [Request(len(e.head_ids), len(e.tail_ids), output) for e in encoded]
