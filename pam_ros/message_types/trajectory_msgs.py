# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.
"""Messages of trajectory_msgs by their fields. Only for annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pam_ros.message_types.builtin_interfaces import Duration
    from pam_ros.message_types.std_msgs import Header


class JointTrajectory(Protocol):
    """A trajectory_msgs/msg/JointTrajectory."""

    @property
    def header(self) -> Header: ...

    @header.setter
    def header(self, value: Any) -> None: ...

    @property
    def joint_names(self) -> Sequence[str]: ...

    @joint_names.setter
    def joint_names(self, value: list[str]) -> None: ...

    @property
    def points(self) -> Sequence[JointTrajectoryPoint]: ...

    @points.setter
    def points(self, value: Any) -> None: ...


class JointTrajectoryPoint(Protocol):
    """A trajectory_msgs/msg/JointTrajectoryPoint."""

    @property
    def positions(self) -> Sequence[float] | NDArray[Any]: ...

    @positions.setter
    def positions(self, value: Sequence[float] | NDArray[Any]) -> None: ...

    @property
    def velocities(self) -> Sequence[float] | NDArray[Any]: ...

    @velocities.setter
    def velocities(self, value: Sequence[float] | NDArray[Any]) -> None: ...

    @property
    def accelerations(self) -> Sequence[float] | NDArray[Any]: ...

    @accelerations.setter
    def accelerations(self, value: Sequence[float] | NDArray[Any]) -> None: ...

    @property
    def effort(self) -> Sequence[float] | NDArray[Any]: ...

    @effort.setter
    def effort(self, value: Sequence[float] | NDArray[Any]) -> None: ...

    @property
    def time_from_start(self) -> Duration: ...

    @time_from_start.setter
    def time_from_start(self, value: Any) -> None: ...
