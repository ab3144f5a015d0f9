"""A real server on loopback that speaks OpenAI's protocol with a real model, and one that misbehaves on order."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Respond = Callable[["Handler", dict[str, Any]], None]


class Server(ThreadingHTTPServer):
    """Remembers every request's body and headers."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, respond: Respond, models: dict[str, Any]) -> None:
        self.respond, self.models = respond, models
        self.requests: list[dict[str, Any]] = []
        self.heads: list[dict[str, str]] = []
        self.lock = threading.Lock()
        self.gone = False
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gave up is no news."""


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            self.give(200, self.server.models)
        else:
            self.give(404, {"error": {"message": "no such path"}})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.gone:
            self.drop()
            return
        if self.path != "/v1/chat/completions":
            self.give(404, {"error": {"message": "no such path"}})
            return
        with self.server.lock:
            self.server.requests.append(body)
            self.server.heads.append({k.lower(): v for k, v in self.headers.items()})
        self.server.respond(self, body)

    def give(self, status: int, row: Any, *, kind: str = "application/json", **headers: str) -> None:
        data = row if isinstance(row, bytes) else json.dumps(row).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", headers.pop("length", str(len(data))))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def drop(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def serving(respond: Respond, *, models: dict[str, Any] | None = None) -> Iterator[Server]:
    server = Server(respond, models or {"data": [{"id": "small", "max_model_len": 1024}]})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.gone = True
        server.shutdown()
        server.server_close()
        thread.join(5)


def model_server(folder: Path, *, logprobs: bool) -> Respond:
    """Answers with a transformers model by plain calls of it: a second implementation of what our backend does."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    lock = threading.Lock()

    def respond(handler: Handler, body: dict[str, Any]) -> None:
        ids = tokenizer.apply_chat_template(body["messages"], add_generation_prompt=True, return_dict=True)["input_ids"]
        limit = model.config.max_position_embeddings
        if len(ids) + body["max_tokens"] > limit:
            handler.give(400, {"error": {"message": f"maximum context length is {limit} tokens"}})
            return
        with lock, torch.inference_mode():
            made: list[int] = model.generate(torch.tensor([ids]), max_new_tokens=body["max_tokens"], do_sample=False)[
                0
            ].tolist()[len(ids) :]
            logits = model(torch.tensor([ids])).logits[0, -1] if body.get("logprobs") else None
        ended = made[-1] == tokenizer.eos_token_id
        text = tokenizer.decode(made, skip_special_tokens=True)
        choice: dict[str, Any] = {
            "index": 0,
            "message": {"role": "assistant", "content": text},
            "finish_reason": "stop" if ended else "length",
        }
        if logprobs and logits is not None:
            values, top = torch.log_softmax(logits, -1).topk(body["top_logprobs"])
            rows = [
                {"token": tokenizer.decode([t]), "logprob": float(v), "bytes": None}
                for v, t in zip(values, top, strict=True)
            ]
            choice["logprobs"] = {"content": [{**rows[0], "top_logprobs": rows}]}
        used = {"prompt_tokens": len(ids), "completion_tokens": len(made), "total_tokens": len(ids) + len(made)}
        handler.give(200, {"id": "x", "object": "chat.completion", "choices": [choice], "usage": used})

    return respond


def completion(text: str, *, first: dict[str, float] | None = None, finish: str = "stop") -> dict[str, Any]:
    """A well-formed reply."""
    choice: dict[str, Any] = {"message": {"role": "assistant", "content": text}, "finish_reason": finish}
    if first is not None:
        top = [{"token": t, "logprob": v} for t, v in first.items()]
        choice["logprobs"] = {"content": [{**top[0], "top_logprobs": top}]}
    return {"choices": [choice], "usage": {"prompt_tokens": 10, "completion_tokens": 1}}


def misbehaving(actions: Sequence[str], good: dict[str, Any], *, slow: float = 0.0) -> Respond:
    """One action a request, in turn, then ``good`` for ever: 500, 503, 429, drop, cut, html, list, empty, slow."""
    left = list(actions)
    lock = threading.Lock()

    def respond(handler: Handler, body: dict[str, Any]) -> None:
        with lock:
            action = left.pop(0) if left else "good"
        if action == "good":
            handler.give(200, good)
        elif action == "429":
            handler.give(429, {"error": {"message": "slow down"}}, Retry_After="0")
        elif action.isdigit():
            handler.give(int(action), {"error": {"message": "told to fail"}})
        elif action == "drop":
            handler.drop()
        elif action == "cut":
            handler.give(200, json.dumps(good).encode()[:20], length="5000")
            handler.drop()
        elif action == "html":
            handler.give(200, b"<html><body>Bad gateway</body></html>", kind="text/html")
        elif action == "list":
            handler.give(200, [1, 2, 3])
        elif action == "empty":
            handler.give(200, {"choices": []})
        elif action == "slow":
            time.sleep(slow)
            handler.give(200, good)

    return respond
