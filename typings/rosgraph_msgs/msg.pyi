# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from builtin_interfaces.msg import Time

class Clock:
    def __init__(
        self,
        *,
        clock: Time = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    clock: Time
