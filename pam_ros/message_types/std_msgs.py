# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.
"""Messages of std_msgs by their fields. Only for annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pam_ros.message_types.builtin_interfaces import Time


class Float64MultiArray(Protocol):
    """A std_msgs/msg/Float64MultiArray."""

    @property
    def layout(self) -> MultiArrayLayout: ...

    @layout.setter
    def layout(self, value: Any) -> None: ...

    @property
    def data(self) -> Sequence[float] | NDArray[Any]: ...

    @data.setter
    def data(self, value: Sequence[float] | NDArray[Any]) -> None: ...


class Header(Protocol):
    """A std_msgs/msg/Header."""

    frame_id: str

    @property
    def stamp(self) -> Time: ...

    @stamp.setter
    def stamp(self, value: Any) -> None: ...


class MultiArrayDimension(Protocol):
    """A std_msgs/msg/MultiArrayDimension."""

    label: str
    size: int
    stride: int


class MultiArrayLayout(Protocol):
    """A std_msgs/msg/MultiArrayLayout."""

    data_offset: int

    @property
    def dim(self) -> Sequence[MultiArrayDimension]: ...

    @dim.setter
    def dim(self, value: Any) -> None: ...


class String(Protocol):
    """A std_msgs/msg/String."""

    data: str
