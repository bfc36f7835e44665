# SPDX-License-Identifier: Apache-2.0
"""Which topics make up the state, and which take the commands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from pam_ros.robot.draft.text import listed
from pam_ros.robot.draft.words import GRIPPER, SIDES, side_of, words
from pam_ros.robot.values.arrays import FLOAT64_MULTI_ARRAY
from pam_ros.robot.values.joints import JOINT_STATE, JOINT_TRAJECTORY
from pam_ros.robot.values.registry import COMMAND_TYPES, STATE_TYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pam_ros.robot.draft.seen import Seen, SeenTopic

_COMMAND = re.compile(
    r"command|cmd|target|goal|desired|action|leader|setpoint|joint_trajectory|teleop", re.IGNORECASE
)
_BASES = ("nav_msgs/msg/Odometry", "geometry_msgs/msg/Twist", "geometry_msgs/msg/TwistStamped")
_MOST_PARTS, _MOST_TOPICS = 6, 12


@dataclass(frozen=True)
class Choice:
    """The topics of a state or of a command, in the policy's order.

    Attributes:
        topics: none if nothing fits.
        why: these, in a sentence.
        tied: what else fits as well, in words; empty if nothing does.
    """

    topics: tuple[SeenTopic, ...]
    why: str
    tied: str = ""


def choose_state(seen: Seen, count: int) -> Choice:
    """The topics that together have so many numbers."""
    able = [
        topic
        for topic in seen.own
        if topic.type in STATE_TYPES
        and topic.joints
        and not _COMMAND.search(topic.name)
        and (topic.talkers or not seen.live)
    ]
    return _choose(able, count, lambda topic: len(topic.joints), "state")


def choose_command(seen: Seen, count: int, state: Sequence[SeenTopic]) -> Choice:
    """The topics that take commands of together so many numbers."""
    taken = {topic.name for topic in state}

    def takes(topic: SeenTopic) -> bool:
        if topic.type not in COMMAND_TYPES or topic.name in taken:
            return False
        if topic.type == JOINT_TRAJECTORY:
            return not seen.live or bool(topic.listeners)
        if seen.live:
            # A driver listens; what it publishes itself is its state.
            return bool(topic.listeners) and (
                bool(_COMMAND.search(topic.name)) or not topic.talkers
            )
        return bool(_COMMAND.search(topic.name))

    able = [topic for topic in seen.own if takes(topic)]
    silent = [topic for topic in able if not topic.joints]
    if not silent:
        return _choose(able, count, lambda topic: len(topic.joints), "command")
    # Nobody commands yet: a topic's joints are those of the state that it belongs to.
    paired = pair(able, state)
    sizes = {
        topic.name: len(topic.joints) or len(owner.joints if owner else ())
        for topic, owner in zip(able, paired, strict=True)
    }
    return _choose(able, count, lambda topic: sizes[topic.name], "command")


def pair(topics: Sequence[SeenTopic], state: Sequence[SeenTopic]) -> list[SeenTopic | None]:
    """The topic of the state that each one's name is nearest to: by side, namespace and words."""
    found: list[SeenTopic | None] = []
    for topic in topics:
        named = {*topic.joints}
        able = [each for each in state if each.type not in _BASES or topic.type in _BASES]
        if topic.type in _BASES:
            able = [each for each in able if each.type in _BASES]
        scored = sorted(able, key=lambda each: -_near(topic, each, named))
        found.append(scored[0] if scored else None)
    return found


def _near(topic: SeenTopic, other: SeenTopic, named: set[str]) -> float:
    common = len(named & {*other.joints}) / max(1, len(named))
    side = float(side_of(topic.name) == side_of(other.name))
    one, two = words(topic.name), words(other.name)
    alike = len(one & two) / max(1, len(one | two))
    first = float(topic.name.split("/")[1:2] == other.name.split("/")[1:2])
    gripper = float(bool(GRIPPER.search(topic.name)) == bool(GRIPPER.search(other.name)))
    return 4 * common + 2 * side + alike + first + gripper


def _choose(
    able: Sequence[SeenTopic], count: int, size: Callable[[SeenTopic], int], what: str
) -> Choice:
    able = sorted(able, key=_in_order)
    if not able:
        return Choice((), f"no topic was seen that could be a {what}")
    exact = [(each,) for each in able if size(each) == count]
    if exact:
        return _best(exact, f"it has the policy's {count}")
    sums: list[tuple[SeenTopic, ...]] = []
    for parts in range(2, min(_MOST_PARTS, len(able)) + 1):
        found = [
            chosen
            for chosen in combinations(able[:_MOST_TOPICS], parts)
            if sum(map(size, chosen)) == count
        ]
        if found:
            sums = found
            break
    if sums:
        sizes = " and ".join(str(size(each)) for each in sums[0])
        return _best(sums, f"{sizes} make up the policy's {count}")
    larger = [(each,) for each in able if size(each) > count]
    if larger:
        return _best(larger, f"it has {size(larger[0][0])}, the policy {count}")
    chosen = tuple(each for each in able if size(each))[:_MOST_PARTS] or (able[0],)
    total = sum(map(size, chosen))
    if total > count:
        chosen = chosen[:1]
        total = size(chosen[0])
    return Choice(chosen, f"nothing has the policy's {count}; this has {total}")


def _best(choices: Sequence[tuple[SeenTopic, ...]], why: str) -> Choice:
    ranked = sorted(choices, key=lambda chosen: -sum(map(_rank, chosen)) / len(chosen))
    best = ranked[0]
    tied = [
        listed([topic.name for topic in other])
        for other in ranked[1:]
        if sum(map(_rank, other)) / len(other) == sum(map(_rank, best)) / len(best)
    ]
    return Choice(best, why, listed(tied, 3, "or"))


def _rank(topic: SeenTopic) -> int:
    """How usual a topic is for what it is chosen for."""
    last = topic.name.rpartition("/")[2]
    return (
        2 * (last in {"joint_states", "joint_commands", "joint_trajectory", "commands", "cmd_vel"})
        + (topic.name.count("/") == 1)
        + 2 * (topic.type in {JOINT_STATE, JOINT_TRAJECTORY})
        + (topic.type == FLOAT64_MULTI_ARRAY)
    )


def _in_order(topic: SeenTopic) -> tuple[int, int, str]:
    """Left before right, an arm before its gripper, a base last, as data sets have them."""
    side = side_of(topic.name)
    kind = 2 if topic.type in _BASES else 1 if GRIPPER.search(topic.name) else 0
    return (SIDES.index(side) if side else len(SIDES), kind, topic.name)
