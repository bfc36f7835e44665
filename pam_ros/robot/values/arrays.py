# SPDX-License-Identifier: Apache-2.0
"""Float64MultiArray: numbers in an order that both sides have to know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pam_ros.robot.errors import MessageError
from pam_ros.robot.values.interface import Points, ValueType
from pam_ros.robot.values.kinds import POSITION, field_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.message_types.std_msgs import Float64MultiArray
    from pam_ros.robot.values.interface import Address, Command, New

FLOAT64_MULTI_ARRAY = "std_msgs/msg/Float64MultiArray"


def place_of(field: str) -> int:
    """3 of data[3]."""
    return int(field[5:-1])


def _find(message: Any, wanted: Sequence[Address]) -> list[float | None]:
    places = [place_of(address.field) for address in wanted]
    if places and max(places) >= len(message.data):
        raise MessageError(
            f"the array has {len(message.data)} numbers; the contract reads data[{max(places)}]"
        )
    return [float(message.data[place]) for place in places]


def fill_float64_multi_array(message: Float64MultiArray, command: Command, _: New) -> None:
    """Fills a std_msgs/msg/Float64MultiArray, as controllers of ros2_control take it."""
    if not command.fields:
        message.data = command.values.tolist()
        return
    places = [place_of(field) for field in command.fields]
    data = [0.0] * (max(places) + 1)
    for place, value in zip(places, command.values.tolist(), strict=True):
        data[place] = value
    message.data = data


MULTI_ARRAY_TYPE = ValueType(
    FLOAT64_MULTI_ARRAY,
    named=False,
    state=True,
    command=True,
    has_header=False,
    stamped=False,
    # What the numbers are, only the contract knows: its key `kind` says.
    fields={"data[]": field_of(POSITION)},
    find=_find,
    fill=fill_float64_multi_array,
    points=lambda message: Points(None, [list(message.data)]),
    plot=lambda _, place: f"data[{place}]",
)
