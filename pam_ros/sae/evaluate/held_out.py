# SPDX-License-Identifier: Apache-2.0
"""Whether tokens are of episodes that an SAE was trained on, told by the sources' own words."""

from __future__ import annotations

import re

_RANGE = re.compile(r"(?P<what>.*\b(?:seeds|episodes)) (?P<first>\d+) to (?P<last>\d+)", re.DOTALL)
_BAGS = re.compile(r"rosbags (?P<names>.*) \((?P<robot>[^()]*)\)", re.DOTALL)


def overlap(training: str, held_out: str) -> bool:
    """Whether two datasets, in words as Source.dataset gives them, share an episode.

    Ranges of seeds or episodes of the same source are compared by their numbers, bags by their
    names; of what is in other words only the same text is the same.
    """
    if training == held_out:
        return True
    ranges = [_RANGE.fullmatch(text) for text in (training, held_out)]
    if ranges[0] and ranges[1]:
        ours, theirs = ranges[0], ranges[1]
        return (
            ours["what"] == theirs["what"]
            and int(ours["first"]) <= int(theirs["last"])
            and int(theirs["first"]) <= int(ours["last"])
        )
    bags = [_BAGS.fullmatch(text) for text in (training, held_out)]
    if bags[0] and bags[1]:
        names = [set(found["names"].split(", ")) for found in (bags[0], bags[1])]
        return bags[0]["robot"] == bags[1]["robot"] and bool(names[0] & names[1])
    return False
