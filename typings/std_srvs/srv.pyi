# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from typing import TypeAlias

from rclpy_cyclone.types.messages import ServiceType

class Empty_Request:
    def __init__(
        self,
        *,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...

class Empty_Response:
    def __init__(
        self,
        *,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...

class Empty(ServiceType[Empty_Request, Empty_Response]):
    Request: TypeAlias = Empty_Request
    Response: TypeAlias = Empty_Response

class SetBool_Request:
    def __init__(
        self,
        *,
        data: bool = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    data: bool

class SetBool_Response:
    def __init__(
        self,
        *,
        success: bool = ...,
        message: str = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    success: bool
    message: str

class SetBool(ServiceType[SetBool_Request, SetBool_Response]):
    Request: TypeAlias = SetBool_Request
    Response: TypeAlias = SetBool_Response

class Trigger_Request:
    def __init__(
        self,
        *,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...

class Trigger_Response:
    def __init__(
        self,
        *,
        success: bool = ...,
        message: str = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    success: bool
    message: str

class Trigger(ServiceType[Trigger_Request, Trigger_Response]):
    Request: TypeAlias = Trigger_Request
    Response: TypeAlias = Trigger_Response
