# SPDX-License-Identifier: Apache-2.0
"""The numbers of a contract: joints, and the parts of state and command that hold them.

A robot of one arm has a state and a command of one part each; two arms, an arm with a gripper of
its own, a base or a head are further parts. The parts follow each other in the policy's feature.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

from pam_ros.robot.stamps import AS_STAMPED, Stamping
from pam_ros.robot.values.joints import JOINT_STATE
from pam_ros.robot.values.kinds import KINDS, UNITS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from pam_ros.robot.values.kinds import Kind

LIMIT_MARGIN = 0.1


@dataclass(frozen=True)
class JointContract:
    """One number: of a joint, or a field such as linear.x of a message without joints.

    The policy's number is ``scale * value + offset`` with value in ``unit`` (values/kinds.py), of
    which percent runs from -100 at ``range[0]`` to 100 at ``range[1]`` [rad]. What follows is in
    the units of messages: rad for rad, deg and percent, rad/s for rad/s and deg/s, else the unit.

    Attributes:
        name: of the joint, one on its topic; or the field again.
        limits: every command lies between them.
        max_velocity: of a position [its unit per second].
        max_step: how much a command may change in a period; a sooner tick has its part of it.
        max_acceleration: of a velocity [its unit per second].
        max_effort_rate: of an effort [its unit per second].
        kind: position, velocity or effort.
        field: where it is in a message (values/interface.py, Address).
        part: what tells joints of one name apart in messages for people; empty if nothing needs to.
    """

    name: str
    unit: str = "rad"
    scale: float = 1.0
    offset: float = 0.0
    range: tuple[float, float] | None = None
    limits: tuple[float, float] | None = None
    max_velocity: float | None = None
    max_step: float | None = None
    max_acceleration: float | None = None
    max_effort_rate: float | None = None
    kind: str = "position"
    field: str = "position"
    part: str = ""

    @property
    def label(self) -> str:
        """A name that no other joint of the contract's state, or of its command, has."""
        return f"{self.part}/{self.name}" if self.part else self.name

    @property
    def what(self) -> Kind:
        """Its kind."""
        return KINDS[self.kind]

    @property
    def message_unit(self) -> str:
        """The unit of its numbers in messages; empty for a bare number."""
        return UNITS[self.unit].in_messages

    @property
    def max_rate(self) -> float | None:
        """How much a command may change in a second: the speed limit of its kind."""
        rates = {
            "max_velocity": self.max_velocity,
            "max_acceleration": self.max_acceleration,
            "max_effort_rate": self.max_effort_rate,
        }
        return rates[self.what.rate_key]

    @property
    def bounded_in_time(self) -> bool:
        """Whether something bounds how fast a command of it changes."""
        return self.max_rate is not None or self.max_step is not None

    def shown(self, value: float) -> str:
        """A number of a message with its unit."""
        return f"{value:.3f} {self.message_unit}".rstrip()


@dataclass(frozen=True)
class StatePart:
    """Numbers of one topic, in the policy's order.

    ``feature`` is None where the policy reads none of them: they then only tell where the robot
    stands when commands begin. Parts of one topic have one ``stamping``.
    """

    topic: str
    feature: str | None
    joints: tuple[JointContract, ...]
    type: str = JOINT_STATE
    stamping: Stamping = AS_STAMPED


@dataclass(frozen=True)
class StateContract:
    """What the policy knows of the robot: the parts, one after the other."""

    parts: tuple[StatePart, ...]

    @property
    def feature(self) -> str | None:
        """The policy's feature; None for a policy that reads no state."""
        return next((part.feature for part in self.parts if part.feature is not None), None)

    def named(self, feature: str) -> StateContract:
        """The same state by another name of its feature."""
        parts = [
            part if part.feature is None else replace(part, feature=feature) for part in self.parts
        ]
        return StateContract(tuple(parts))

    @cached_property
    def joints(self) -> tuple[JointContract, ...]:
        """The feature's numbers. If there is no feature, all that are named."""
        feature = self.feature
        chosen = [part for part in self.parts if part.feature == feature]
        return tuple(joint for part in chosen for joint in part.joints)

    @cached_property
    def topics(self) -> dict[str, str]:
        """The type of each topic, in the order of the parts."""
        return {part.topic: part.type for part in self.parts}

    def stamping(self, topic: str) -> Stamping:
        """What time the messages of one of the topics are of."""
        return next(part.stamping for part in self.parts if part.topic == topic)


@dataclass(frozen=True)
class CommandPart:
    """What goes to one topic: one value per joint, in the policy's order.

    Attributes:
        limit_margin: a fraction of a joint's range: an action beyond its limits by no more than
            that is clamped, one farther out is refused.
        limits_from: "urdf": limits and speeds may be missing here, and come from
            /robot_description (urdf.py).
        measured: where the joints stand before commands begin, in the order of this part; None for
            what is not a position: that begins at 0.
        frame_id: of the header, of types that have one.
    """

    topic: str
    type: str
    joints: tuple[JointContract, ...]
    limit_margin: float = LIMIT_MARGIN
    limits_from: str = "contract"
    measured: StatePart | None = None
    frame_id: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Of the joints, as messages have them."""
        return tuple(joint.name for joint in self.joints)

    @property
    def fields(self) -> tuple[str, ...]:
        """Where each number is in a message."""
        return tuple(joint.field for joint in self.joints)


@dataclass(frozen=True)
class CommandContract:
    """What goes to the robot: the parts of an action, one after the other."""

    parts: tuple[CommandPart, ...]

    @cached_property
    def joints(self) -> tuple[JointContract, ...]:
        """One per dimension of the action."""
        return tuple(joint for part in self.parts for joint in part.joints)

    @property
    def labels(self) -> tuple[str, ...]:
        """A name for each joint that no other has."""
        return tuple(joint.label for joint in self.joints)

    def split(self, values: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
        """The numbers (..., joints) of each part, (..., its joints)."""
        ends = list(accumulate(len(part.joints) for part in self.parts))
        starts = [0, *ends[:-1]]
        return [values[..., start:end] for start, end in zip(starts, ends, strict=True)]


def part_names(topics: Sequence[str]) -> list[str]:
    """What tells topics apart, in a word each: left and right of /left/joints and /right/joints."""
    split = [topic.strip("~/").split("/") for topic in topics]
    if len(split) > 1:
        while len({steps[0] for steps in split}) == 1 and min(map(len, split)) > 1:
            split = [steps[1:] for steps in split]
        while len({steps[-1] for steps in split}) == 1 and min(map(len, split)) > 1:
            split = [steps[:-1] for steps in split]
        first = [steps[0] for steps in split]
        if len(set(first)) == len(first):
            return first
    return ["/".join(steps) for steps in split]


def told_apart(
    parts: Sequence[tuple[str, tuple[JointContract, ...]]],
) -> list[tuple[JointContract, ...]]:
    """The joints of each part, by its topic; those of one name with what tells them apart."""
    topics = list(dict.fromkeys(topic for topic, _ in parts))
    words = dict(zip(topics, part_names(topics), strict=True))
    homes = [(joint.name, topic) for topic, joints in parts for joint in joints]

    def told(topic: str, joint: JointContract) -> JointContract:
        elsewhere = any(name == joint.name and other != topic for name, other in homes)
        twice = homes.count((joint.name, topic)) > 1 and joint.kind != "position"
        part = [*([words[topic]] if elsewhere else []), *([joint.kind] if twice else [])]
        return replace(joint, part="/".join(part))

    return [tuple(told(topic, joint) for joint in joints) for topic, joints in parts]
