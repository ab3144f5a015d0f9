"""The polite client against a real server: pace, Retry-After, 403, time-outs, cut-off bodies, state between runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ranker.errors import SourceError
from ranker.sources.polite import Answer, Refused
from ranker.sources.settings import FetchSettings

from .conftest import Ask, Play
from .loopback import Clock, Reply

OK = Reply(b"page")


def test_requests_start_three_seconds_apart_over_one_connection(play: Play, ask: Ask, clock: Clock) -> None:
    server = play(OK)
    client = ask(server)
    for _ in range(4):
        assert client.get(server.url + "/x").body == b"page"
    assert [b - a for a, b in zip(server.times, server.times[1:], strict=False)] == pytest.approx([3.0] * 3)
    assert len(server.connections) == 1 and client.requests == 4
    assert server.agents[0].startswith("ranker")


def test_time_spent_elsewhere_counts(play: Play, ask: Ask, clock: Clock) -> None:
    server = play(OK)
    client = ask(server)
    client.get(server.url)
    clock.at += 2.5
    client.get(server.url)
    clock.at += 100
    client.get(server.url)
    assert clock.slept == pytest.approx([0.5])


def test_the_pace_holds_between_runs(play: Play, ask: Ask, clock: Clock, tmp_path: Path) -> None:
    server = play(OK)
    ask(server).get(server.url)
    ask(server).get(server.url)
    assert server.times[1] - server.times[0] == pytest.approx(3.0)
    state = tmp_path / "state" / "arxiv.json"
    assert json.loads(state.read_text()) == {"last_request": server.times[1], "refused_at": None}
    state.write_text('{"last_req')  # a run was killed while it wrote
    ask(server).get(server.url)
    assert clock.slept[-1] == pytest.approx(3.0)
    clock.at -= 10_000  # the clock was set back
    ask(server).get(server.url)
    assert clock.slept[-1] == pytest.approx(3.0)


def test_a_state_file_that_cannot_be_written(play: Play, ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be")
    server = play(OK)
    with pytest.raises(SourceError, match="cannot be written"):
        ask(server).get(server.url)
    assert not server.asked


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_honoured(play: Play, ask: Ask, clock: Clock, status: int) -> None:
    server = play(Reply(status=status, headers={"Retry-After": "47"}), OK)
    assert ask(server).get(server.url).body == b"page"
    assert server.times[1] - server.times[0] == pytest.approx(47.0)


def test_retry_after_as_a_date(play: Play, ask: Ask, clock: Clock) -> None:
    clock.at = 1_770_724_800.0  # 2026-02-10 12:00:00 UTC
    server = play(Reply(status=503, headers={"Retry-After": "Tue, 10 Feb 2026 12:01:30 GMT"}), OK)
    ask(server).get(server.url)
    assert server.times[1] - server.times[0] == pytest.approx(90.0)


def test_a_retry_after_too_long_ends_the_run(play: Play, ask: Ask, clock: Clock) -> None:
    server = play(Reply(status=429, headers={"Retry-After": "7200"}), OK)
    with pytest.raises(SourceError, match=r"429; arXiv asks to wait 7200 s\n.*in 120 minutes"):
        ask(server).get(server.url)
    assert len(server.asked) == 1 and clock.slept == []


def test_403_stops_at_once_and_for_later_runs(play: Play, ask: Ask, clock: Clock) -> None:
    server = play(Reply(status=403), OK)
    client = ask(server)
    with pytest.raises(Refused, match="403"):
        client.get(server.url)
    with pytest.raises(Refused, match="nothing more is asked in this run"):
        client.get(server.url)
    with pytest.raises(SourceError, match=r"403 to an earlier request(.|\n)*wait 20.0 hours"):
        ask(server).get(server.url)
    assert len(server.asked) == 1
    clock.at += 72_001
    assert ask(server).get(server.url).body == b"page"


def test_failures_are_tried_again_with_growing_waits(play: Play, ask: Ask, clock: Clock) -> None:
    server = play(Reply(status=500), Reply(status=502), Reply(status=504), OK)
    assert ask(server).get(server.url).body == b"page"
    assert clock.slept == pytest.approx([5.0, 10.0, 20.0])


def test_tries_are_bounded(play: Play, ask: Ask) -> None:
    server = play(Reply(status=503))
    with pytest.raises(SourceError, match="no answer after 4 tries: arXiv answered 503"):
        ask(server).get(server.url)
    assert len(server.asked) == 4


@pytest.mark.parametrize("status", [400, 404])
def test_our_own_errors_are_not_repeated(play: Play, ask: Ask, status: int) -> None:
    server = play(Reply(status=status))
    with pytest.raises(SourceError, match=f"{status}"):
        ask(server).get(server.url)
    assert len(server.asked) == 1


def test_a_slow_answer_times_out_and_is_tried_again(play: Play, ask: Ask) -> None:
    server = play(Reply(b"late", pause=0.6), OK)
    assert ask(server, timeout_s=0.2).get(server.url).body == b"page"
    server = play(Reply(pause=0.6))
    with pytest.raises(SourceError, match=r"nothing came for 0\.2 s"):
        ask(server, timeout_s=0.2, tries=1).get(server.url)


def test_one_request_may_not_take_forever(play: Play, ask: Ask, clock: Clock) -> None:
    def by(path: str, query: dict[str, str]) -> Reply:
        clock.at += 500  # as if it had dripped for so long, never pausing
        return OK

    server = play(by=by)
    with pytest.raises(SourceError, match="not finished after 180 s"):
        ask(server, tries=2).get(server.url)


def test_no_server(play: Play, ask: Ask) -> None:
    server = play(OK)
    with pytest.raises(SourceError, match="no connection"):
        ask(server, tries=2).get("http://127.0.0.1:9/")


def test_a_body_cut_off_is_asked_for_again(play: Play, ask: Ask) -> None:
    server = play(Reply(b"half", promise=100), OK)
    answer = ask(server).get(server.url)
    assert (answer.body, answer.fault) == (b"page", "")
    server = play(Reply(b"half", promise=100))
    answer = ask(server, tries=2).get(server.url)
    assert answer.body == b"half" and "cut off" in answer.fault and len(server.asked) == 2


def test_a_page_found_faulty_is_asked_for_again(play: Play, ask: Ask) -> None:
    server = play(Reply(b"bad"), Reply(status=503), Reply(b"bad"), OK)
    tries: list[int] = []

    def check(answer: Answer, attempt: int) -> str:
        tries.append(attempt)
        return "bad" if answer.body == b"bad" else ""

    assert ask(server).get(server.url, check=check).body == b"page"
    assert tries == [1, 3, 4]


def test_redirects_keep_the_pace(play: Play, ask: Ask) -> None:
    server = play(Reply(status=301, headers={"Location": "/new"}), OK)
    assert ask(server).get(server.url + "/old").body == b"page"
    assert server.asked == ["/old", "/new"] and server.times[1] - server.times[0] >= 3
    loop = play(Reply(status=302, headers={"Location": "/again"}))
    with pytest.raises(SourceError, match="without end"):
        ask(loop).get(loop.url)
    assert len(loop.asked) == 4


def test_an_answer_too_large(play: Play, ask: Ask) -> None:
    server = play(Reply(b"x" * (1 << 20) + b"y"))
    with pytest.raises(SourceError, match="more than 1 MB"):
        ask(server, max_body_mb=1).get(server.url)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"interval_s": 1.0}, "interval_s: 3 to 600"),
        ({"interval_s": float("nan")}, "interval_s: a number"),
        ({"tries": 0}, "tries: 1 to 10"),
        ({"tries": 2.5}, "tries: a whole number"),
        ({"tries": True}, "tries: a whole number"),
        ({"page_size": 2001}, "page_size: 1 to 2000"),
        ({"max_results": 30_001}, "max_results: 1 to 30000"),
        ({"timeout_s": "30"}, "timeout_s: a number"),
        ({"feed_url": "rss.arxiv.org"}, "feed_url: an http"),
        ({"api_url": "https://x.org/api?"}, "api_url: an http"),
        ({"feed_format": "json"}, "feed_format: rss or atom"),
        ({"user_agent": "a\nb"}, "user_agent"),
        ({"holidays": ("christmas",)}, "holidays: ISO dates"),
    ],
)
def test_settings_are_checked(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        FetchSettings(**changes)


def test_the_defaults_are_within_arxivs_rules() -> None:
    settings = FetchSettings()
    assert settings.interval_s >= 3 and settings.page_size <= 2000 and "2026-12-25" in settings.holidays
    assert "feed_url" in FetchSettings.names()
