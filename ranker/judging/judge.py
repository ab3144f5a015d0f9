"""The language-model judge: relevance from one label per paper, words only where they will be read."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from ranker.judging.after import After
from ranker.judging.anchors import Watch
from ranker.judging.checks import CHECKS_VERSION
from ranker.judging.injection import INJECTION_VERSION
from ranker.judging.neutral import NEUTRAL_VERSION
from ranker.judging.prompts import Heads, Templates, digest, generator_shape
from ranker.judging.render import ProfileLike
from ranker.judging.score import Scored, score
from ranker.judging.settings import JudgeSettings
from ranker.judging.template import Template
from ranker.judging.write import Evidence, Writer
from ranker.protocols import Generator, GeneratorInfo
from ranker.types import Candidate, JudgeOutcome, Judgment, Texts, Unscored, Usage

_TEXTS_SHARE = 0.25
"""Of papers that texts are written for (those recommended), where nothing is known yet."""

_WRITTEN = {
    "zh": "{number} 篇的评分来自模型写出的数字，而非标签的概率分布（服务器不返回 logprobs）",
    "en": "{number} papers were scored by a digit that the model wrote, not by a distribution (no logprobs came)",
}

_TUNED = {
    "zh": "模型是针对另一份提示词（研究方向或模板已改）微调的，评分可能不准：请重新微调，或换用其他模型",
    "en": "the model was fine-tuned on another prompt (fields or template have changed), so its scores may be off: "
    "fine-tune it again, or take another model",
}
_UNLEARNED = {
    "zh": "这个微调过的模型没有学过写{kinds}，推荐理由用论文原句代替",
    "en": "this fine-tuned model has not learned to write: {kinds}; reasons are quoted evidence",
}
_AND = {"zh": "、", "en": ", "}
_KINDS = {
    "zh": {"reason": "推荐理由", "summary": "结构化摘要", "brief": "简介"},
    "en": {"reason": "reasons", "summary": "summaries", "brief": "briefs"},
}

Ask = Callable[[Sequence[Candidate]], Iterator[JudgeOutcome]]


class LanguageModelJudge:
    """A ``Judge`` over any ``Generator``, and a ``ModelJudge``.

    ``evidence`` gives the built-in judge's reason for a candidate and the field in its route: it stands in every
    judgment until the second pass has written words, and for texts that fail their checks. ``after``: calibration and
    blending, which never touch what is stored. ``watch``: the anchors.
    """

    uses_language_model = True

    def __init__(
        self,
        generator: Generator,
        profile: ProfileLike,
        templates: Templates,
        settings: JudgeSettings,
        *,
        evidence: Evidence,
        after: After | None = None,
        watch: Watch | None = None,
    ) -> None:
        info = generator.info
        self._after, self._watch = after or After(), watch
        self._language = profile.language
        self._generator, self._settings, self._evidence = generator, settings, evidence
        self._heads = Heads(templates.label, profile)
        self._texts = tuple(Heads(t, profile) for t in templates.texts)
        self._shape = digest(generator_shape(info))
        self._by = f"{info.model} ({info.backend})"
        self._who = f"{info.model}@{(info.revision or self._shape)[:8]}"
        language = "zh" if profile.language == "zh" else "en"
        remarks = [_TUNED[language]] if info.tuned_for not in ("", self._heads.template_hash) else []
        if templates.unlearned:
            remarks.append(
                _UNLEARNED[language].format(kinds=_AND[language].join(_KINDS[language][k] for k in templates.unlearned))
            )
        self._remarks = tuple(remarks)
        self._writer = Writer(generator, self._texts, settings, evidence, info.model)
        self._spent: dict[str, Usage] = {"score": Usage(), "write": Usage()}

    @property
    def name(self) -> str:
        return self._by + self._after.describe()

    @property
    def scale(self) -> str:
        """Whose relevance a calibration maps: model, weights and template."""
        return scale_name(self._generator.info, self._heads.template)

    @property
    def hashes(self) -> Mapping[str, str]:
        own = {"generator": self._shape, "model": self._generator.info.revision}
        return own | {"template": self._heads.template_hash} | self._after.hashes()

    @property
    def usage(self) -> Usage:
        return self._generator.usage

    @property
    def usage_by_pass(self) -> dict[str, Usage]:
        """Tokens of the scoring and of the writing pass, of the anchors, and of whatever else was asked."""
        total = self._generator.usage
        for spent in self._spent.values():
            total = total - spent
        return self._spent | ({"other": total} if total != Usage() else {})

    def start(self) -> None:
        """Let the generator begin to load, where it can do so without being in the way."""
        start: Callable[[], None] | None = getattr(self._generator, "start", None)
        if start is not None:
            start()

    def engine_notes(self) -> tuple[str, ...]:
        """What the generator's engine has to say of the run, for the report; most have nothing."""
        notes: Callable[[str], tuple[str, ...]] | None = getattr(self._generator, "engine_notes", None)
        return notes(self._language) if notes is not None else ()

    def close(self) -> None:
        self._generator.close()

    def key(self, candidate: Candidate) -> str:
        s = self._settings
        parts: list[object] = [self._shape, NEUTRAL_VERSION, INJECTION_VERSION]
        parts += [s.min_mass, s.max_paper_tokens, s.mask_suspicious]
        for name in self._fields(candidate):
            # With all fields in one head the field is only where the judgment is filed.
            parts.append([name, self._heads.shape(name)])
        return digest(parts)

    def text_key(self, candidate: Candidate) -> str | None:
        if not self._texts:
            return None
        p, s = candidate.paper, self._settings
        parts: list[object] = [p.arxiv_id, p.version, candidate.text_hash, self._shape, CHECKS_VERSION]
        parts += [
            NEUTRAL_VERSION,
            INJECTION_VERSION,
            s.max_paper_tokens,
            s.mask_suspicious,
            s.retry_temperature,
            s.seed,
        ]
        parts += [heads.shape(candidate.route.field or "") for heads in self._texts]
        return digest(parts)

    def judge(self, candidates: Sequence[Candidate]) -> Iterator[JudgeOutcome]:
        """One outcome a candidate, as readings come in.

        Raises:
            BackendError: the labels can't be read with this model at all.
        """
        return self._judge(candidates, "score")

    def check(self, candidates: Sequence[Candidate], ask: Ask | None = None) -> tuple[str, ...]:
        """What is odd about a run that asked the model about ``candidates``: anchors of their fields that moved.

        ``ask`` scores the anchors where another place than this one holds the model.
        """
        if self._watch is None or not candidates:
            return ()
        fields = {name for c in candidates for name in self._fields(c)}
        here: Ask = lambda anchors: self._judge(anchors, "anchors")  # noqa: E731
        return self._watch.check(self._by, self.key, ask or here, fields)

    def adjust(
        self, candidates: Sequence[Candidate], outcomes: Mapping[str, JudgeOutcome]
    ) -> tuple[dict[str, JudgeOutcome], tuple[str, ...]]:
        """Outcomes by versioned id as they are ordered, and what a reader should know of them."""
        found = [o for o in outcomes.values() if isinstance(o, Judgment)]
        written = sum(o.mass is None and bool(o.distribution) for o in found)
        note = _WRITTEN["zh" if self._language == "zh" else "en"].format(number=written)
        return self._after.adjust(candidates, outcomes), (*self._remarks, *([note] if written else []))

    def _judge(self, candidates: Sequence[Candidate], name: str) -> Iterator[JudgeOutcome]:
        if not candidates:
            return
        self._generator.check_labels(self._heads.template.labels)
        fields = [self._fields(c) for c in candidates]
        with self._counting(name) as count:
            for scored in score(candidates, fields, self._generator, self._heads, self._settings):
                count()
                yield self._outcome(scored)

    def write(self, candidates: Sequence[Candidate]) -> Iterator[Texts]:
        if not candidates or not self._texts:
            return
        self._generator.check_labels(self._heads.template.labels)  # a model that can't be loaded fails here, at once
        with self._counting("write") as count:
            for texts in self._writer.write(candidates):
                count()
                yield texts

    def estimate_tokens(self, candidates: Sequence[Candidate]) -> int:
        """Tokens that judging would take, for ``--dry-run``: every prompt whole, though heads are mostly cached, and
        texts of a quarter of the papers at their full length.
        """
        return self._estimate(candidates, whole=True)

    def estimate_seconds(self, candidates: Sequence[Candidate]) -> float | None:
        """Seconds by arithmetic, each head computed once; None where the generator can't tell how fast it is."""
        estimate: Callable[[int], float | None] | None = getattr(self._generator, "estimate_seconds", None)
        return None if estimate is None else estimate(self._estimate(candidates, whole=False))

    def _estimate(self, candidates: Sequence[Candidate], *, whole: bool) -> int:
        count, heads = self._generator.count_tokens, [self._heads, *self._texts]
        bodies = count([f"{c.paper.title}\n{c.paper.abstract}" for c in candidates])
        paper = sum(min(n, self._settings.max_paper_tokens) for n in bodies)
        names = [c.route.field or "" for c in candidates]
        total = 0.0
        for each in heads:
            share = 1.0 if each is self._heads else _TEXTS_SHARE
            head = {n: count([each.head(n)])[0] for n in set(names)}
            rest = count([each.template.body])[0] + each.template.max_tokens
            total += share * (paper + len(names) * rest)
            total += share * sum(head[n] for n in names) if whole else sum(head.values())
        return round(total)

    @contextmanager
    def _counting(self, name: str) -> Iterator[Callable[[], None]]:
        """Count what the generator uses from here on as one pass's; what is yielded brings the count up to date."""
        before, earlier = self._generator.usage, self._spent.get(name, Usage())

        def count() -> None:
            self._spent[name] = earlier + self._generator.usage - before

        try:
            yield count
        finally:
            count()

    def _fields(self, candidate: Candidate) -> tuple[str, ...]:
        """The router's field, and the next one where the router was in doubt and each field has a head of its own."""
        route = candidate.route
        first = route.field or ""
        doubt = self._settings.second_field_margin > 0.0 and route.margin <= self._settings.second_field_margin
        if doubt and route.second is not None and self._heads.template.scope == "field":
            return (first, route.second)
        return (first,)

    def _outcome(self, scored: Scored) -> JudgeOutcome:
        candidate, best = scored.candidate, scored.best()
        if best is None:
            kind, detail = next(r for r in scored.reads.values() if isinstance(r, tuple))
            return Unscored(candidate.paper.arxiv_id, kind, detail, self._by)
        field, found = best
        if field != candidate.route.field:
            candidate = dataclasses.replace(candidate, route=dataclasses.replace(candidate.route, field=field))
        return Judgment(
            arxiv_id=candidate.paper.arxiv_id,
            field=field,
            relevance=found.relevance,
            reason=self._evidence(candidate),
            judge=self._who,
            distribution=found.distribution,
            mass=found.mass,
            entropy=found.entropy,
            mode=found.mode,
            spread=found.spread,
            flags=scored.flags(),
            detail=_detail(scored, field),
        )


def _detail(scored: Scored, field: str) -> str:
    parts = []
    if scored.suspicious and field in scored.plain:
        parts.append(f"read without its suspect spans; with them the relevance is {scored.plain[field]:.2f}")
    if scored.missing:
        parts.append(f"labels that the engine did not return: {', '.join(sorted(scored.missing))}")
    others = [f"{name}: {r[1]}" for name, r in scored.reads.items() if isinstance(r, tuple)]
    return "; ".join([*parts, *others])


def scale_name(info: GeneratorInfo, template: Template) -> str:
    """Model, weights and template: what a calibration is fitted for, told before any prompt is sent."""
    shape = digest(generator_shape(info))
    return f"{info.model}@{(info.revision or shape)[:8]} {template.name}.{template.version}"
