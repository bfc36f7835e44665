# SPDX-License-Identifier: Apache-2.0
"""What pages ask for, and whether they may.

Everybody who sees the page may disable. What changes the robot or what is computed needs the
token, and what may move it needs the robot held as well. A request that may move it says which beat
of the server its page had heard last: one that was held up on its way, in a machine that slept, is
refused.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pam_ros.live.robot import SHOWN, Answer
from pam_ros.share.errors import ReceivedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pam_ros.live.holding import Holding
    from pam_ros.live.pages import Page, Pages
    from pam_ros.live.robot import Robot

BEAT_S = 1.0
STALE_BEATS = 3
"""A request that was made before so many beats moves nothing."""
TEXT_CHARACTERS = 500
OPEN_TO_ALL = ("disable",)
NEEDS_TOKEN = ("show", "hold", "release")
NEEDS_HOLD = ("enable", "reset", "say", "record")


class RequestError(ReceivedError):
    """A page has sent what is none of this protocol."""


class Requests:
    """Answers pages.

    Args:
        robot: does what they ask.
        holding: who holds it.
        pages: told who does.

    Attributes:
        beat: the number of the server's last beat.
    """

    def __init__(self, robot: Robot, holding: Holding, pages: Pages) -> None:
        self._robot = robot
        self._holding = holding
        self._pages = pages
        self._letting_go = asyncio.Lock()
        self.beat = 0

    async def answer(self, page: Page, request: Mapping[str, Any]) -> Answer:
        """Do what a page asks, or say why not.

        Raises:
            RequestError: nothing that a page of this server asks.
        """
        word = request.get("do")
        if word in OPEN_TO_ALL:
            return await self._disable(page)
        if word not in NEEDS_TOKEN + NEEDS_HOLD:
            raise RequestError(f"a page asked for {str(word)[:40]!r}, which is nothing here")
        if not page.trusted:
            return Answer(False, WHY_NO_MORE)
        if word == "show":
            return await self._robot.show(_parameters(request.get("values")))
        if word == "hold":
            return await self._hold(page, over=request.get("over") is True)
        if word == "release":
            return await self._release(page)
        refused = self._why_not(page, request)
        return Answer(False, refused) if refused else await self._move(page, word, request)

    def _why_not(self, page: Page, request: Mapping[str, Any]) -> str:
        if not self._holding.holds(page.name):
            return "this page does not hold the robot: hold it first"
        beat = request.get("beat")
        if not isinstance(beat, int) or self.beat - beat > STALE_BEATS:
            return "this came too late to be meant any more: nothing was done; ask again"
        return ""

    async def _move(self, page: Page, word: str, request: Mapping[str, Any]) -> Answer:
        if word == "enable":
            answer = await self._robot.enable(on=True)
            # Meanwhile the page may have gone, or another may have disabled.
            if answer.done and not self._holding.holds(page.name):
                await self._robot.enable(on=False)
                return Answer(False, "the page let go while the robot was being enabled")
            self._holding.enabled_by_holder |= answer.done
            return answer
        if word == "reset":
            return await self._robot.reset()
        if word == "record":
            return await self._robot.record(on=request.get("on") is True)
        return await self._robot.say(_text(request.get("text")))

    async def _disable(self, page: Page) -> Answer:
        answer = await self._robot.enable(on=False)
        if answer.done:
            self._holding.enabled_by_holder = False
            self._pages.show("said", {"words": f"disabled by {page.described}"})
        return answer

    async def _hold(self, page: Page, *, over: bool) -> Answer:
        before = self._holding.holder
        if over and before not in {None, page.name}:
            await self.let_go()
        answer = self._holding.take(page.name, page.described)
        self.tell_who_holds()
        return answer

    async def _release(self, page: Page) -> Answer:
        if not self._holding.holds(page.name):
            return Answer(False, "this page does not hold the robot")
        words = await self.let_go()
        return Answer(True, words or "nobody holds the robot now")

    async def let_go(self) -> str:
        """Nobody holds the robot now; what its page had enabled is disabled. Says so."""
        async with self._letting_go:
            enabled = self._holding.release()
            self.tell_who_holds()
            if not enabled:
                return ""
            answer = await self._robot.enable(on=False)
        words = "the page that had enabled the robot let go: disabled"
        if not answer.done:
            words = f"the page that had enabled the robot let go; disabling failed: {answer.words}"
        self._pages.show("said", {"words": words})
        return words

    def tell_who_holds(self) -> None:
        """Tell each page whether it holds the robot, or who does."""
        for page in self._pages:
            mine = self._holding.holds(page.name)
            page.tell("holding", mine=mine, by="" if mine else self._holding.described)


WHY_NO_MORE = (
    "this page may look and disable, no more: open the address with the token that the server "
    "printed at its start"
)


def _text(text: object) -> str:
    """An instruction; RequestError where it is none."""
    if not isinstance(text, str) or len(text) > TEXT_CHARACTERS:
        raise RequestError(f"an instruction is a text of at most {TEXT_CHARACTERS} characters")
    return " ".join(text.split())


def _parameters(values: object) -> dict[str, str | int | float]:
    """Values of SHOWN; RequestError where they are none."""
    if not isinstance(values, dict) or not values:
        raise RequestError("a page set no parameters")
    found: dict[str, str | int | float] = {}
    for name, value in values.items():
        kind = SHOWN.get(name)
        if kind is None:
            raise RequestError(f"a page may not set {str(name)[:40]!r}")
        wrong = isinstance(value, bool) or not isinstance(value, str | int | float)
        if wrong or isinstance(value, str) != (kind is str) or len(str(value)) > TEXT_CHARACTERS:
            raise RequestError(f"{name} is a {kind.__name__}")
        found[name] = kind(value)
    return found
