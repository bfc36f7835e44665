# SPDX-License-Identifier: Apache-2.0
"""What pages ask for, and whether they may.

Everybody who sees the page may disable. What changes the robot or what is computed needs the
token, and what may move it needs the robot held as well. A request that may move it says which beat
of the server its page had heard last: one that was held up on its way, in a machine that slept, is
refused.
"""

from __future__ import annotations

import asyncio
import logging
import math
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
TEXT_CHARACTERS = 1000
"""Of an instruction or a note: what a policy takes at most (policy/words.py)."""
MOST = 2**31
"""No number that a page sets is as large."""
OPEN_TO_ALL = ("disable",)
NEEDS_TOKEN = ("show", "hold", "release")
NEEDS_HOLD = ("enable", "reset", "say", "record")
_log = logging.getLogger(__name__)


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
        owed: whether a disabling has not succeeded yet that a page's going asks for. Until it has,
            nobody holds the robot.
    """

    def __init__(self, robot: Robot, holding: Holding, pages: Pages) -> None:
        self._robot = robot
        self._holding = holding
        self._pages = pages
        self._letting_go = asyncio.Lock()
        self.beat = 0
        self.owed = False
        self._enablings = 0

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
        if not isinstance(beat, int) or isinstance(beat, bool):
            beat = -1
        if not 0 <= beat <= self.beat <= beat + STALE_BEATS:
            return "this came too late to be meant any more: nothing was done; ask again"
        return ""

    async def _move(self, page: Page, word: str, request: Mapping[str, Any]) -> Answer:
        if word == "enable":
            return await self._enable(page)
        if word == "reset":
            return await self._robot.reset()
        if word == "record":
            return await self._robot.record(on=request.get("on") is True)
        return await self._robot.say(_text(request.get("text")))

    async def _enable(self, page: Page) -> Answer:
        if self.owed:
            return Answer(False, OWED)
        # Before it is asked: its answer may be lost, or come when the page has gone.
        self._enablings += 1
        before, self._holding.enabled_by_holder = self._holding.enabled_by_holder, True
        answer = await self._robot.enable(on=True)
        refused = not (answer.done or answer.unknown)
        if self._holding.holds(page.name):
            self._holding.enabled_by_holder = before if refused else True
        elif not refused:
            async with self._letting_go:
                ended = await self._end()
            words = "the page let go while the robot was being enabled"
            return Answer(False, words if ended.done else f"{words}; {_failed(ended)}")
        return answer

    async def _disable(self, page: Page) -> Answer:
        enablings = self._enablings
        answer = await self._robot.enable(on=False)
        if answer.done:
            self.owed = False
            if enablings == self._enablings:  # else it may have been enabled since
                self._holding.enabled_by_holder = False
            self._pages.show("said", {"words": f"disabled by {page.described}"})
        return answer

    async def _end(self) -> Answer:
        """Disable, since who had enabled is gone; where that fails, it is owed."""
        self.owed = True
        answer = await self._robot.enable(on=False)
        self.owed = not answer.done
        if self.owed:
            _log.error("a disabling is owed, and tried again: %s", answer.words)
        return answer

    async def pay(self) -> None:
        """Try again a disabling that is owed; says so once it is done."""
        async with self._letting_go:
            if not self.owed:
                return
            answer = await self._end()
        if answer.done:
            words = "disabled now, which had failed before"
            _log.warning("%s", words)
            self._pages.show("said", {"words": words})

    @property
    def letting_go(self) -> bool:
        """Whether the robot is being disabled, since who had enabled it is gone."""
        return self._letting_go.locked()

    async def _hold(self, page: Page, *, over: bool) -> Answer:
        before = self._holding.holder
        if over and before not in {None, page.name}:
            await self.let_go()
        async with self._letting_go:
            if self.owed:
                return Answer(False, OWED)
            # One that has gone meanwhile would hold it for ever.
            if self._pages.named(page.name) is not page:
                return Answer(False, "this page has gone")
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
            answer = await self._end()
        words = "the page that had enabled the robot let go: disabled"
        if not answer.done:
            words = f"the page that had enabled the robot let go; {_failed(answer)}"
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
OWED = (
    "the page that had enabled the robot has gone, and disabling it has failed so far: it is tried "
    "again every second, and nobody holds the robot before"
)


def _failed(answer: Answer) -> str:
    return f"disabling failed and is tried again every second: {answer.words}"


def _text(text: object) -> str:
    """An instruction; RequestError where it is none."""
    if not isinstance(text, str) or len(text) > TEXT_CHARACTERS:
        raise RequestError(f"an instruction is a text of at most {TEXT_CHARACTERS} characters")
    words = " ".join(text.split())
    if not words.isprintable():
        raise RequestError("an instruction has only characters that can be printed")
    return words


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
        if isinstance(value, str):
            if not value.isprintable():
                raise RequestError(f"{name} has only characters that can be printed")
        elif not (-MOST < value < MOST and math.isfinite(value)):
            raise RequestError(f"{name} is a finite number below {MOST}")
        found[name] = kind(value)
    return found
