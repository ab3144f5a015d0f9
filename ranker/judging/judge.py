"""The language-model judge: relevance from one label per paper, words only where they will be read."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from ranker.judging.checks import CHECKS_VERSION
from ranker.judging.injection import INJECTION_VERSION
from ranker.judging.neutral import NEUTRAL_VERSION
from ranker.judging.prompts import Heads, Templates, digest, generator_shape
from ranker.judging.render import ProfileLike
from ranker.judging.score import Scored, score
from ranker.judging.settings import JudgeSettings
from ranker.judging.write import Evidence, Writer
from ranker.protocols import Generator
from ranker.types import Candidate, JudgeOutcome, Judgment, Texts, Unscored, Usage

_WRITTEN_SHARE = 0.25
"""Of papers that are recommended, where nothing is known yet."""


class LanguageModelJudge:
    """A ``Judge`` over any ``Generator``.

    ``evidence`` gives the built-in judge's reason for a candidate and the field in its route: it stands in every
    judgment until the second pass has written words, and for texts that fail their checks.
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
    ) -> None:
        info = generator.info
        self._generator, self._settings, self._evidence = generator, settings, evidence
        self._heads = Heads(templates.label, profile)
        self._texts = tuple(Heads(t, profile) for t in templates.texts)
        self._shape = digest(generator_shape(info))
        self._by = f"{info.model} ({info.backend})"
        self._who = f"{info.model}@{(info.revision or self._shape)[:8]}"
        self._writer = Writer(generator, self._texts, settings, evidence, info.model)
        self._spent: dict[str, Usage] = {"score": Usage(), "write": Usage()}

    @property
    def name(self) -> str:
        return self._by

    @property
    def hashes(self) -> Mapping[str, str]:
        return {"generator": self._shape, "model": self._generator.info.revision}

    @property
    def usage(self) -> Usage:
        return self._generator.usage

    @property
    def usage_by_pass(self) -> dict[str, Usage]:
        """Tokens of the scoring and of the writing pass."""
        return dict(self._spent)

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
        if not candidates:
            return
        self._generator.check_labels(self._heads.template.labels)
        fields = [self._fields(c) for c in candidates]
        before = self._generator.usage
        for scored in score(candidates, fields, self._generator, self._heads, self._settings):
            self._spent["score"] = _spent(before, self._generator.usage)
            yield self._outcome(scored)

    def write(self, candidates: Sequence[Candidate]) -> Iterator[Texts]:
        if not candidates or not self._texts:
            return
        before = self._generator.usage
        for texts in self._writer.write(candidates):
            self._spent["write"] = _spent(before, self._generator.usage)
            yield texts

    def estimate_tokens(self, candidates: Sequence[Candidate]) -> int:
        """Tokens that judging would take, for ``--dry-run``: every prompt whole, though heads are mostly cached, and
        texts of a quarter of the papers at their full length.
        """
        heads = [self._heads, *self._texts]
        bodies = self._generator.count_tokens([f"{c.paper.title}\n{c.paper.abstract}" for c in candidates])
        paper = sum(min(n, self._settings.max_paper_tokens) for n in bodies)
        total = 0.0
        for each in heads:
            names = [c.route.field or "" for c in candidates]
            fixed = {n: sum(self._generator.count_tokens([each.head(n), each.template.body])) for n in set(names)}
            share = 1.0 if each is self._heads else _WRITTEN_SHARE
            total += share * (paper + sum(fixed[n] for n in names) + len(names) * each.template.max_tokens)
        return round(total)

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


def _spent(before: Usage, after: Usage) -> Usage:
    return Usage(after.prompt - before.prompt, after.cached - before.cached, after.generated - before.generated)
