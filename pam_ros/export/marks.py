# SPDX-License-Identifier: Apache-2.0
"""Where people say that an episode begins or ends, in the recording's annotations.

`episode` begins one, `episode: pick up the cube` one with this task, `episode end` ends it. What
else is said of moments marks no episode.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_MARK = re.compile(
    r"\s*episode\s*(?::\s*(?P<task>.*?)|(?P<end>end))?\s*", re.IGNORECASE | re.DOTALL
)


@dataclass(frozen=True)
class Mark:
    """Until the next mark: which stretch of the recording it is, and the task in it.

    exported: false from an episode's end to the next one's beginning.
    """

    number: int
    exported: bool
    task: str


class EpisodeMarks:
    """The marks of a recording; without any, all of it is one stretch."""

    def __init__(self, said: Sequence[tuple[int, str]]) -> None:
        self._times: list[int] = []
        self._marks = [Mark(0, exported=True, task="")]
        for received_ns, text in sorted(said):
            found = _MARK.fullmatch(text)
            if found is None:
                continue
            self._times.append(received_ns)
            self._marks.append(
                Mark(len(self._marks), found["end"] is None, (found["task"] or "").strip())
            )
        if self._times and self._marks[1].exported:
            # Where people mark beginnings, what comes before the first one is no episode.
            self._marks[0] = Mark(0, exported=False, task="")

    def at(self, received_ns: int) -> Mark:
        """The stretch that a moment belongs to [ns, by reception]."""
        return self._marks[bisect_right(self._times, received_ns)]
