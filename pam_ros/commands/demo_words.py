# SPDX-License-Identifier: Apache-2.0
"""What the demo says to a policy with words: what is typed; until then, each object in turn."""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from pam_ros.sim.instructions import instruction
from pam_ros.sim.scene import OBJECTS

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY_S = 8.0
"""Each object has so long [s] until somebody types."""


def reads_words(policy: str) -> bool:
    """Whether a checkpoint's folder is of a policy class that reads words."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        config = json.loads((Path(policy) / "config.json").read_text())
        return bool(config.get("type") == "smolvla")
    return False


class Teller:
    """Says the words.

    Args:
        say: takes an instruction.
        words: where somebody may type; None: nowhere.
    """

    def __init__(self, say: Callable[[str], None], words: TextIO | None = None) -> None:
        self._say = say
        self._words = words
        self._typed = False
        self._turn = 0

    def look(self, passed: float) -> None:
        """Say what is new after so much of the demo [s]; waits for nobody."""
        line = self._line()
        if line:
            self._typed = True
            self._say(line)
        turn = int(passed // EVERY_S)
        if not self._typed and turn != self._turn:
            self._turn = turn
            self._say(instruction(OBJECTS[turn % len(OBJECTS)]))

    def _line(self) -> str:
        if self._words is None or not select.select([self._words], [], [], 0)[0]:
            return ""
        line = self._words.readline()
        if not line:  # it was closed
            self._words = None
        return line.strip()


def typed_words() -> TextIO | None:
    """The terminal, if somebody sits there; in the background reading it would stop the process."""
    if not sys.stdin.isatty() or os.tcgetpgrp(sys.stdin.fileno()) != os.getpgrp():
        return None
    return sys.stdin
