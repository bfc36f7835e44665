# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from array import array
from collections.abc import Sequence, Set
from typing import Any, ClassVar, TypeAlias

from numpy.typing import NDArray
from rcl_interfaces.msg import ListParametersResult
from rcl_interfaces.msg import LoggerLevel
from rcl_interfaces.msg import Parameter
from rcl_interfaces.msg import ParameterDescriptor
from rcl_interfaces.msg import ParameterValue
from rcl_interfaces.msg import SetLoggerLevelsResult
from rcl_interfaces.msg import SetParametersResult
from rclpy_cyclone.types.messages import ServiceType

_Ints: TypeAlias = Sequence[int] | Set[int] | NDArray[Any]
_Texts: TypeAlias = list[str] | tuple[str, ...] | Set[str]

class DescribeParameters_Request:
    def __init__(
        self,
        *,
        names: _Texts = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    @property
    def names(self) -> list[str]: ...
    @names.setter
    def names(self, value: _Texts) -> None: ...

class DescribeParameters_Response:
    def __init__(
        self,
        *,
        descriptors: Sequence[ParameterDescriptor] | Set[ParameterDescriptor] = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    @property
    def descriptors(self) -> list[ParameterDescriptor]: ...
    @descriptors.setter
    def descriptors(self, value: Sequence[ParameterDescriptor] | Set[ParameterDescriptor]) -> None: ...

class DescribeParameters(ServiceType[DescribeParameters_Request, DescribeParameters_Response]):
    Request: TypeAlias = DescribeParameters_Request
    Response: TypeAlias = DescribeParameters_Response

class GetLoggerLevels_Request:
    def __init__(
        self,
        *,
        names: _Texts = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    @property
    def names(self) -> list[str]: ...
    @names.setter
    def names(self, value: _Texts) -> None: ...

class GetLoggerLevels_Response:
    def __init__(
        self,
        *,
        levels: Sequence[LoggerLevel] | Set[LoggerLevel] = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    @property
    def levels(self) -> list[LoggerLevel]: ...
    @levels.setter
    def levels(self, value: Sequence[LoggerLevel] | Set[LoggerLevel]) -> None: ...

class GetLoggerLevels(ServiceType[GetLoggerLevels_Request, GetLoggerLevels_Response]):
    Request: TypeAlias = GetLoggerLevels_Request
    Response: TypeAlias = GetLoggerLevels_Response

class GetParameterTypes_Request:
    def __init__(
        self,
        *,
        names: _Texts = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    @property
    def names(self) -> list[str]: ...
    @names.setter
    def names(self, value: _Texts) -> None: ...

class GetParameterTypes_Response:
    def __init__(
        self,
        *,
        types: _Ints = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    @property
    def types(self) -> array[int]: ...
    @types.setter
    def types(self, value: _Ints) -> None: ...

class GetParameterTypes(ServiceType[GetParameterTypes_Request, GetParameterTypes_Response]):
    Request: TypeAlias = GetParameterTypes_Request
    Response: TypeAlias = GetParameterTypes_Response

class GetParameters_Request:
    def __init__(
        self,
        *,
        names: _Texts = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    @property
    def names(self) -> list[str]: ...
    @names.setter
    def names(self, value: _Texts) -> None: ...

class GetParameters_Response:
    def __init__(
        self,
        *,
        values: Sequence[ParameterValue] | Set[ParameterValue] = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    @property
    def values(self) -> list[ParameterValue]: ...
    @values.setter
    def values(self, value: Sequence[ParameterValue] | Set[ParameterValue]) -> None: ...

class GetParameters(ServiceType[GetParameters_Request, GetParameters_Response]):
    Request: TypeAlias = GetParameters_Request
    Response: TypeAlias = GetParameters_Response

class ListParameters_Request:
    DEPTH_RECURSIVE: ClassVar[int]
    def __init__(
        self,
        *,
        prefixes: _Texts = ...,
        depth: int = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    @property
    def prefixes(self) -> list[str]: ...
    @prefixes.setter
    def prefixes(self, value: _Texts) -> None: ...
    depth: int

class ListParameters_Response:
    def __init__(
        self,
        *,
        result: ListParametersResult = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    result: ListParametersResult

class ListParameters(ServiceType[ListParameters_Request, ListParameters_Response]):
    Request: TypeAlias = ListParameters_Request
    Response: TypeAlias = ListParameters_Response

class SetLoggerLevels_Request:
    def __init__(
        self,
        *,
        levels: Sequence[LoggerLevel] | Set[LoggerLevel] = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    @property
    def levels(self) -> list[LoggerLevel]: ...
    @levels.setter
    def levels(self, value: Sequence[LoggerLevel] | Set[LoggerLevel]) -> None: ...

class SetLoggerLevels_Response:
    def __init__(
        self,
        *,
        results: Sequence[SetLoggerLevelsResult] | Set[SetLoggerLevelsResult] = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    @property
    def results(self) -> list[SetLoggerLevelsResult]: ...
    @results.setter
    def results(self, value: Sequence[SetLoggerLevelsResult] | Set[SetLoggerLevelsResult]) -> None: ...

class SetLoggerLevels(ServiceType[SetLoggerLevels_Request, SetLoggerLevels_Response]):
    Request: TypeAlias = SetLoggerLevels_Request
    Response: TypeAlias = SetLoggerLevels_Response

class SetParameters_Request:
    def __init__(
        self,
        *,
        parameters: Sequence[Parameter] | Set[Parameter] = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    @property
    def parameters(self) -> list[Parameter]: ...
    @parameters.setter
    def parameters(self, value: Sequence[Parameter] | Set[Parameter]) -> None: ...

class SetParameters_Response:
    def __init__(
        self,
        *,
        results: Sequence[SetParametersResult] | Set[SetParametersResult] = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    @property
    def results(self) -> list[SetParametersResult]: ...
    @results.setter
    def results(self, value: Sequence[SetParametersResult] | Set[SetParametersResult]) -> None: ...

class SetParameters(ServiceType[SetParameters_Request, SetParameters_Response]):
    Request: TypeAlias = SetParameters_Request
    Response: TypeAlias = SetParameters_Response

class SetParametersAtomically_Request:
    def __init__(
        self,
        *,
        parameters: Sequence[Parameter] | Set[Parameter] = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    @property
    def parameters(self) -> list[Parameter]: ...
    @parameters.setter
    def parameters(self, value: Sequence[Parameter] | Set[Parameter]) -> None: ...

class SetParametersAtomically_Response:
    def __init__(
        self,
        *,
        result: SetParametersResult = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    result: SetParametersResult

class SetParametersAtomically(ServiceType[SetParametersAtomically_Request, SetParametersAtomically_Response]):
    Request: TypeAlias = SetParametersAtomically_Request
    Response: TypeAlias = SetParametersAtomically_Response
