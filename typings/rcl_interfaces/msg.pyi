# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from array import array
from collections.abc import Sequence, Set
from typing import Any, ClassVar, TypeAlias

from builtin_interfaces.msg import Time
from numpy.typing import NDArray

_Ints: TypeAlias = Sequence[int] | Set[int] | NDArray[Any]
_Floats: TypeAlias = Sequence[float] | Set[float] | NDArray[Any]
_Texts: TypeAlias = list[str] | tuple[str, ...] | Set[str]

class FloatingPointRange:
    def __init__(
        self,
        *,
        from_value: float = ...,
        to_value: float = ...,
        step: float = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    from_value: float
    to_value: float
    step: float

class IntegerRange:
    def __init__(
        self,
        *,
        from_value: int = ...,
        to_value: int = ...,
        step: int = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    from_value: int
    to_value: int
    step: int

class ListParametersResult:
    def __init__(
        self,
        *,
        names: _Texts = ...,
        prefixes: _Texts = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    @property
    def names(self) -> list[str]: ...
    @names.setter
    def names(self, value: _Texts) -> None: ...
    @property
    def prefixes(self) -> list[str]: ...
    @prefixes.setter
    def prefixes(self, value: _Texts) -> None: ...

class Log:
    DEBUG: ClassVar[int]
    INFO: ClassVar[int]
    WARN: ClassVar[int]
    ERROR: ClassVar[int]
    FATAL: ClassVar[int]
    def __init__(
        self,
        *,
        stamp: Time = ...,
        level: int = ...,
        name: str = ...,
        msg: str = ...,
        file: str = ...,
        function: str = ...,
        line: int = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    stamp: Time
    level: int
    name: str
    msg: str
    file: str
    function: str
    line: int

class LoggerLevel:
    LOG_LEVEL_UNKNOWN: ClassVar[int]
    LOG_LEVEL_DEBUG: ClassVar[int]
    LOG_LEVEL_INFO: ClassVar[int]
    LOG_LEVEL_WARN: ClassVar[int]
    LOG_LEVEL_ERROR: ClassVar[int]
    LOG_LEVEL_FATAL: ClassVar[int]
    def __init__(
        self,
        *,
        name: str = ...,
        level: int = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    name: str
    level: int

class Parameter:
    def __init__(
        self,
        *,
        name: str = ...,
        value: ParameterValue = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    name: str
    value: ParameterValue

class ParameterDescriptor:
    def __init__(
        self,
        *,
        name: str = ...,
        type: int = ...,
        description: str = ...,
        additional_constraints: str = ...,
        read_only: bool = ...,
        dynamic_typing: bool = ...,
        floating_point_range: Sequence[FloatingPointRange] | Set[FloatingPointRange] = ...,
        integer_range: Sequence[IntegerRange] | Set[IntegerRange] = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    name: str
    type: int
    description: str
    additional_constraints: str
    read_only: bool
    dynamic_typing: bool
    @property
    def floating_point_range(self) -> list[FloatingPointRange]: ...
    @floating_point_range.setter
    def floating_point_range(self, value: Sequence[FloatingPointRange] | Set[FloatingPointRange]) -> None: ...
    @property
    def integer_range(self) -> list[IntegerRange]: ...
    @integer_range.setter
    def integer_range(self, value: Sequence[IntegerRange] | Set[IntegerRange]) -> None: ...

class ParameterEvent:
    def __init__(
        self,
        *,
        stamp: Time = ...,
        node: str = ...,
        new_parameters: Sequence[Parameter] | Set[Parameter] = ...,
        changed_parameters: Sequence[Parameter] | Set[Parameter] = ...,
        deleted_parameters: Sequence[Parameter] | Set[Parameter] = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    stamp: Time
    node: str
    @property
    def new_parameters(self) -> list[Parameter]: ...
    @new_parameters.setter
    def new_parameters(self, value: Sequence[Parameter] | Set[Parameter]) -> None: ...
    @property
    def changed_parameters(self) -> list[Parameter]: ...
    @changed_parameters.setter
    def changed_parameters(self, value: Sequence[Parameter] | Set[Parameter]) -> None: ...
    @property
    def deleted_parameters(self) -> list[Parameter]: ...
    @deleted_parameters.setter
    def deleted_parameters(self, value: Sequence[Parameter] | Set[Parameter]) -> None: ...

class ParameterType:
    PARAMETER_NOT_SET: ClassVar[int]
    PARAMETER_BOOL: ClassVar[int]
    PARAMETER_INTEGER: ClassVar[int]
    PARAMETER_DOUBLE: ClassVar[int]
    PARAMETER_STRING: ClassVar[int]
    PARAMETER_BYTE_ARRAY: ClassVar[int]
    PARAMETER_BOOL_ARRAY: ClassVar[int]
    PARAMETER_INTEGER_ARRAY: ClassVar[int]
    PARAMETER_DOUBLE_ARRAY: ClassVar[int]
    PARAMETER_STRING_ARRAY: ClassVar[int]
    def __init__(
        self,
        *,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...

class ParameterValue:
    def __init__(
        self,
        *,
        type: int = ...,
        bool_value: bool = ...,
        integer_value: int = ...,
        double_value: float = ...,
        string_value: str = ...,
        byte_array_value: Sequence[bytes] | Set[bytes] = ...,
        bool_array_value: Sequence[bool] | Set[bool] = ...,
        integer_array_value: _Ints = ...,
        double_array_value: _Floats = ...,
        string_array_value: _Texts = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    type: int
    bool_value: bool
    integer_value: int
    double_value: float
    string_value: str
    @property
    def byte_array_value(self) -> list[bytes]: ...
    @byte_array_value.setter
    def byte_array_value(self, value: Sequence[bytes] | Set[bytes]) -> None: ...
    @property
    def bool_array_value(self) -> list[bool]: ...
    @bool_array_value.setter
    def bool_array_value(self, value: Sequence[bool] | Set[bool]) -> None: ...
    @property
    def integer_array_value(self) -> array[int]: ...
    @integer_array_value.setter
    def integer_array_value(self, value: _Ints) -> None: ...
    @property
    def double_array_value(self) -> array[float]: ...
    @double_array_value.setter
    def double_array_value(self, value: _Floats) -> None: ...
    @property
    def string_array_value(self) -> list[str]: ...
    @string_array_value.setter
    def string_array_value(self, value: _Texts) -> None: ...

class SetLoggerLevelsResult:
    def __init__(
        self,
        *,
        successful: bool = ...,
        reason: str = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    successful: bool
    reason: str

class SetParametersResult:
    def __init__(
        self,
        *,
        successful: bool = ...,
        reason: str = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    successful: bool
    reason: str
