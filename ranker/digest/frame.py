"""Head and foot that the Markdown forms share: when, how many, by what model; and where every paper went."""

from __future__ import annotations

from ranker.digest.text import clean, escape
from ranker.digest.words import beijing_time, words
from ranker.types import OUTCOMES, Run

MARK = "<!-- ranker digest: form={form} escaped -->"
"""Last line of our digests: tells the parsers that texts are escaped (the seed digests' are not)."""


def header(run: Run) -> list[str]:
    """The three header lines, and the plain statement where no language model was used."""
    say = words(run.language)
    tokens = run.usage.prompt + run.usage.generated
    lines = [
        "> " + say["updated"].format(time=beijing_time(run.made_at)),
        "> " + say["read"].format(number=papers_read(run)),
        "> " + say["model"].format(model=escape(run.judge_line), tokens=tokens),
        "",
    ]
    return lines if run.uses_language_model else [*lines, say["no_model"], ""]


def papers_read(run: Run) -> int:
    """Papers that were read: lines less the rejected ones."""
    return run.counts.get("read", 0) - run.counts.get("rejected", 0)


def quiet_line(run: Run) -> str:
    """What a digest without a paper says."""
    return words(run.language)["nothing" if papers_read(run) else "quiet"]


def failed_ids(run: Run) -> tuple[str, ...]:
    """Ids of the papers that nothing could judge."""
    return tuple(clean(ranking.paper.arxiv_id) for ranking in run.rankings if ranking.outcome == "failed")


def foot(run: Run, form: str, *remarks: str) -> list[str]:
    """Counts of every outcome, the threshold, failed papers by id, remarks on the form, notes, and the mark."""
    say = words(run.language)
    counts = {key: run.counts.get(key, 0) for key in ("read", "rejected", *OUTCOMES)}
    lines = ["---", "", say["counts"], "", "- " + say["identity"].format(**counts)]
    if threshold := escape(run.threshold):
        lines.append("- " + say["threshold"].format(threshold=threshold))
    if failed := failed_ids(run):
        lines.append("- " + say["failed"].format(papers=escape(", ".join(failed))))
    lines += [f"- {remark}" for remark in remarks]
    lines += ["- " + say["note"].format(note=escape(note)) for note in run.notes if clean(note)]
    return [*lines, "", MARK.format(form=form), ""]
