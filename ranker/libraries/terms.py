"""What a group of papers talks about: phrases that stand in many of its papers and in few of the others."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from ranker.match import is_acronym

_LONGEST = 4
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:[-'][A-Za-z0-9]+)*|[\u4e00-\u9fff]{2,8}")
_CUT = re.compile(r"[.,;:!?()\[\]{}\"$\\/]|\s-\s|--")
# No phrase begins or ends with one of these.
_STOP_WORDS = """
    a ability about above achieve achieves across address after again against aim all allow allows almost along also
    although always among an and another any are as at available based be because been before being below best
    better between both but by called can cannot capabilities comparable compared consider could current demonstrate
    demonstrates despite develop did different directly do does doing done due during e.g each effective effectively
    effectiveness either enable enables enough especially etc even ever every existing explore extensive few find
    findings first for from further furthermore general get github give given gives had has have having hence here
    high how however https i i.e if important improve improved improvement improvements improves in including indeed
    instead into introduce introduces investigate is it its itself just key kind known lack large last lead leads
    least less let like limited low made main mainly make makes many may might more moreover most much must namely
    near need needs neither new next no non nor not novel now obtain of off often on once one only onto or other
    others our out outperform outperforms over own particular per perform perhaps possible potential present
    presents previous prior propose proposed proposes provide provides quite rather real recent recently reduce
    related rely remains respectively same second see seen several shall should show showed shown shows significant
    significantly simple since small so some state-of-the-art still strong such suggest than that the their them
    then there thereby therefore these they this those three through thus to together too toward towards train
    trained two typically under understand unlike until up upon us use used uses using usually various very via was
    way ways we well were what when where whereas whether which while who whose why will with within without work
    works would yet you your
"""
# These close a phrase ("language model") but say nothing alone, nor as its beginning.
_WEAK_WORDS = """
    analysis application applications approach approaches architecture architectures baseline baselines benchmark
    benchmarks challenge challenges code contribution data dataset datasets design evaluation experiment experiments
    framework frameworks goal information level method methods metric metrics model models number paper papers
    performance point problem problems process quality question range research result results review sample samples
    scenario scenarios set setting settings solution space step steps strategies strategy structure studies study
    survey system systems task tasks technique techniques test text time training type value values view
"""
_STOP = frozenset(_STOP_WORDS.split())
_EMPTY = _STOP | frozenset(_WEAK_WORDS.split())
_CATEGORY_TAG = re.compile(r"^(?:[A-Z][A-Za-z]+(?: [A-Z][A-Za-z]+)*) - \S|^[a-z-]+\.[A-Z]{2}$|^\W*$")


def phrases(text: str) -> set[str]:
    """Phrases of one to four words of a text, as they stand there, within clauses; none begins or ends emptily."""
    found: set[str] = set()
    for clause in _CUT.split(text):
        words = _WORD.findall(clause)
        for at in range(len(words)):
            for size in range(1, min(_LONGEST, len(words) - at) + 1):
                part = words[at : at + size]
                first, last = part[0].lower(), part[-1].lower()
                if first not in _EMPTY and last not in _STOP and (size > 1 or len(first) > 2):
                    found.add(" ".join(part))
    return found


def plain_tags(keywords: Sequence[str]) -> set[str]:
    """A library's own tags, less those that only repeat an arXiv category ("Computer Science - ...", "cs.LG")."""
    return {k for k in keywords if 1 < len(k) <= 60 and not _CATEGORY_TAG.match(k) and _WORD.search(k)}


def distinctive(groups: Sequence[Sequence[set[str]]], count: int) -> list[list[str]]:
    """For each group (of papers, each a set of phrases) its ``count`` best phrases, best first.

    A phrase is worth p ln(p / q) w^0.8: p its share of the group's papers, q that of all the others' (both smoothed by
    half a paper), w its number of words. It must stand in two papers of the group (one, where the group has fewer
    than four). Spellings that differ by case, hyphens or a plural s are one phrase, shown as most papers write it; of
    nested phrases the longer stands, unless the shorter is in twice as many papers.
    """
    spellings: dict[str, Counter[str]] = defaultdict(Counter)
    folded: list[list[set[str]]] = []
    for group in groups:
        folded.append([])
        for paper in group:
            keys = set()
            for phrase in paper:
                key = _fold(phrase)
                spellings[key][phrase] += 1
                keys.add(key)
            folded[-1].append(keys)
    counts = [Counter(key for paper in group for key in paper) for group in folded]
    total = sum(counts, Counter[str]())
    papers = sum(map(len, groups))
    result = []
    for group, inside in zip(groups, counts, strict=True):
        size, least = len(group), 2 if len(group) >= 4 else 1
        worth = {}
        for key, n in inside.items():
            if n < least:
                continue
            p = (n + 0.5) / (size + 1)
            q = (total[key] - n + 0.5) / (papers - size + 1)
            # A single group has no others to differ from: then what is frequent in it counts.
            contrast = math.log(p / q) if papers > size else 1.0
            worth[key] = p * contrast * len(key.split()) ** 0.8
        ranked = sorted((k for k in worth if worth[k] > 0), key=lambda k: (-worth[k], k))
        result.append([_spelling(spellings[k]) for k in _unnested(ranked, inside, count)])
    return result


def _unnested(ranked: Sequence[str], inside: Counter[str], count: int) -> list[str]:
    kept: list[str] = []
    for key in ranked:
        longer = [k for k in kept if _within(key, k)]
        if any(inside[key] < 2 * inside[k] for k in longer):
            continue
        replaced = [k for k in kept if _within(k, key) and inside[k] < 2 * inside[key]]
        if replaced:
            kept[kept.index(replaced[0])] = key
            kept = [k for k in kept if k not in replaced[1:]]
        elif len(kept) < count:
            kept.append(key)
        else:
            break
    return kept


def _within(short: str, long: str) -> bool:
    return short != long and f" {short} " in f" {long} "


def _fold(phrase: str) -> str:
    if " " not in phrase and any(is_acronym(part) for part in phrase.split("-")):
        return phrase.removesuffix("s")
    words = phrase.lower().replace("-", " ").split()
    last = words[-1]
    if len(last) > 3 and last.endswith("s") and not last.endswith(("ss", "us", "is")):
        words[-1] = last[:-1]
    return " ".join(words)


def _spelling(seen: Counter[str]) -> str:
    """The commonest; of equally common ones the lowercase, then the shortest, then by letters."""
    return min(seen, key=lambda s: (-seen[s], sum(c.isupper() for c in s), len(s), s))
