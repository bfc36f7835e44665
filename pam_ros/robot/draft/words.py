# SPDX-License-Identifier: Apache-2.0
"""What the names of topics, features and joints have in common."""

from __future__ import annotations

import re

_NOISE = frozenset(
    [
        *("observation", "observations", "image", "images", "img", "raw", "compressed", "camera"),
        *("cameras", "cam", "color", "colour", "rgb", "bgr", "ffmpeg", "video", "usb", "h264"),
        *("rect", "rectified", "stream", "feed", "view", "main", "joint", "joints", "state"),
        *("states", "command", "commands", "cmd", "controller", "trajectory", "position"),
        *("positions", "arm", "pos", "follower"),
    ]
)
_SAME = {
    "l": "left", "r": "right",
    "high": "top", "overhead": "top", "above": "top", "up": "top", "ceiling": "top",
    "bird": "top", "birdseye": "top",
    "hand": "wrist", "eef": "wrist", "ee": "wrist", "gripper": "wrist",
    "forward": "front", "base": "front",
}  # fmt: skip
SIDES = ("left", "right")
_OPPOSED = (frozenset(SIDES), frozenset({"top", "wrist"}), frozenset({"front", "wrist"}),
            frozenset({"front", "back"}), frozenset({"front", "top"}))  # fmt: skip
GRIPPER = re.compile(r"grip|jaw|finger|claw", re.IGNORECASE)


def words(name: str) -> frozenset[str]:
    """The words of a name that say which one it is: {left, wrist} of /left_wrist/image_raw."""
    split = re.findall(r"[a-z]+|\d+", re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower())
    found = {_SAME.get(word, word) for word in split if word not in _NOISE}
    for side in SIDES:  # leftwrist
        stuck = {word for word in found if word.startswith(side) and word != side}
        found = (found - stuck) | {part for word in stuck for part in (side, word[len(side) :])}
    return frozenset(found)


def alike(one: frozenset[str], other: frozenset[str]) -> float:
    """1 for the same words, 0 for none in common, less where they contradict each other."""
    if not one or not other:
        return 0.0
    common = 2.0 * len(one & other) / (len(one) + len(other))
    against = sum(
        bool(pair & one) and bool(pair & other) and not pair & one & other for pair in _OPPOSED
    )
    return common - against


def side_of(name: str) -> str:
    """Left or right; empty for neither."""
    found = [side for side in SIDES if side in words(name)]
    return found[0] if len(found) == 1 else ""


def plain(name: str) -> str:
    """A joint's name without what only says that it is one: shoulder_pan of shoulder_pan.pos."""
    return re.sub(r"[^a-z0-9]+", "_", name.removesuffix(".pos").lower()).removesuffix("_joint")
