# SPDX-License-Identifier: Apache-2.0
"""Who may open the page, and who may move the robot by it.

Three attacks of other pages in the same browser: one that connects from its own origin (cross-site
WebSocket) is known by its Origin; one whose name has come to mean this machine (DNS rebinding) by
its Host; one that shows the page in a frame is refused by the browser (FRAMES). And other users and
programs of this machine do not know the token.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable

TOKEN_BYTES = 24
LOCAL = ("localhost", "127.0.0.1", "::1")


def new_token() -> str:
    """A token that nobody guesses, for one start of the server."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def is_local(host: str) -> bool:
    """Whether an address to listen on is reached from this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Admission:
    """The rules of one server.

    Args:
        host: the address that it listens on.
        token: of this start.
        names: further names of this machine, by which pages may be opened.

    Attributes:
        must_know_to_look: whether the token is needed to see anything at all. So it is where other
            machines reach the server: pictures of a room are nobody's business.
    """

    def __init__(self, host: str, token: str, names: Iterable[str] = ()) -> None:
        self._token = token
        self.must_know_to_look = not is_local(host)
        self._names = {*LOCAL, host.lower(), *(name.lower() for name in names)}
        if self.must_know_to_look:
            name = socket.gethostname().lower()
            self._names |= {name, f"{name}.local"}

    def knows(self, token: object) -> bool:
        """Whether this is the token; takes as long for any text of one length."""
        return isinstance(token, str) and hmac.compare_digest(
            token.encode("utf-8", "replace"), self._token.encode()
        )

    def host_refused(self, host: str) -> str:
        """Why a request with this Host is refused; empty if it is not.

        A name that is none of this machine's may be another site's that points here. Addresses
        cannot be made to: no name is looked up for them.
        """
        name = _name(host)
        if name in self._names or (self.must_know_to_look and _is_address(name)):
            return ""
        return (
            f"this server is not called {name[:80]!r}: open it by the address that it printed, or "
            "name it with --name"
        )

    def origin_refused(self, origin: str | None, host: str) -> str:
        """Why a connection from a page of this origin is refused; empty if it is not.

        A browser always says the origin. What says none is a program, which needs the token like
        everybody.
        """
        if origin is None:
            return ""
        parts = urlsplit(origin)
        if parts.scheme in {"http", "https"} and parts.netloc.lower() == host.lower():
            return ""
        return "a page of another site may not connect to the robot"


def _name(host: str) -> str:
    """The name of a Host header, without its port and without an address's brackets."""
    try:
        return (urlsplit(f"//{host}").hostname or "").lower()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Of every answer: no other host, no frame, nothing kept."""
