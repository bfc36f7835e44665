# SPDX-License-Identifier: Apache-2.0
"""A state as the messages that would have brought it: the way back from an observation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.robot.stamps import set_stamp
from pam_ros.robot.values.interface import Command
from pam_ros.robot.values.registry import STATE_TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from pam_ros.robot.contract import Contract
    from pam_ros.robot.parts import JointContract
    from pam_ros.robot.values.interface import New


def state_messages(
    contract: Contract, values: npt.NDArray[np.float64], stamp_ns: int, new: New
) -> Iterator[tuple[str, str, Any]]:
    """Topic, type and message of each topic of the state.

    Args:
        contract: of the robot.
        values: (joints,) of the state, in messages' units. What the state does not say of a joint
            that is commanded is 0.
        stamp_ns: of all messages [ns].
        new: makes an empty message by its type's name.
    """
    numbers = _numbers(contract, values)
    for topic, kind in contract.state.topics.items():
        known = STATE_TYPES[kind]
        here = [
            (joint, value) for (where, _, _), (joint, value) in numbers.items() if where == topic
        ]
        message = new(kind)
        # A JointState has positions, velocities and efforts of the same joints.
        fields = dict.fromkeys(joint.field for joint, _ in here) if known.named else {"": None}
        names = list(dict.fromkeys(joint.name for joint, _ in here))
        for field in fields:
            chosen = {j.name: (j, v) for j, v in here if not known.named or j.field == field}
            known.fill(message, _command(names, chosen, field, stamp_ns), new)
        if known.has_header:
            set_stamp(message.header.stamp, stamp_ns)
        yield topic, kind, message


def _command(
    names: list[str], chosen: dict[str, tuple[JointContract, float]], field: str, stamp_ns: int
) -> Command:
    fields = tuple(chosen[name][0].field if name in chosen else field for name in names)
    values = np.array([chosen[name][1] if name in chosen else 0.0 for name in names])
    return Command(tuple(names), values, stamp_ns, fields=fields)


def _numbers(
    contract: Contract, values: npt.NDArray[np.float64]
) -> dict[tuple[str, str, str], tuple[JointContract, float]]:
    """Every number of a topic by topic, name and field, each once."""
    found: dict[tuple[str, str, str], tuple[JointContract, float]] = {}
    for command in contract.command.parts:
        measured = command.measured
        if measured is not None:
            for joint in measured.joints:
                found[measured.topic, joint.name, joint.field] = (joint, 0.0)
    read = iter(values.tolist())
    for part in contract.state.parts:
        for joint in part.joints:
            value = next(read) if part.feature == contract.state.feature else 0.0
            found[part.topic, joint.name, joint.field] = (joint, value)
    return found
