"""Settings of everything that goes over the network, checked on construction."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, fields
from datetime import date
from typing import Literal

from ranker.sources.calendar import HOLIDAYS_2026, Calendar

# key -> (least, most); arXiv's own limits: one request per 3 s, 2,000 results a page, 30,000 a query.
_BOUNDS: dict[str, tuple[float, float]] = {
    "interval_s": (3.0, 600.0),
    "timeout_s": (0.1, 600.0),
    "total_timeout_s": (0.1, 3600.0),
    "tries": (1, 10),
    "empty_tries": (1, 10),
    "backoff_s": (0.0, 600.0),
    "longest_wait_s": (0.0, 86_400.0),
    "refused_wait_s": (0.0, 604_800.0),
    "page_size": (1, 2_000),
    "max_results": (1, 30_000),
    "feed_limit": (1, 2_000),
    "max_body_mb": (1, 1_024),
}
_WHOLE = ("tries", "empty_tries", "page_size", "max_results", "feed_limit", "max_body_mb")


@dataclass(frozen=True, slots=True)
class FetchSettings:
    """How to ask arXiv.

    Attributes:
        feed_url: base of the announcement feeds; ``/rss/...`` or ``/atom/...`` is put behind it.
        api_url: the query address of the API.
        feed_format: which of the two feeds.
        interval_s: seconds between the starts of two requests, 3 at least.
        timeout_s: seconds without an answer or further bytes until a request is given up.
        total_timeout_s: seconds that one request may take in all.
        tries: requests for one page before it is given up.
        empty_tries: how often an unexpectedly empty page is asked for before it is believed.
        backoff_s: wait after the first failure; doubled after each further one.
        longest_wait_s: a Retry-After beyond this ends the run instead of waiting.
        refused_wait_s: after a 403, no request for so long, over runs too.
        page_size, max_results: API results a page, and a query (beyond: the range of dates is split).
        feed_limit: items of a feed at which arXiv cuts it off.
        max_body_mb: a larger answer is refused.
        user_agent: how we name ourselves.
        holidays: ISO dates without an evening's announcement.
    """

    feed_url: str = "https://rss.arxiv.org"
    api_url: str = "https://export.arxiv.org/api/query"
    feed_format: Literal["rss", "atom"] = "rss"
    interval_s: float = 3.0
    timeout_s: float = 30.0
    total_timeout_s: float = 180.0
    tries: int = 4
    empty_tries: int = 3
    backoff_s: float = 5.0
    longest_wait_s: float = 600.0
    refused_wait_s: float = 72_000.0
    page_size: int = 500
    max_results: int = 30_000
    feed_limit: int = 2_000
    max_body_mb: int = 64
    user_agent: str = "ranker (offline arXiv paper ranker)"
    holidays: tuple[str, ...] = tuple(day.isoformat() for day in HOLIDAYS_2026)

    def __post_init__(self) -> None:
        for key, (least, most) in _BOUNDS.items():
            value = getattr(self, key)
            kinds = int if key in _WHOLE else (int, float)
            if isinstance(value, bool) or not isinstance(value, kinds) or not math.isfinite(value):
                raise ValueError(f"{key}: a {'whole ' if key in _WHOLE else ''}number is expected, not {value!r}")
            if not least <= value <= most:
                raise ValueError(f"{key}: {least:g} to {most:g} is allowed, not {value!r}")
        for key in ("feed_url", "api_url"):
            if not isinstance(url := getattr(self, key), str) or not re.fullmatch(r"https?://[^\s?#]+[^\s?#/]", url):
                raise ValueError(f"{key}: an http(s) address without query or final slash is expected, not {url!r}")
        if self.feed_format not in ("rss", "atom"):
            raise ValueError(f"feed_format: rss or atom is allowed, not {self.feed_format!r}")
        if not self.user_agent.strip() or not self.user_agent.isprintable() or not self.user_agent.isascii():
            raise ValueError(f"user_agent: printable ASCII text is expected, not {self.user_agent!r}")
        for day in self.holidays:
            try:
                date.fromisoformat(day)
            except (TypeError, ValueError):
                raise ValueError(f"holidays: ISO dates (2026-12-25) are expected, not {day!r}") from None

    @property
    def calendar(self) -> Calendar:
        return Calendar.of(self.holidays)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Names of all settings, for checking a configuration."""
        return tuple(f.name for f in fields(cls))
