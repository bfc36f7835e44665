# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from array import array
from collections.abc import Sequence, Set
from typing import Any, TypeAlias

from builtin_interfaces.msg import Duration
from numpy.typing import NDArray
from std_msgs.msg import Header

_Floats: TypeAlias = Sequence[float] | Set[float] | NDArray[Any]
_Texts: TypeAlias = list[str] | tuple[str, ...] | Set[str]

class JointTrajectory:
    def __init__(
        self,
        *,
        header: Header = ...,
        joint_names: _Texts = ...,
        points: Sequence[JointTrajectoryPoint] | Set[JointTrajectoryPoint] = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    header: Header
    @property
    def joint_names(self) -> list[str]: ...
    @joint_names.setter
    def joint_names(self, value: _Texts) -> None: ...
    @property
    def points(self) -> list[JointTrajectoryPoint]: ...
    @points.setter
    def points(self, value: Sequence[JointTrajectoryPoint] | Set[JointTrajectoryPoint]) -> None: ...

class JointTrajectoryPoint:
    def __init__(
        self,
        *,
        positions: _Floats = ...,
        velocities: _Floats = ...,
        accelerations: _Floats = ...,
        effort: _Floats = ...,
        time_from_start: Duration = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    @property
    def positions(self) -> array[float]: ...
    @positions.setter
    def positions(self, value: _Floats) -> None: ...
    @property
    def velocities(self) -> array[float]: ...
    @velocities.setter
    def velocities(self, value: _Floats) -> None: ...
    @property
    def accelerations(self) -> array[float]: ...
    @accelerations.setter
    def accelerations(self, value: _Floats) -> None: ...
    @property
    def effort(self) -> array[float]: ...
    @effort.setter
    def effort(self, value: _Floats) -> None: ...
    time_from_start: Duration
