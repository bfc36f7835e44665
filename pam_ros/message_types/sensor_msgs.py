# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.
"""Messages of sensor_msgs by their fields. Only for annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pam_ros.message_types.std_msgs import Header


class CompressedImage(Protocol):
    """A sensor_msgs/msg/CompressedImage."""

    format: str

    @property
    def header(self) -> Header: ...

    @header.setter
    def header(self, value: Any) -> None: ...

    @property
    def data(self) -> Sequence[int] | NDArray[Any]: ...

    @data.setter
    def data(self, value: Sequence[int] | NDArray[Any]) -> None: ...


class Image(Protocol):
    """A sensor_msgs/msg/Image."""

    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int

    @property
    def header(self) -> Header: ...

    @header.setter
    def header(self, value: Any) -> None: ...

    @property
    def data(self) -> Sequence[int] | NDArray[Any]: ...

    @data.setter
    def data(self, value: Sequence[int] | NDArray[Any]) -> None: ...


class JointState(Protocol):
    """A sensor_msgs/msg/JointState."""

    @property
    def header(self) -> Header: ...

    @header.setter
    def header(self, value: Any) -> None: ...

    @property
    def name(self) -> Sequence[str]: ...

    @name.setter
    def name(self, value: list[str]) -> None: ...

    @property
    def position(self) -> Sequence[float] | NDArray[Any]: ...

    @position.setter
    def position(self, value: Sequence[float] | NDArray[Any]) -> None: ...

    @property
    def velocity(self) -> Sequence[float] | NDArray[Any]: ...

    @velocity.setter
    def velocity(self, value: Sequence[float] | NDArray[Any]) -> None: ...

    @property
    def effort(self) -> Sequence[float] | NDArray[Any]: ...

    @effort.setter
    def effort(self, value: Sequence[float] | NDArray[Any]) -> None: ...
