# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from collections.abc import Sequence, Set
from typing import ClassVar

from std_msgs.msg import Header

class DiagnosticArray:
    def __init__(
        self,
        *,
        header: Header = ...,
        status: Sequence[DiagnosticStatus] | Set[DiagnosticStatus] = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    header: Header
    @property
    def status(self) -> list[DiagnosticStatus]: ...
    @status.setter
    def status(self, value: Sequence[DiagnosticStatus] | Set[DiagnosticStatus]) -> None: ...

class DiagnosticStatus:
    OK: ClassVar[bytes]
    WARN: ClassVar[bytes]
    ERROR: ClassVar[bytes]
    STALE: ClassVar[bytes]
    def __init__(
        self,
        *,
        level: bytes = ...,
        name: str = ...,
        message: str = ...,
        hardware_id: str = ...,
        values: Sequence[KeyValue] | Set[KeyValue] = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    level: bytes
    name: str
    message: str
    hardware_id: str
    @property
    def values(self) -> list[KeyValue]: ...
    @values.setter
    def values(self, value: Sequence[KeyValue] | Set[KeyValue]) -> None: ...

class KeyValue:
    def __init__(
        self,
        *,
        key: str = ...,
        value: str = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    key: str
    value: str
