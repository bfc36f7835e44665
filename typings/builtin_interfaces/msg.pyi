# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

class Duration:
    def __init__(
        self,
        *,
        sec: int = ...,
        nanosec: int = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    sec: int
    nanosec: int

class Time:
    def __init__(
        self,
        *,
        sec: int = ...,
        nanosec: int = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    sec: int
    nanosec: int
