"""What is asked of an OpenAI-compatible server besides chats: its models, and what only some servers tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ranker.backends.extras import install
from ranker.backends.openai_absent import NoServerError
from ranker.backends.openai_replies import estimate_tokens
from ranker.errors import BackendError


@dataclass(frozen=True, slots=True)
class SideCalls:
    """Calls beside ``/v1`` of the server at ``address``; ``timeout`` in seconds, never more than 10."""

    address: str
    timeout: float
    secret: str = field(default="", repr=False)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The reply's object; {} where the server knows no such path or answers with something else."""
        import httpx

        url = f"{self.address.rstrip('/').removesuffix('/v1')}/{path}"
        try:
            headers = {"Authorization": f"Bearer {self.secret}"} if self.secret else {}
            with httpx.Client(trust_env=not is_local(url), timeout=min(10.0, self.timeout)) as http:
                reply = http.request(method, url, json=body, headers=headers)
            row = reply.json() if reply.status_code == 200 else {}
        except (httpx.HTTPError, ValueError):
            return {}
        return row if isinstance(row, dict) else {}

    @property
    def lacks_version(self) -> bool:
        """Whether the address is without the /v1 that most servers have at its end."""
        return not self.address.rstrip("/").endswith("/v1")

    def check_address(self) -> None:
        """For an address without a list of models.

        Raises:
            BackendError: there is one below /v1, so that is what was meant.
        """
        if self.lacks_version and isinstance(self.call("GET", "v1/models").get("data"), list):
            raise BackendError(
                "the address lacks its /v1: the server has no list of models here, but has one below /v1",
                where=self.address,
                todo=f"write {self.address.rstrip('/')}/v1",
            )

    def context_of_llama(self) -> int:
        """llama-server's context in tokens; 0 where it is another server."""
        settings = self.call("GET", "props").get("default_generation_settings")
        value = settings.get("n_ctx") if isinstance(settings, dict) else 0
        return value if isinstance(value, int) else 0

    def tokenize(self, model: str, name: str, text: str) -> dict[str, Any]:
        """``name``: what the server calls the text."""
        return self.call("POST", "tokenize", {"model": model, name: text, "add_special_tokens": False})

    def find_counter(self, model: str) -> Callable[[str], int]:
        """Counts a text's tokens by the server's ``/tokenize`` where it has one, else by an estimate."""
        for name in ("prompt", "content"):  # vLLM's name of it, llama-server's name of it
            if _counted(self.tokenize(model, name, "probe")):
                return lambda text, name=name: (  # type: ignore[misc]
                    _counted(self.tokenize(model, name, text)) or estimate_tokens(text)
                )
        return estimate_tokens


def is_local(url: str) -> bool:
    return (urlsplit(url).hostname or "") in ("127.0.0.1", "localhost", "::1")


def open_client(address: str, timeout: float, secret: str) -> Any:
    """The official client.

    Raises:
        BackendError: it is not installed.
    """
    try:
        import openai
    except ImportError as error:
        raise BackendError(
            f"the openai client does not import: {error}", where="backend openai", todo=install("openai")
        ) from error
    http = openai.DefaultHttpxClient(trust_env=not is_local(address))  # no proxy between us and our own machine
    return openai.OpenAI(api_key=secret or "none", base_url=address, timeout=timeout, max_retries=0, http_client=http)


def list_models(client: Any, address: str, key: str) -> list[dict[str, Any]]:
    """The server's models; none where it keeps no list. ``key``: the variable that a refused key is to be put into.

    Raises:
        BackendError: nothing answers, or the server refuses the key.
    """
    import openai

    try:
        raw = client.models.with_raw_response.list()
        row = raw.http_response.json()
    except openai.APIStatusError as error:
        if error.status_code in (401, 403):
            raise BackendError(
                f"the server refuses the key (HTTP {error.status_code})",
                where=address,
                todo=f"set {key} in the environment",
            ) from None
        return []  # a server without a list of models may still answer chats
    except openai.APIConnectionError as error:
        raise NoServerError(
            f"no server answers ({type(error.__cause__).__name__})",
            where=address,
            todo="start it, or give its address by --model, or as base_url under [openai] (it ends in /v1)",
        ) from None
    except (openai.OpenAIError, ValueError):
        return []
    data = row.get("data") if isinstance(row, dict) else None
    return [m for m in data if isinstance(m, dict)] if isinstance(data, list) else []


def _counted(row: dict[str, Any]) -> int:
    tokens = row.get("tokens")
    count = row.get("count", len(tokens) if isinstance(tokens, list) else 0)
    return count if isinstance(count, int) else 0
