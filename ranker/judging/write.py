"""Pass 2: words for papers that will be read. Each text is checked, written once more if need be, then given up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ranker.errors import BackendError
from ranker.judging.budget import fit_bodies
from ranker.judging.checks import Written, failed_checks, tidy, tidy_lines, whole_sentences
from ranker.judging.paper import Reading, prepare
from ranker.judging.prompts import Heads
from ranker.judging.sections import SECTIONS, parse_sections
from ranker.judging.settings import JudgeSettings
from ranker.judging.template import Template
from ranker.protocols import Completion, Generator, Prompt, WriteOptions
from ranker.types import Candidate, Texts

Evidence = Callable[[Candidate], str]
_NOTE = {
    "zh": "（模型所写的理由未通过检查，此处为原文依据。）",
    "en": " (The model's reason failed its checks; this is evidence.)",
}


@dataclass(slots=True)
class _Open:
    """What has been written of one candidate. ``failed``: kind of text -> names of the checks that it failed."""

    candidate: Candidate
    reading: Reading
    waiting: set[str]
    parts: dict[str, str] = field(default_factory=dict)
    failed: dict[str, tuple[str, ...]] = field(default_factory=dict)


class Writer:
    """Remembers the texts of its run, so that one about another paper is recognised."""

    def __init__(
        self, generator: Generator, heads: Sequence[Heads], settings: JudgeSettings, evidence: Evidence, name: str
    ) -> None:
        self._generator, self._heads, self._settings, self._name = generator, tuple(heads), settings, name
        self._evidence = evidence
        self._told: dict[str, list[str]] = {}

    def write(self, candidates: Sequence[Candidate]) -> Iterator[Texts]:
        """Texts for every candidate, once, when all of its kinds are done.

        Field by field, so that heads are shared and a candidate's texts are complete early.
        """
        kinds = {h.template.kind for h in self._heads}
        masked = self._settings.mask_suspicious
        opened = {c.paper.arxiv_id: _Open(c, prepare(c.paper, masked=masked), set(kinds)) for c in candidates}
        fields = {f.name: i for i, f in enumerate(self._heads[0].profile.fields)} if self._heads else {}
        chosen = sorted(
            opened.values(), key=lambda o: (fields.get(o.candidate.route.field or "", 0), o.candidate.paper.arxiv_id)
        )
        for name in dict.fromkeys(o.candidate.route.field or "" for o in chosen):
            mine = [o for o in chosen if (o.candidate.route.field or "") == name]
            for heads in self._heads:
                yield from self._write(mine, heads, name)

    def _write(self, opened: Sequence[_Open], heads: Heads, name: str) -> Iterator[Texts]:
        """One kind of text for the papers of one field, with the retry."""
        template, head = heads.template, heads.head(name)
        first = WriteOptions(template.max_tokens, template.stop, 0.0, self._settings.seed)
        again = WriteOptions(
            template.max_tokens, template.stop, self._settings.retry_temperature, self._settings.seed + 1
        )
        left: Sequence[_Open] = opened
        for options, last in ((first, False), (again, True)):
            retry: list[_Open] = []
            for item, completion in self._ask(left, template, head, options):
                failed = self._accept(item, template, completion)
                if failed and not last:
                    retry.append(item)
                    continue
                if failed:
                    item.failed[template.kind] = failed
                item.waiting.discard(template.kind)
                if not item.waiting:
                    yield self._finish(item)
            left = retry
            if not left:
                return

    def _ask(
        self, opened: Sequence[_Open], template: Template, head: str, options: WriteOptions
    ) -> Iterator[tuple[_Open, Completion]]:
        """Every item with its completion; what the generator loses comes back as an error."""
        waiting = {o.candidate.paper.arxiv_id: o for o in opened}
        why = "the generator ended without this text"
        try:
            for completion in self._generator.write(self._prompts(opened, template, head), options):
                item = waiting.pop(completion.key, None)
                if item is None:
                    raise BackendError(f"the generator answered {completion.key!r}, which was not asked")
                yield item, completion
        except BackendError as error:
            why = str(error)
        for key, item in waiting.items():
            yield item, Completion(key, "", "error", error=why)

    def _prompts(self, opened: Sequence[_Open], template: Template, head: str) -> Iterator[Prompt]:
        count = self._generator.count_tokens
        room = min(
            self._settings.max_paper_tokens,
            self._generator.info.max_context - count([head])[0] - template.max_tokens - 64,
        )
        papers = [(o.reading.title, o.reading.abstract) for o in opened]
        for item, body in zip(opened, fit_bodies(template, papers, room, count), strict=True):
            if body is not None:
                yield Prompt(item.candidate.paper.arxiv_id, head, body[0])

    def _accept(self, item: _Open, template: Template, completion: Completion) -> tuple[str, ...]:
        """Keep the text if it passes; else the names of the checks that failed."""
        if completion.finish == "error":
            return ("error",)
        if template.kind == "summary":
            found = parse_sections(tidy_lines(completion.text))
            if found is None:
                return ("sections",)
            failures = [
                failed_checks(Written(tidy(part), "stop", self._source(item)), template) for part in found.values()
            ]
            cut = ("cut_off",) if completion.finish == "length" else ()
            names = tuple(dict.fromkeys([*(n for f in failures for n in f), *cut]))
            if not names:
                item.parts |= {key: tidy(part) for key, part in found.items()}
            return names
        text, finish = tidy(completion.text), str(completion.finish)
        if finish == "length" and (whole := whole_sentences(text)):
            text, finish = whole, "stop"  # what stands before the cut may be enough: the length check decides
        told = self._told.setdefault(template.kind, [])
        names = failed_checks(Written(text, finish, self._source(item)), template, told)
        if not names:
            told.append(text)
            item.parts[template.kind] = text
        return names

    def _source(self, item: _Open) -> str:
        return f"{item.reading.title}\n{item.reading.abstract}"

    def _finish(self, item: _Open) -> Texts:
        """The texts that passed; the evidence reason, marked as such, where the model's own did not."""
        names = [n if kind == "reason" else f"{kind}:{n}" for kind, found in item.failed.items() for n in found]
        reason, by = item.parts.get("reason", ""), self._name
        if "reason" in item.failed:
            language = self._heads[0].template.language
            reason, by = f"{self._evidence(item.candidate)}{_NOTE[language]}", "evidence"
        summary = {section: item.parts.get(section, "") for section in SECTIONS}
        return Texts(
            arxiv_id=item.candidate.paper.arxiv_id,
            by=by,
            reason=reason,
            brief=item.parts.get("brief", ""),
            failed=tuple(names),
            **summary,
        )
