"""Read the digests back, ours and the seeds': ``parse_a``, ``parse_b``, ``parse_c``. Text in, records out, no I/O."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from ranker.digest.entries import QUOTE_MARKS
from ranker.digest.frame import MARK
from ranker.digest.parse_sections import FOLLOWED, REVISION, followed_of, revision_of
from ranker.digest.parsed import (
    DigestA,
    DigestB,
    DigestC,
    EntryA,
    EntryB,
    EntryC,
    FollowedA,
    Foot,
    RevisionA,
    link_of,
    number_of,
)
from ranker.digest.text import unescape
from ranker.digest.words import EN, ZH
from ranker.errors import InputError
from ranker.types import OUTCOMES

_ENTRY_A = re.compile(r"### \[Score: (-|-?\d+(?:\.\d+)?)/10\](?: (.*))?")
_ENTRY_B = re.compile(r"### \[(\d+)\] \[(.*)\]\((https?://\S+)\)")
_TOTAL_B = re.compile(r"- \[(.*)\]\(#.*\) \[Total: (\d+)\]")
_ENTRY_C = re.compile(r"### (\d+)(?: (.*))?")
_NAVIGATION = re.compile(r"- \[(.*)\]\(#(.*)\)(?:（\d+ 篇）| \(\d+ papers\))")
_LABELS_B = ("TL;DR", "Motivation", "Method", "Result", "Conclusion", "Abstract")
_KEYWORD = re.compile(r"(?:\\.|[^,\\])+")


def parse_a(text: str) -> DigestA:
    """Form A or its README variant.

    Raises:
        InputError: the text is no recommendation digest.
    """
    lines, plain, foot = _split(text, "a")
    title = lines[0].removeprefix("# ") if lines else ""
    name = next((say["title"] for say in (ZH, EN) if title.startswith(say["title"])), None)
    if name is None:
        raise InputError("is no recommendation digest", todo="it should begin with '# ArXiv 每日推荐'")
    date = plain(title[len(name) :].removeprefix(" - ")) or None
    head = {key: found for line in lines[:8] for key in ("updated", "read", "model") if (found := _found(key, line))}
    entries: list[EntryA] = []
    revisions: list[RevisionA] = []
    followed: list[FollowedA] = []
    navigation: list[tuple[str, str]] = []
    field = ""
    block: list[str] = []
    for line in [*lines[1:], "## "]:
        if line.startswith(("## ", "### ")):
            # Every entry's heading says what it is: a field may bear the name of a section.
            if not block:
                pass
            elif _ENTRY_A.fullmatch(block[0]):
                entries.append(_entry_a(block, field, plain))
            elif REVISION.fullmatch(block[0]):
                revisions.append(revision_of(block, plain))
            else:
                followed.append(followed_of(block, plain))
            block = [line] if any(head.fullmatch(line) for head in (_ENTRY_A, REVISION, FOLLOWED)) else []
            field = plain(line[3:]) if line.startswith("## ") else field
        elif block:
            block.append(line)
        elif found := _NAVIGATION.fullmatch(line):
            navigation.append((plain(found[1]), found[2]))
    return DigestA(
        date=date,
        updated=head["updated"]["time"] if "updated" in head else "",
        read=int(head["read"]["number"]) if "read" in head else 0,
        model=plain(head["model"]["model"]) if "model" in head else "",
        tokens=int(head["model"]["tokens"]) if "model" in head else 0,
        uses_language_model=not any(say["no_model"] in lines[:10] for say in (ZH, EN)),
        entries=tuple(entries),
        navigation=tuple(navigation),
        foot=foot,
        revisions=tuple(revisions),
        followed=tuple(followed),
    )


def _entry_a(block: list[str], field: str, plain: Callable[[str], str]) -> EntryA:
    head = _ENTRY_A.fullmatch(block[0])
    assert head
    values = {"Authors": "", "Published": "", "Link": "", "Reason": ""}
    reason: list[str] = []
    leaked: dict[str, str] = {}
    key = ""
    for line in block[1:]:
        found = re.match(r"- \*\*(Authors|Published|Link|Reason):\*\*(?: (.*))?$", line)
        leak = re.match(r"(Score|Field)\s*[:：]\s*(.*)$", line) if key == "Reason" else None
        if found:
            key = found[1]
            values[key] = found[2] or ""
        elif leak:
            leaked[leak[1]] = leak[2].strip()
        elif key == "Reason" and line.strip():
            reason.append(line.strip())
    return EntryA(
        field=field,
        score=number_of(head[1]),
        title=plain(head[2] or ""),
        authors=plain(values["Authors"]),
        published=plain(values["Published"]),
        link=link_of(values["Link"]),
        reason=plain(" ".join([values["Reason"], *reason]).strip()),
        leaked_score=number_of(leaked.get("Score", "-")),
        leaked_field=leaked.get("Field"),
    )


def parse_b(text: str) -> DigestB:
    """Form B.

    Raises:
        InputError: the text is no digest by category.
    """
    lines, plain, foot = _split(text, "b")
    if "# Table of Contents" not in lines[:5]:
        raise InputError("is no digest by category", todo="it should begin with '# Table of Contents'")
    totals = [(plain(found[1]), int(found[2])) for line in lines if (found := _TOTAL_B.fullmatch(line))]
    entries: list[EntryB] = []
    block: list[str] = []
    for line in [*lines, "### "]:
        if line.startswith("### "):
            if block:
                entries.append(_entry_b(block, plain))
            block = [line] if _ENTRY_B.fullmatch(line) else []
        elif block:
            block.append(line)
    return DigestB(tuple(totals), tuple(entries), foot)


def _entry_b(block: list[str], plain: Callable[[str], str]) -> EntryB:
    head = _ENTRY_B.fullmatch(block[0])
    assert head
    authors = block[1][1:-1] if len(block) > 1 and re.fullmatch(r"\*.+\*", block[1]) else ""
    values: dict[str, str] = {}
    key = ""
    for line in block[1:]:
        label, colon, value = line.partition(":")
        if colon and label in ("Main category", *_LABELS_B) and label not in values:
            key = label
            values[key] = value.strip()
        elif line.startswith(("<details>", "</details>", "  <summary>", "<div id=", "# ")):
            key = ""
        elif key and line.strip():
            values[key] = f"{values[key]} {line.strip()}".strip()
    texts = {label: _unquoted(plain(values.get(label, ""))) for label in _LABELS_B}
    return EntryB(
        number=int(head[1]),
        title=plain(head[2]),
        link=head[3],
        authors=plain(authors),
        category=plain(values.get("Main category", "")),
        tldr=texts["TL;DR"][0],
        motivation=texts["Motivation"][0],
        method=texts["Method"][0],
        result=texts["Result"][0],
        conclusion=texts["Conclusion"][0],
        abstract=plain(values.get("Abstract", "")),
        quoted=frozenset(label for label in _LABELS_B[:-1] if texts[label][1]),
    )


def parse_c(text: str) -> DigestC:
    """Form C.

    Raises:
        InputError: the text is no short keyword digest.
    """
    lines, plain, foot = _split(text, "c")
    entries: list[EntryC] = []
    block: list[str] = []
    for line in [*lines, "---"]:
        if line == "---":
            if block and _ENTRY_C.fullmatch(block[0]):
                entries.append(_entry_c(block, plain))
            block = []
        elif block or line.startswith("### "):
            block.append(line)
    if not entries and foot == Foot():
        raise InputError("is no short keyword digest", todo="its entries should begin with '### 1 title'")
    return DigestC(tuple(entries), foot)


def _entry_c(block: list[str], plain: Callable[[str], str]) -> EntryC:
    head = _ENTRY_C.fullmatch(block[0])
    assert head
    values = {"link": "", "date": "", "keywords": "", "abs": ""}
    key = ""
    for line in block[1:]:
        found = re.match(r"\*\*(link|date|keywords|abs)\*\*:(?: (.*))?$", line)
        if found:
            key = found[1]
            values[key] = found[2] or ""
        elif key and line.strip():
            values[key] = f"{values[key]} {line.strip()}".strip()
    brief, quoted = _unquoted(plain(values["abs"]))
    return EntryC(
        number=int(head[1]),
        title=plain(head[2] or ""),
        link=values["link"],
        date=plain(values["date"]),
        keywords=tuple(plain(part.strip()) for part in _KEYWORD.findall(values["keywords"])),
        brief=brief,
        quoted=quoted,
    )


def _split(text: str, form: str) -> tuple[list[str], Callable[[str], str], Foot]:
    """(lines before the foot, how to read a text, foot). Only digests that carry our mark are escaped."""
    lines = [line.rstrip() for line in text.removeprefix("\ufeff").replace("\r\n", "\n").rstrip().split("\n")]
    if lines[-1] != MARK.format(form=form):
        return lines, str, Foot()
    start = max((at for at, line in enumerate(lines) if line in (ZH["counts"], EN["counts"])), default=0)
    if not start:
        raise InputError("has lost its foot", todo="render the digest again with 'ranker digest'")
    return lines[: start - 2], unescape, _foot(lines[start:])


def _foot(lines: list[str]) -> Foot:
    counts: tuple[tuple[str, int], ...] = ()
    threshold, failed, notes = "", "", []
    for line in lines:
        if found := _found("identity", line):
            counts = tuple((key, int(found[key])) for key in ("read", "rejected", *OUTCOMES))
        elif found := _found("threshold", line):
            threshold = unescape(found["threshold"])
        elif found := _found("failed", line):
            failed = unescape(found["papers"])
        elif found := _found("note", line):
            notes.append(unescape(found["note"]))
    return Foot(counts, threshold, tuple(failed.split(", ")) if failed else (), tuple(notes))


def _found(key: str, line: str) -> re.Match[str] | None:
    """A line of ours, in either language, against the words it was made from."""
    text = line[2:] if line.startswith(("> ", "- ")) else ""
    return next((found for say in (ZH, EN) if (found := _pattern(say[key]).fullmatch(text))), None)


@cache
def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", template)
    numbers = ("number", "tokens", "read", "rejected", *OUTCOMES)
    for at, part in enumerate(parts):
        inside = r"\d+" if part in numbers else ".*"
        parts[at] = f"(?P<{part}>{inside})" if at % 2 else re.escape(part)
    return re.compile("".join(parts))


def _unquoted(text: str) -> tuple[str, bool]:
    mark = next((mark for mark in QUOTE_MARKS if text.startswith(mark)), None)
    return (text.removeprefix(mark).strip(), True) if mark else (text, False)
