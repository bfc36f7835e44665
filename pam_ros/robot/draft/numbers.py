# SPDX-License-Identifier: Apache-2.0
"""The numbers of state and command: on which topic each is, of which joint, unit and limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.robot.draft.bounds import Bound, bound
from pam_ros.robot.draft.order import Ordered, order_joints
from pam_ros.robot.draft.parts import Choice, choose_command, choose_state, pair
from pam_ros.robot.draft.units import JointUnit, joint_units
from pam_ros.robot.units.data import travels
from pam_ros.robot.values.arrays import FLOAT64_MULTI_ARRAY
from pam_ros.robot.values.registry import VALUE_TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from pam_ros.policy.interface import PolicySpec
    from pam_ros.robot.draft.seen import Seen, SeenTopic
    from pam_ros.robot.units.data import Travel


@dataclass(frozen=True)
class Number:
    """One number of the policy.

    Attributes:
        name: of the joint or field; empty if nobody knows.
        unit: of a joint; None for a field such as linear.x.
        bound: of commands to it.
        maybe: what an unknown one may be.
    """

    name: str
    unit: JointUnit | None
    bound: Bound
    maybe: tuple[str, ...] = ()


@dataclass(frozen=True)
class Part:
    """A topic with its numbers, in the policy's order.

    Attributes:
        topic: None if nobody knows.
        numbers: of the topic.
        why: the numbers are in this order; empty if there is nothing to say.
    """

    topic: SeenTopic | None
    numbers: tuple[Number, ...]
    why: str = ""

    @property
    def fields(self) -> bool:
        """Whether its numbers are fields such as linear.x, and not joints."""
        if self.topic is None:
            return False
        return not VALUE_TYPES[self.topic.type].named and self.topic.type != FLOAT64_MULTI_ARRAY


@dataclass(frozen=True)
class CommandPart:
    """A topic of commands.

    Attributes:
        part: with its numbers.
        owner: the part of the state that tells where its joints stand; None if nobody knows.
        lent: whether its joints are those of the owner, all of them in order.
    """

    part: Part
    owner: Part | None
    lent: bool


@dataclass(frozen=True)
class Numbers:
    """State and command of a robot."""

    state_choice: Choice
    state: tuple[Part, ...]
    command_choice: Choice
    command: tuple[CommandPart, ...]


def find_numbers(spec: PolicySpec, seen: Seen, known: Sequence[str]) -> Numbers:
    """Where the policy's state comes from and where its action goes.

    Args:
        spec: of the policy.
        seen: of the robot.
        known: names of the state's numbers in the training data; empty if nobody told.
    """
    state_data = _data(spec, spec.state_feature, spec.state_dim)
    action_data = _data(spec, "action", spec.action_dim)
    count = spec.state_dim or spec.action_dim
    state_choice = choose_state(seen, count)
    command_choice = choose_command(seen, spec.action_dim, state_choice.topics)
    commanded = _commanded_by(command_choice.topics, state_choice.topics)
    found = _Finder(seen, state_data or action_data, state_data, action_data, known, commanded)
    state = found.state(state_choice, count, same=count == spec.action_dim)
    command = found.command(command_choice, spec.action_dim, state)
    return Numbers(state_choice, tuple(state), command_choice, tuple(command))


def _data(spec: PolicySpec, feature: str | None, dim: int) -> list[Travel] | None:
    statistics = spec.statistics.get(feature or "")
    return None if statistics is None else travels(statistics, dim)


def _commanded_by(
    commands: Sequence[SeenTopic], states: Sequence[SeenTopic]
) -> dict[str, list[SeenTopic]]:
    """By each topic of the state: those that command its joints."""
    if len(commands) == 1:
        return {each.name: [commands[0]] for each in states}
    found: dict[str, list[SeenTopic]] = {}
    for topic, owner in zip(commands, pair(commands, states), strict=True):
        if owner is not None:
            found.setdefault(owner.name, []).append(topic)
    return found


@dataclass(frozen=True)
class _Finder:
    """What is known of the robot and of the training data."""

    seen: Seen
    data: list[Travel] | None
    state_data: list[Travel] | None
    action_data: list[Travel] | None
    known: Sequence[str]
    commanded: Mapping[str, Sequence[SeenTopic]]

    def state(self, choice: Choice, count: int, *, same: bool) -> list[Part]:
        """The state's parts; same: whether the action has the same numbers."""
        topics = choice.topics or (None,)
        parts, first = [], 0
        for place, topic in enumerate(topics):
            last = place == len(topics) - 1
            size = count - first if last or topic is None else len(topic.joints)
            parts.append(self._part(topic, first, size, same=same))
            first += size
        return parts

    def command(self, choice: Choice, count: int, state: Sequence[Part]) -> list[CommandPart]:
        """The command's parts."""
        numbers = [number for part in state for number in part.numbers]
        if not choice.topics:
            alone = state[0] if len(state) == 1 else None
            lent = alone is not None and len(numbers) == count
            part = Part(None, tuple(numbers) if lent else self._unknown(count))
            return [CommandPart(part, alone, lent)]
        owners = pair(choice.topics, [part.topic for part in state if part.topic is not None])
        if len(choice.topics) == 1 and len(numbers) == count:
            (topic,) = choice.topics
            own = state[0] if len(state) == 1 else None
            return [CommandPart(Part(topic, tuple(numbers)), own, own is not None)]
        parts, first = [], 0
        for place, (topic, owner) in enumerate(zip(choice.topics, owners, strict=True)):
            own = next((part for part in state if part.topic is owner and owner is not None), None)
            last = place == len(choice.topics) - 1
            size = count - first if last else len(topic.joints) or len(own.numbers if own else ())
            part = self._commanded(topic, own, first, size)
            lent = own is not None and not part.fields and part.numbers == own.numbers
            parts.append(CommandPart(part, own, lent))
            first += size
        return parts

    def _part(self, topic: SeenTopic | None, first: int, size: int, *, same: bool) -> Part:
        known = list(self.known[first : first + size])
        data = None if self.data is None else self.data[first : first + size]
        if topic is None:
            names = known if len(known) == size else [""] * size
            ordered, values = Ordered(names, "", {}), {}
        elif topic.type == FLOAT64_MULTI_ARRAY:
            names = known if len(known) == size else [f"joint_{first + k}" for k in range(size)]
            values = {
                name: topic.values.get(f"data[{place}]", np.zeros(0))
                for place, name in enumerate(names)
            }
            ordered = Ordered(names, "as the array has them; it has no names", {})
        elif VALUE_TYPES[topic.type].named:
            values = dict(topic.values)
            ordered = order_joints(size, topic.joints, data, values, known)
        else:
            return self._fields(topic, first, size)
        slides = {name: joint.slides for name, joint in self.seen.description.items()}
        units = joint_units(ordered.names, data, values, slides)
        numbers = [
            Number(
                name,
                unit,
                self._bound(name, unit, first + place, self._stood(topic, name, values), same=same),
                tuple(ordered.open.get(place, ())),
            )
            for place, (name, unit) in enumerate(zip(ordered.names, units, strict=True))
        ]
        return Part(topic, tuple(numbers), ordered.why)

    def _bound(
        self,
        name: str,
        unit: JointUnit,
        row: int,
        stood: Sequence[npt.NDArray[np.float64]],
        *,
        same: bool,
    ) -> Bound:
        data = [self.state_data] if not same else [self.action_data, self.state_data]
        went = [each[row] for each in data if each is not None and row < len(each)]
        return bound(name, unit, went, stood, self.seen.description)

    def _stood(
        self,
        topic: SeenTopic | None,
        name: str,
        values: Mapping[str, npt.NDArray[np.float64]],
    ) -> list[npt.NDArray[np.float64]]:
        """Where a joint stood and was sent to; another arm may have one of the same name."""
        commands = self.commanded.get(topic.name, ()) if topic is not None else ()
        each = [values, *(command.values for command in commands)]
        return [one[name] for one in each if name and name in one]

    def _commanded(self, topic: SeenTopic, own: Part | None, first: int, size: int) -> Part:
        """What one of several topics takes, or one that takes other numbers than the state's."""
        if not VALUE_TYPES[topic.type].named and topic.type != FLOAT64_MULTI_ARRAY:
            return self._fields(topic, first, size, action=True)
        mine = own.numbers if own is not None else ()
        names = [number.name for number in mine]
        if topic.type != FLOAT64_MULTI_ARRAY and topic.joints and {*topic.joints} != {*names}:
            known = {number.name: number for number in mine}
            units = {number.name: number.unit for number in mine}
            common = next((unit for unit in units.values() if unit), JointUnit("", "rad or deg?"))
            numbers = [
                known.get(name) or self._other(topic, name, common, first + place)
                for place, name in enumerate(topic.joints[:size])
            ]
            return Part(topic, tuple(numbers))
        short = self._unknown(size - len(mine))
        return Part(topic, (*mine[:size], *short))

    def _other(self, topic: SeenTopic, name: str, unit: JointUnit, row: int) -> Number:
        """A joint that is commanded and is not in the state."""
        went = [self.action_data[row]] if self.action_data and row < len(self.action_data) else []
        seen = [topic.values[name]] if name in topic.values else []
        return Number(name, unit, bound(name, unit, went, seen, self.seen.description))

    def _fields(self, topic: SeenTopic, first: int, size: int, *, action: bool = False) -> Part:
        data = self.action_data if action else None
        numbers = []
        for place, name in enumerate(topic.joints[:size]):
            row = first + place
            limits = None
            if data is not None and row < len(data):
                ends = data[row].at_most
                most = max(abs(ends.lower), abs(ends.upper), 0.01)
                limits = (-most, most)
            numbers.append(Number(name, None, Bound(limits, "")))
        return Part(topic, (*numbers, *self._unknown(size - len(numbers))))

    @staticmethod
    def _unknown(count: int) -> tuple[Number, ...]:
        return (Number("", None, Bound(None, "")),) * max(0, count)
