# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from collections.abc import Sequence, Set
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from std_msgs.msg import Header

_Floats: TypeAlias = Sequence[float] | Set[float] | NDArray[Any]

class Point:
    def __init__(
        self,
        *,
        x: float = ...,
        y: float = ...,
        z: float = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    x: float
    y: float
    z: float

class Pose:
    def __init__(
        self,
        *,
        position: Point = ...,
        orientation: Quaternion = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    position: Point
    orientation: Quaternion

class PoseWithCovariance:
    def __init__(
        self,
        *,
        pose: Pose = ...,
        covariance: _Floats = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    pose: Pose
    @property
    def covariance(self) -> NDArray[np.float64]: ...
    @covariance.setter
    def covariance(self, value: _Floats) -> None: ...

class Quaternion:
    def __init__(
        self,
        *,
        x: float = ...,
        y: float = ...,
        z: float = ...,
        w: float = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    x: float
    y: float
    z: float
    w: float

class Transform:
    def __init__(
        self,
        *,
        translation: Vector3 = ...,
        rotation: Quaternion = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    translation: Vector3
    rotation: Quaternion

class TransformStamped:
    def __init__(
        self,
        *,
        header: Header = ...,
        child_frame_id: str = ...,
        transform: Transform = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    header: Header
    child_frame_id: str
    transform: Transform

class Twist:
    def __init__(
        self,
        *,
        linear: Vector3 = ...,
        angular: Vector3 = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    linear: Vector3
    angular: Vector3

class Vector3:
    def __init__(
        self,
        *,
        x: float = ...,
        y: float = ...,
        z: float = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    x: float
    y: float
    z: float
