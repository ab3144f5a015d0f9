"""The one way to ask arXiv: paced, over one connection, bounded in time, size and tries; stops at 403."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urljoin

import httpx

from ranker.errors import SourceError
from ranker.sources.settings import FetchSettings
from ranker.sources.turnstile import Turnstile

# What a page's content lacks ("" where nothing), from the page and the number of the try (1, 2, ...).
Check = Callable[["Answer", int], str]
_REDIRECTS = (301, 302, 303, 307, 308)
_MAX_REDIRECTS = 3


class Refused(SourceError):
    """arXiv answered 403. Further requests would count as an attack."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A page that came with status 200. ``fault``: what is wrong with it even after all tries, or ""."""

    url: str
    body: bytes
    headers: Mapping[str, str]
    fault: str = ""


class PoliteClient:
    """Use one for everything that a run asks, and close it (it is a context manager).

    Args:
        settings: bounds and waits.
        state_file: keeps the time of the last request between runs of one user; None for tests.
        clock: seconds since the epoch. sleep: waits so many seconds. Both can be replaced in tests.
        on_wait: told (seconds, why) before every wait that is not the ordinary pace.
    """

    def __init__(
        self,
        settings: FetchSettings,
        *,
        state_file: Path | None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        on_wait: Callable[[float, str], None] | None = None,
    ) -> None:
        self.settings = settings
        self.requests = 0
        self._clock, self._sleep, self._on_wait = clock, sleep, on_wait
        self._turnstile = Turnstile(settings.interval_s, state_file=state_file, clock=clock, sleep=sleep)
        self._refused = False
        self._http = httpx.Client(
            timeout=settings.timeout_s,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
            headers={"user-agent": settings.user_agent},
            follow_redirects=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def get(self, url: str, *, check: Check | None = None) -> Answer:
        """The page at ``url``. A page that ``check`` finds fault with is asked for again, then returned with the fault.

        Raises:
            Refused: 403.
            SourceError: another status, no connection, too slow or too large, after the tries that this deserves.
        """
        settings, trouble, redirects = self.settings, "", 0
        faulty: Answer | None = None
        attempt = 0
        while attempt < settings.tries:
            attempt += 1
            got = self._once(url)
            if isinstance(got, Answer):
                fault = got.fault or (check(got, attempt) if check else "")
                if not fault:
                    return got
                faulty = Answer(got.url, got.body, got.headers, fault)
                trouble, wait = fault, None
            elif isinstance(got, _Redirect):
                redirects, attempt = redirects + 1, attempt - 1
                if redirects > _MAX_REDIRECTS:
                    raise SourceError("redirects without end", where=url, todo="check the base addresses")
                url = got.to
                continue
            else:
                trouble, wait = got.why, got.wait
            if attempt < settings.tries:
                self._back_off(attempt, trouble, wait, url)
        if faulty is not None:
            return faulty
        raise SourceError(f"no answer after {attempt} tries: {trouble}", where=url, todo="try again later")

    def _back_off(self, attempt: int, why: str, asked: float | None, url: str) -> None:
        longest = self.settings.longest_wait_s
        if asked is not None and asked > longest:
            todo = f"run again in {asked / 60:.0f} minutes"
            raise SourceError(f"{why}; arXiv asks to wait {asked:.0f} s", where=url, todo=todo)
        wait = max(asked or 0.0, min(self.settings.backoff_s * 2 ** (attempt - 1), longest))
        if self._on_wait:
            self._on_wait(wait, why)
        self._sleep(wait)

    def _once(self, url: str) -> Answer | _Redirect | _Trouble:
        if self._refused:
            raise Refused("arXiv answered 403: nothing more is asked in this run", where=url, todo="wait a day")
        with self._turnstile.turn(self.settings.refused_wait_s):
            self.requests += 1
            got = self._request(url)
        if isinstance(got, Refused):
            self._refused = True
            self._turnstile.refused()
            raise got
        return got

    def _request(self, url: str) -> Answer | _Redirect | _Trouble | Refused:
        parts: list[bytes] = []
        began = self._clock()
        try:
            with self._http.stream("GET", url) as response:
                if response.status_code != 200:
                    return self._other_status(response, url)
                size = 0
                for part in response.iter_bytes():
                    parts.append(part)
                    size += len(part)
                    if size > self.settings.max_body_mb << 20:
                        todo = "ask for less, or raise max_body_mb"
                        raise SourceError(f"more than {self.settings.max_body_mb} MB", where=url, todo=todo)
                    if self._clock() - began > self.settings.total_timeout_s:
                        return _Trouble(f"not finished after {self.settings.total_timeout_s:g} s")
                return Answer(url, b"".join(parts), dict(response.headers))
        except httpx.TimeoutException:
            return _Trouble(f"nothing came for {self.settings.timeout_s:g} s")
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.DecodingError) as error:
            if parts:
                return Answer(url, b"".join(parts), {}, f"cut off in the middle: {error}")
            return _Trouble(f"the connection broke: {error}")
        except httpx.InvalidURL as error:
            raise SourceError(f"no address: {error}", where=url, todo="check the base addresses") from error
        except httpx.TransportError as error:
            return _Trouble(f"no connection: {error}")

    def _other_status(self, response: httpx.Response, url: str) -> _Redirect | _Trouble | Refused:
        status = response.status_code
        if status == 403:
            todo = "stop asking: further requests count as an attack; read https://info.arxiv.org/help/api/tou.html"
            return Refused("arXiv refused the request (403)", where=url, todo=todo)
        if status in _REDIRECTS and (to := response.headers.get("location")):
            return _Redirect(urljoin(url, to))
        if status in (408, 425, 429) or status >= 500:
            return _Trouble(f"arXiv answered {status}", self._retry_after(response))
        todo = "correct the query" if status in (400, 404) else "try again later"
        raise SourceError(f"arXiv answered {status}", where=url, todo=todo)

    def _retry_after(self, response: httpx.Response) -> float | None:
        """Seconds that a Retry-After header asks for, from a number or an HTTP date."""
        value = response.headers.get("retry-after", "").strip()
        if value.isdecimal():
            return float(value)
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            return None
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.fromtimestamp(self._clock(), UTC)).total_seconds())


@dataclass(frozen=True, slots=True)
class _Redirect:
    to: str


@dataclass(frozen=True, slots=True)
class _Trouble:
    """A failure worth another try, and the seconds that the server asked for."""

    why: str
    wait: float | None = None
