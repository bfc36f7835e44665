# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from array import array
from collections.abc import Sequence, Set
from typing import Any, TypeAlias

from builtin_interfaces.msg import Time
from numpy.typing import NDArray

_Floats: TypeAlias = Sequence[float] | Set[float] | NDArray[Any]

class Bool:
    def __init__(
        self,
        *,
        data: bool = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    data: bool

class Byte:
    def __init__(
        self,
        *,
        data: bytes = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    data: bytes

class ColorRGBA:
    def __init__(
        self,
        *,
        r: float = ...,
        g: float = ...,
        b: float = ...,
        a: float = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    r: float
    g: float
    b: float
    a: float

class Empty:
    def __init__(
        self,
        *,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...

class Float32:
    def __init__(
        self,
        *,
        data: float = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    data: float

class Float64MultiArray:
    def __init__(
        self,
        *,
        layout: MultiArrayLayout = ...,
        data: _Floats = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    layout: MultiArrayLayout
    @property
    def data(self) -> array[float]: ...
    @data.setter
    def data(self, value: _Floats) -> None: ...

class Header:
    def __init__(
        self,
        *,
        stamp: Time = ...,
        frame_id: str = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    stamp: Time
    frame_id: str

class Int32:
    def __init__(
        self,
        *,
        data: int = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    data: int

class Int8:
    def __init__(
        self,
        *,
        data: int = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    data: int

class MultiArrayDimension:
    def __init__(
        self,
        *,
        label: str = ...,
        size: int = ...,
        stride: int = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    label: str
    size: int
    stride: int

class MultiArrayLayout:
    def __init__(
        self,
        *,
        dim: Sequence[MultiArrayDimension] | Set[MultiArrayDimension] = ...,
        data_offset: int = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    @property
    def dim(self) -> list[MultiArrayDimension]: ...
    @dim.setter
    def dim(self, value: Sequence[MultiArrayDimension] | Set[MultiArrayDimension]) -> None: ...
    data_offset: int

class String:
    def __init__(
        self,
        *,
        data: str = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    data: str

class UInt8:
    def __init__(
        self,
        *,
        data: int = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    data: int
