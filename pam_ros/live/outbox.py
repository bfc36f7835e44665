# SPDX-License-Identifier: Apache-2.0
"""What is on its way to one page: the newest of each kind, and never more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

AHEAD = 2
"""So many pictures of a camera may be under way that the page has not drawn yet."""


class Picture(NamedTuple):
    """One for a page: the JSON that says what it is, and the JPEG."""

    about: bytes
    jpeg: bytes


class Outbox:
    """Waits with what a page cannot take yet; what is newer takes the place of what waits.

    So a page that is slow or asleep gets fewer pictures, never late ones. Of one thread.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, str | Picture] = {}
        self._something = asyncio.Event()
        self._cameras: set[str] = set()
        self._sent = self._drawn = 0

    def put(self, kind: str, payload: str | Picture) -> None:
        """Send this, instead of what of its kind has not been sent."""
        self._waiting.pop(kind, None)
        self._waiting[kind] = payload
        if isinstance(payload, Picture):
            self._cameras.add(kind)
        self._something.set()

    def clear(self) -> None:
        """Forget all pictures: nobody looks."""
        for kind in [k for k, one in self._waiting.items() if isinstance(one, Picture)]:
            del self._waiting[kind]
        self._drawn = self._sent

    def drawn(self, number: int) -> None:
        """The page has drawn the pictures up to this one."""
        if self._drawn < number <= self._sent:
            self._drawn = number
            self._something.set()

    async def take(self) -> Sequence[str | bytes]:
        """What to send now, once there is something: texts, and pictures with their number."""
        while True:
            await self._something.wait()
            self._something.clear()
            ready: list[str | bytes] = []
            for kind, payload in list(self._waiting.items()):
                if isinstance(payload, str):
                    ready.append(payload)
                elif self._sent - self._drawn < AHEAD * len(self._cameras):
                    self._sent += 1
                    ready.append(_packed(self._sent, payload))
                else:
                    continue
                del self._waiting[kind]
            if ready:
                return ready


def _packed(number: int, picture: Picture) -> bytes:
    """Number (4 bytes), length of the JSON (2 bytes), both big-endian, then JSON and JPEG."""
    about = picture.about
    return number.to_bytes(4, "big") + len(about).to_bytes(2, "big") + about + picture.jpeg
