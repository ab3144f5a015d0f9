"""The server backend against servers on loopback: with a real model, and badly behaved on order."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai", reason="openai is not installed: pip install '.[openai]'")

from ranker.backends.openai_http import Patience, _retry_after
from ranker.backends.openai_replies import WrongReply, cut_at, estimate_tokens, label_in, parse_reply
from ranker.backends.openai_server import OpenAIGenerator, OpenAISettings
from ranker.errors import BackendError
from ranker.protocols import WriteOptions
from tests.backends.language_models import DIGITS, paper_prompts, relevance, smollm2, tiny_model
from tests.backends.loopback import Handler, Server, completion, misbehaving, model_server, serving

GOOD = completion("7", first={"7": math.log(0.5), "8": math.log(0.25), "The": math.log(0.2)})
SECRET = "sk-very-secret-key"


def connect(server: Server, *, retries: int = 3, timeout: float = 20.0, concurrency: int = 4) -> OpenAIGenerator:
    patience = Patience(retries=retries, backoff=0.01, longest=0.05)
    return OpenAIGenerator("small", OpenAISettings(server.address, concurrency, timeout, patience))


def test_labels_agree_with_our_own_forwards_of_the_same_weights() -> None:
    from ranker.backends.transformers import TransformersGenerator, TransformersSettings

    folder, prompts = smollm2(), paper_prompts(4)
    ours = TransformersGenerator(folder, TransformersSettings(dtype="float32"))
    expected = {r.key: relevance(r.probabilities) for r in ours.read_labels(prompts, DIGITS)}
    with serving(model_server(folder, logprobs=True)) as server:
        found = list(connect(server).read_labels(prompts, DIGITS))
    assert not any(r.error or r.from_text for r in found)
    assert {r.key: relevance(r.probabilities) for r in found} == pytest.approx(expected, abs=0.02)


def test_without_logprobs_the_digit_is_written_and_says_so(tmp_path: Path) -> None:
    with serving(misbehaving([], completion("Score: 8"))) as server:
        generator = connect(server)
        readings = list(generator.read_labels(paper_prompts(6), DIGITS))
    assert not generator.info.gives_logprobs
    assert all(r.from_text and r.probabilities[8] == 1.0 and sum(r.probabilities) == 1.0 for r in readings)
    asked = [r["max_tokens"] for r in server.requests]
    assert asked == [1, *[8] * 6]  # one question told how to ask the others
    assert not any("logprobs" in r for r in server.requests[1:])


def test_an_answer_without_a_label_is_an_error_not_a_guess() -> None:
    with serving(misbehaving([], completion("I think it is quite relevant."))) as server:
        (reading,) = connect(server).read_labels(paper_prompts(1), DIGITS)
    assert reading.error and "no label" in reading.error and reading.probabilities == ()


def test_missing_labels_are_named() -> None:
    with serving(misbehaving([], GOOD)) as server:
        (reading,) = connect(server).read_labels(paper_prompts(1), DIGITS)
    assert reading.probabilities == pytest.approx((0, 0, 0, 0, 0, 0, 0, 0.5, 0.25, 0))
    assert reading.missing == ("0", "1", "2", "3", "4", "5", "6", "9")


@pytest.mark.parametrize("action", ["500", "503", "429", "drop", "cut", "html", "list", "empty", "slow"])
def test_trouble_is_tried_again(action: str) -> None:
    with serving(misbehaving(["good", action, action], GOOD, slow=1.0)) as server:
        timeout = 0.3 if action == "slow" else 20.0
        readings = list(connect(server, timeout=timeout, concurrency=1).read_labels(paper_prompts(3), DIGITS))
    assert Counter(r.key for r in readings) == Counter(("p0", "p1", "p2"))
    assert not any(r.error for r in readings)
    assert len(server.requests) == 1 + 3 + 2


def test_lasting_trouble_ends_as_an_error_per_prompt_and_nothing_is_lost() -> None:
    trouble = ["good", *(["500", "drop", "html", "cut", "good"] * 12)]
    with serving(misbehaving(trouble, GOOD)) as server:
        readings = list(connect(server, retries=1).read_labels(paper_prompts(40), DIGITS))
    assert Counter(r.key for r in readings) == Counter(f"p{i}" for i in range(40))
    assert all((r.error is None) == bool(r.probabilities) for r in readings)


def test_a_server_that_is_gone_is_not_waited_for_by_every_prompt() -> None:
    waits: list[float] = []
    with serving(misbehaving(["good"], GOOD)) as server:
        generator = connect(server, retries=3)
        generator._caller.sleep = waits.append
    readings = list(generator.read_labels(paper_prompts(50), DIGITS))
    assert len(readings) == 50 and all(r.error and "connection failed" in r.error for r in readings)
    assert len(waits) < 12


@pytest.mark.parametrize("field", ["chat_template_kwargs", "seed", "temperature"])
def test_a_field_that_the_server_refuses_is_left_out_from_then_on(field: str) -> None:
    def respond(handler: Handler, body: dict[str, Any]) -> None:
        if field in body:
            handler.give(400, {"error": {"message": f"Unrecognized request argument supplied: {field}"}})
        else:
            handler.give(200, completion("7 words"))

    with serving(respond) as server:
        generator = connect(server, concurrency=1)
        warm = WriteOptions(5, temperature=0.7, seed=3)
        texts = list(generator.write(paper_prompts(3), warm))
    assert [t.text for t in texts] == ["7 words"] * 3
    assert sum(field in r for r in server.requests) == 1


def test_fewer_top_logprobs_are_asked_where_twenty_are_too_many() -> None:
    def respond(handler: Handler, body: dict[str, Any]) -> None:
        if body.get("top_logprobs", 0) > 5:
            handler.give(400, {"error": {"message": "top_logprobs must be at most 5"}})
        else:
            handler.give(200, GOOD)

    with serving(respond) as server:
        readings = list(connect(server).read_labels(paper_prompts(2), DIGITS))
    assert [r.get("top_logprobs") for r in server.requests] == [200, 100, 50, 20, 10, 5, 5, 5]
    assert not any(r.error or r.from_text for r in readings)


def test_a_model_without_system_role_gets_one_turn() -> None:
    def respond(handler: Handler, body: dict[str, Any]) -> None:
        if len(body["messages"]) == 2:
            handler.give(400, {"error": {"message": "System role not supported"}})
        else:
            handler.give(200, GOOD)

    with serving(respond) as server:
        (reading,) = connect(server).read_labels(paper_prompts(1), DIGITS)
    assert reading.error is None
    assert server.requests[-1]["messages"][0]["content"].startswith(paper_prompts(1)[0].head)


def test_the_key_comes_from_the_environment_and_is_never_shown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    caplog.set_level(logging.DEBUG)

    def respond(handler: Handler, body: dict[str, Any]) -> None:
        handler.give(500, {"error": {"message": f"key {handler.headers['Authorization']} is odd"}})

    with serving(respond) as server:
        generator = connect(server, retries=0)
        (reading,) = generator.read_labels(paper_prompts(1), DIGITS)
    assert server.heads[0]["authorization"] == f"Bearer {SECRET}"
    assert reading.error and "***" in reading.error
    shown = f"{reading!r} {generator!r} {generator._caller!r} {generator._settings!r} {caplog.text}"
    assert SECRET not in shown


def test_a_refused_key_or_an_unknown_model_is_said_at_the_start() -> None:
    for status in (401, 404):
        with serving(misbehaving([str(status)] * 9, GOOD)) as server, pytest.raises(BackendError, match=str(status)):
            connect(server)


@pytest.mark.parametrize("model", ["", "small"])
@pytest.mark.parametrize("tail", ["", "/"])
def test_an_address_without_its_version_is_told_as_such(model: str, tail: str) -> None:
    with serving(misbehaving([], GOOD)) as server:
        bare = server.address.removesuffix("/v1")
        with pytest.raises(BackendError, match="the address lacks its /v1") as told:
            OpenAIGenerator(model, OpenAISettings(bare + tail))
        assert told.value.where == bare + tail and told.value.todo == f"write {server.address}"
        assert server.requests == []
        # Where there is nothing below /v1 either, it stays a guess.
        for address, hint in ((f"{bare}/deep", "usually ends in /v1"), (f"{bare}/deep/v1", "")):
            with pytest.raises(BackendError) as told:
                OpenAIGenerator(model, OpenAISettings(address))
            assert told.value.what == "the server names no model" if not model else "HTTP 404" in told.value.what
            assert hint in told.value.todo and ("ends in /v1" in told.value.todo) == bool(hint)


def test_nobody_at_the_address() -> None:
    with pytest.raises(BackendError, match="no server answers"):
        OpenAIGenerator("small", OpenAISettings("http://127.0.0.1:9/v1"))


def test_no_more_requests_at_once_than_allowed() -> None:
    now, most, lock = 0, 0, threading.Lock()

    def respond(handler: Handler, body: dict[str, Any]) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.02)
        with lock:
            now -= 1
        handler.give(200, GOOD)

    with serving(respond) as server:
        assert len(list(connect(server, concurrency=3).read_labels(paper_prompts(20), DIGITS))) == 20
    assert 2 <= most <= 3


def test_texts_say_how_they_ended() -> None:
    for finish, expected in (("stop", "stop"), ("length", "length"), ("content_filter", "error")):
        with serving(misbehaving([], completion("some text", finish=finish))) as server:
            (text,) = connect(server).write(paper_prompts(1), WriteOptions(5))
        assert text.finish == expected
    with serving(misbehaving([], completion("one\ntwo", finish="length"))) as server:
        (text,) = connect(server).write(paper_prompts(1), WriteOptions(5, ("\n",)))
    assert (text.text, text.finish) == ("one", "stop")  # a server that ignores stops does not get past ours


def test_replies_are_checked_piece_by_piece() -> None:
    for bad in ("", "{", "<html>", "[]", "{}", '{"choices": [1]}', '{"choices": [{"message": {"content": 3}}]}'):
        with pytest.raises(WrongReply):
            parse_reply(bad)
    odd = '{"choices": [{"message": {"content": null}, "logprobs": {"content": [{"top_logprobs": [3]}]}}], "usage": 7}'
    reply = parse_reply(odd)
    assert (reply.text, reply.first, reply.usage.prompt) == ("", None, 0)


def test_labels_in_written_answers() -> None:
    assert label_in("<think>9 or 3?</think>\n4", DIGITS) == "4"
    assert label_in("Score: 8/9", DIGITS) == "8"
    assert label_in("10", DIGITS) is None  # not a 1
    assert label_in("7.5", DIGITS) is None
    assert label_in("Answer: B", ("A", "B")) == "B"
    assert cut_at("abcd", ("c", "bc")) == ("a", True)
    assert estimate_tokens("中文ab") == 3


def test_retry_after_is_seconds_or_a_date() -> None:
    assert _retry_after("2.5") == 2.5
    assert _retry_after("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert _retry_after("soon") is None and _retry_after(None) is None


def test_tokens_are_counted_by_the_server_where_it_can(tmp_path: Path) -> None:
    with serving(misbehaving([], GOOD)) as server:
        assert connect(server).count_tokens(["four by three"]) == [5]  # 13 characters / 3, rounded up


def test_a_tiny_model_without_logprobs_gives_results_or_errors(tmp_path: Path) -> None:
    with serving(model_server(tiny_model(tmp_path), logprobs=False)) as server:
        readings = list(connect(server).read_labels(paper_prompts(5), DIGITS))
    assert len(readings) == 5 and all(r.from_text for r in readings)
