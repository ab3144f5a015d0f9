"""Who may ask: this machine's reader with the token, and no page of another site on their behalf.

The ``Host`` header must name this server, so that a foreign name that was rebound to loopback gets nothing; an
``Origin``, where a browser sends one, must be this server's; the token comes by address once and is a cookie from
then on, and ticks want it as a bearer header too, which no foreign page can send without the CORS that isn't here.
"""

from __future__ import annotations

import hmac
import ipaddress
from dataclasses import dataclass
from email.message import Message
from http.cookies import CookieError, SimpleCookie


@dataclass(frozen=True, slots=True)
class Guard:
    """What a request is held against. ``hosts``: ``name:port`` that this server answers to, lower case."""

    token: str
    hosts: frozenset[str]
    port: int

    @property
    def cookie_name(self) -> str:
        # Cookies are shared by all ports of a host: two servers keep out of each other's way
        return f"ranker-{self.port}"

    def host_is_ours(self, headers: Message) -> bool:
        named = headers.get_all("Host") or []
        return len(named) == 1 and str(named[0]).lower() in self.hosts

    def origin_is_ours(self, headers: Message) -> bool:
        """Whether a browser that tells where a request comes from names this server (or nothing)."""
        origin = headers.get("Origin")
        site = headers.get("Sec-Fetch-Site")
        if site is not None and site not in ("same-origin", "none"):
            return False
        return origin is None or (origin.startswith("http://") and origin[7:].lower() in self.hosts)

    def is_token(self, value: str | None) -> bool:
        return value is not None and hmac.compare_digest(value.encode("utf-8", "replace"), self.token.encode())

    def has_cookie(self, headers: Message) -> bool:
        try:
            cookie = SimpleCookie(headers.get("Cookie") or "").get(self.cookie_name)
        except CookieError:
            return False
        return cookie is not None and self.is_token(cookie.value)

    def has_bearer(self, headers: Message) -> bool:
        kind, _, value = (headers.get("Authorization") or "").partition(" ")
        return kind.lower() == "bearer" and self.is_token(value.strip())


def is_loopback(host: str) -> bool:
    """Whether binding to ``host`` stays on this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def names_of(host: str, port: int) -> frozenset[str]:
    """``Host`` headers that this server answers to. Beyond loopback: the address it was bound to, as it was named."""
    names = {host, "localhost", "127.0.0.1", "[::1]"} if is_loopback(host) else {host}
    found: set[str] = set()
    for name in names:
        name = f"[{name}]" if ":" in name and not name.startswith("[") else name
        found.update((f"{name}:{port}".lower(),) if port != 80 else (f"{name}:80".lower(), name.lower()))
    return frozenset(found)
