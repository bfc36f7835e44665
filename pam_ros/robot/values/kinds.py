# SPDX-License-Identifier: Apache-2.0
"""What a number says of a robot, the units it may be in, and how a command of it is bounded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEGREES = 180.0 / math.pi


@dataclass(frozen=True)
class Unit:
    """A unit that the policy's numbers may be in.

    Attributes:
        in_messages: what the same quantity is in on a topic, for people; empty for a bare number.
        factor: the policy's number per number in a message; that of percent is the joint's range.
    """

    in_messages: str
    factor: float = 1.0


UNITS: Mapping[str, Unit] = MappingProxyType(
    {
        "rad": Unit("rad"),
        "deg": Unit("rad", _DEGREES),
        "percent": Unit("rad"),
        "m": Unit("m"),
        "rad/s": Unit("rad/s"),
        "deg/s": Unit("rad/s", _DEGREES),
        "m/s": Unit("m/s"),
        "N.m": Unit("N.m"),
        "N": Unit("N"),
        "none": Unit(""),
    }
)
"""By the word that a contract has."""


@dataclass(frozen=True)
class Kind:
    """A kind of numbers.

    Attributes:
        name: of the kind, in a contract and in messages for people.
        units: that its numbers may be in, the usual one first.
        rate_key: the contract's key for how much a command of it may change in a second.
        latches: whether holding is to command the last value again; if not, it is to command 0.
    """

    name: str
    units: tuple[str, ...]
    rate_key: str
    latches: bool


POSITION = Kind("position", ("rad", "deg", "percent", "m", "none"), "max_velocity", latches=True)
VELOCITY = Kind("velocity", ("rad/s", "deg/s", "m/s", "none"), "max_acceleration", latches=False)
EFFORT = Kind("effort", ("N.m", "N", "none"), "max_effort_rate", latches=False)
KINDS: Mapping[str, Kind] = MappingProxyType(
    {kind.name: kind for kind in (POSITION, VELOCITY, EFFORT)}
)
"""By name."""


@dataclass(frozen=True)
class Field:
    """A number that messages of a type have, or one of each joint.

    Attributes:
        kind: of the number.
        units: that a contract may give for it, the usual one first.
    """

    kind: Kind
    units: tuple[str, ...]


def field_of(kind: Kind, *units: str) -> Field:
    """A field of this kind, in these units or in any of the kind."""
    return Field(kind, units or kind.units)
