"""Papers cut to a token budget: only the abstract gives way, from its end; title, fence and question always stand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ranker.judging.neutral import neutralise
from ranker.judging.render import render_body
from ranker.judging.template import Template

CountTokens = Callable[[Sequence[str]], list[int]]
_ROUNDS = 4


def fit_bodies(
    template: Template, papers: Sequence[tuple[str, str]], budget: int, count: CountTokens
) -> list[tuple[str, bool] | None]:
    """(body, whether the abstract was cut) for each (title, abstract); None where even the bare title is too long.

    ``budget``: tokens of the rendered body. Counting goes in batches: once for all, then for the few that are too long.
    """
    cleaned = [(t, neutralise(a)) for t, a in papers]
    bodies = [render_body(template, t, a) for t, a in cleaned]
    sizes = count(bodies) if bodies else []
    return [
        (body, False) if size <= budget else _cut(template, title, abstract, size, budget, count)
        for body, size, (title, abstract) in zip(bodies, sizes, cleaned, strict=True)
    ]


def _cut(
    template: Template, title: str, abstract: str, size: int, budget: int, count: CountTokens
) -> tuple[str, bool] | None:
    bare = count([render_body(template, title, "")])[0]
    if bare > budget:
        return None
    keep = len(abstract)
    for _ in range(_ROUNDS):
        # Tokens per character differ within a text, so aim a little low and look again.
        share = max(0.0, (budget - bare) / max(1, size - bare))
        keep = int(keep * min(share, 1.0) * 0.97)
        shortened = _at_word(abstract, keep)
        body = render_body(template, title, shortened)
        size = count([body])[0]
        if size <= budget:
            return body, True
    return render_body(template, title, ""), True


def _at_word(text: str, keep: int) -> str:
    """The first ``keep`` characters, back to a word's end where the script has words."""
    kept = text[:keep]
    if keep < len(text) and " " in kept[-40:]:
        kept = kept[: kept.rindex(" ")]
    return f"{kept.rstrip()}…" if kept.strip() else ""
