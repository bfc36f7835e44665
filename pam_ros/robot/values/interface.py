# SPDX-License-Identifier: Apache-2.0
"""What a message type can do for a contract: whoever adds one fills in a ValueType."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import numpy.typing as npt

    from pam_ros.robot.values.kinds import Field

    New = Callable[[str], Any]


class Address(Protocol):
    """Which number of a message: that of a joint by name, or the field of this path."""

    @property
    def name(self) -> str:
        """Of the joint, or the field again."""
        ...

    @property
    def field(self) -> str:
        """position, velocity or effort of a joint; else a path such as linear.x or data[3]."""
        ...


@dataclass(frozen=True)
class Command:
    """The numbers of one message.

    Attributes:
        names: of the joints.
        values: (joints,) float64, in the units of messages.
        stamp_ns: when it is published [ns].
        period_s: how long the way there takes [s].
        fields: which number each is, as Address has it; none: the joints' positions in order.
        frame_id: of the header, if there is one.
    """

    names: tuple[str, ...]
    values: npt.NDArray[np.float64]
    stamp_ns: int = 0
    period_s: float = 0.0
    fields: tuple[str, ...] = ()
    frame_id: str = ""


@dataclass(frozen=True)
class Points:
    """The numbers in a message, for whoever plots them.

    Attributes:
        names: of the joints or fields; None if the type has no names.
        rows: of each point, in the order of the names, in the units of messages.
        seconds: of each point, counted from the message's stamp [s].
    """

    names: tuple[str, ...] | None
    rows: list[list[float]]
    seconds: list[float] = field(default_factory=lambda: [0.0])


@dataclass(frozen=True)
class ValueType:
    """A message type that carries numbers of a robot.

    Attributes:
        name: of the type.
        named: whether it names joints, whose messages may then hold some of them only.
        state: whether a contract may take its state from it.
        command: whether a contract may command by it.
        has_header: whether a message has a header.
        stamped: whether the header of a command says when it was published.
        fields: that it has; for a type that numbers its values, "data[]" stands for all of them.
        find: the numbers of a message at these addresses; None for a joint that a message of a
            named type leaves out. Raises MessageError if the message cannot be used.
        fill: writes a command into an empty message of the type.
        points: the numbers in a message, for a plot.
        plot: the path of a number in a message, by a field and its place in the message.
    """

    name: str
    named: bool
    state: bool
    command: bool
    has_header: bool
    stamped: bool
    fields: dict[str, Field]
    find: Callable[[Any, Sequence[Address]], list[float | None]]
    fill: Callable[[Any, Command, New], None]
    points: Callable[[Any], Points]
    plot: Callable[[str, int], str]

    def field(self, path: str) -> Field | None:
        """What the number at this path is; None if there is none."""
        numbered = path.startswith("data[") and path.endswith("]") and path[5:-1].isdecimal()
        return self.fields.get("data[]" if numbered else path)
