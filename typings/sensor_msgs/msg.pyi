# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from array import array
from collections.abc import Sequence, Set
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from std_msgs.msg import Header

_Ints: TypeAlias = Sequence[int] | Set[int] | NDArray[Any]
_Floats: TypeAlias = Sequence[float] | Set[float] | NDArray[Any]
_Texts: TypeAlias = list[str] | tuple[str, ...] | Set[str]

class CameraInfo:
    def __init__(
        self,
        *,
        header: Header = ...,
        height: int = ...,
        width: int = ...,
        distortion_model: str = ...,
        d: _Floats = ...,
        k: _Floats = ...,
        r: _Floats = ...,
        p: _Floats = ...,
        binning_x: int = ...,
        binning_y: int = ...,
        roi: RegionOfInterest = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    header: Header
    height: int
    width: int
    distortion_model: str
    @property
    def d(self) -> array[float]: ...
    @d.setter
    def d(self, value: _Floats) -> None: ...
    @property
    def k(self) -> NDArray[np.float64]: ...
    @k.setter
    def k(self, value: _Floats) -> None: ...
    @property
    def r(self) -> NDArray[np.float64]: ...
    @r.setter
    def r(self, value: _Floats) -> None: ...
    @property
    def p(self) -> NDArray[np.float64]: ...
    @p.setter
    def p(self, value: _Floats) -> None: ...
    binning_x: int
    binning_y: int
    roi: RegionOfInterest

class CompressedImage:
    def __init__(
        self,
        *,
        header: Header = ...,
        format: str = ...,
        data: _Ints = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    header: Header
    format: str
    @property
    def data(self) -> array[int]: ...
    @data.setter
    def data(self, value: _Ints) -> None: ...

class Image:
    def __init__(
        self,
        *,
        header: Header = ...,
        height: int = ...,
        width: int = ...,
        encoding: str = ...,
        is_bigendian: int = ...,
        step: int = ...,
        data: _Ints = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    header: Header
    height: int
    width: int
    encoding: str
    is_bigendian: int
    step: int
    @property
    def data(self) -> array[int]: ...
    @data.setter
    def data(self, value: _Ints) -> None: ...

class JointState:
    def __init__(
        self,
        *,
        header: Header = ...,
        name: _Texts = ...,
        position: _Floats = ...,
        velocity: _Floats = ...,
        effort: _Floats = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    header: Header
    @property
    def name(self) -> list[str]: ...
    @name.setter
    def name(self, value: _Texts) -> None: ...
    @property
    def position(self) -> array[float]: ...
    @position.setter
    def position(self, value: _Floats) -> None: ...
    @property
    def velocity(self) -> array[float]: ...
    @velocity.setter
    def velocity(self, value: _Floats) -> None: ...
    @property
    def effort(self) -> array[float]: ...
    @effort.setter
    def effort(self, value: _Floats) -> None: ...

class RegionOfInterest:
    def __init__(
        self,
        *,
        x_offset: int = ...,
        y_offset: int = ...,
        height: int = ...,
        width: int = ...,
        do_rectify: bool = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    x_offset: int
    y_offset: int
    height: int
    width: int
    do_rectify: bool
