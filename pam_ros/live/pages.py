# SPDX-License-Identifier: Apache-2.0
"""The pages that are open, and what all of them are shown. Of the server's thread alone."""

from __future__ import annotations

import asyncio
import json
import math
import secrets
import time
from typing import TYPE_CHECKING, Any

from pam_ros.live.flood import Allowance
from pam_ros.live.outbox import Outbox, Picture

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pam_ros.live.robot import Robot

MOST = 16
"""So many pages may be open at once."""
STAYS = frozenset({"about", "parameters", "diagnostics", "recording"})
"""Kinds of news that a page which opens later is told as well."""


class Page:
    """One page, as long as its connection lasts.

    Attributes:
        name: what nobody but this page knows, so that it is the same one when it comes back.
        described: for people at other pages.
        trusted: whether it knows the token.
        looking: whether somebody may be looking at it.
        heard: when something came of it [s, monotonic].
    """

    def __init__(self, described: str) -> None:
        self.name = secrets.token_urlsafe(16)
        self.described = described
        self.trusted = False
        self.looking = False
        self.outbox = Outbox()
        self.allowance = Allowance()
        self.heard = time.monotonic()

    def tell(self, kind: str, **values: Any) -> None:
        """Send news of one kind."""
        self.outbox.put(kind, as_json({"kind": kind, **values}))


class Pages:
    """All pages.

    Args:
        robot: told whether anybody looks.
    """

    def __init__(self, robot: Robot) -> None:
        self._robot = robot
        self._open: dict[str, Page] = {}
        self._last: dict[str, str] = {}
        self._changing = asyncio.Lock()
        self._looked = False

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Page]:
        return iter(list(self._open.values()))

    def named(self, name: str) -> Page | None:
        """The page of this name, if it is connected."""
        return self._open.get(name)

    def add(self, page: Page) -> None:
        """A page is open."""
        self._open[page.name] = page
        for kind, payload in self._last.items():
            page.outbox.put(kind, payload)

    def remove(self, page: Page) -> bool:
        """A page is open no more; false where that was so."""
        if self._open.get(page.name) is not page:
            return False
        del self._open[page.name]
        return True

    async def looks_changed(self) -> None:
        """Have the robot's side listen while somebody looks, and not a moment longer."""
        async with self._changing:
            looked = any(page.looking for page in self._open.values())
            if looked != self._looked:
                self._looked = looked
                if not looked:  # by the time that somebody does, it is old
                    self._last = {k: v for k, v in self._last.items() if k == "recording"}
                await self._robot.look(on=looked)

    def show(self, kind: str, values: Mapping[str, Any]) -> None:
        """Tell every page; numbers that are none are null."""
        payload = as_json({"kind": kind, **values})
        if kind in STAYS:
            self._last[kind] = payload
        for page in self._open.values():
            if page.looking or kind in STAYS:
                page.outbox.put(kind, payload)

    def show_picture(self, camera: str, stamp: float, jpeg: bytes) -> None:
        """Show every page that is looked at a camera's overlay, of this time [s]."""
        about = as_json({"camera": camera, "stamp": stamp}).encode()
        picture = Picture(about, jpeg)
        for page in self._open.values():
            if page.looking:
                page.outbox.put(f"picture {camera}", picture)


def as_json(values: object) -> str:
    """JSON as browsers read it: without NaN and infinities, which are null."""
    return json.dumps(_finite(values), separators=(",", ":"), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return value
