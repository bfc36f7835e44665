# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from collections.abc import Sequence, Set
from typing import TypeAlias

from lifecycle_msgs.msg import State
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.msg import TransitionDescription
from rclpy_cyclone.types.messages import ServiceType

class ChangeState_Request:
    def __init__(
        self,
        *,
        transition: Transition = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    transition: Transition

class ChangeState_Response:
    def __init__(
        self,
        *,
        success: bool = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    success: bool

class ChangeState(ServiceType[ChangeState_Request, ChangeState_Response]):
    Request: TypeAlias = ChangeState_Request
    Response: TypeAlias = ChangeState_Response

class GetAvailableStates_Request:
    def __init__(
        self,
        *,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...

class GetAvailableStates_Response:
    def __init__(
        self,
        *,
        available_states: Sequence[State] | Set[State] = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    @property
    def available_states(self) -> list[State]: ...
    @available_states.setter
    def available_states(self, value: Sequence[State] | Set[State]) -> None: ...

class GetAvailableStates(ServiceType[GetAvailableStates_Request, GetAvailableStates_Response]):
    Request: TypeAlias = GetAvailableStates_Request
    Response: TypeAlias = GetAvailableStates_Response

class GetAvailableTransitions_Request:
    def __init__(
        self,
        *,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...

class GetAvailableTransitions_Response:
    def __init__(
        self,
        *,
        available_transitions: Sequence[TransitionDescription] | Set[TransitionDescription] = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    @property
    def available_transitions(self) -> list[TransitionDescription]: ...
    @available_transitions.setter
    def available_transitions(self, value: Sequence[TransitionDescription] | Set[TransitionDescription]) -> None: ...

class GetAvailableTransitions(ServiceType[GetAvailableTransitions_Request, GetAvailableTransitions_Response]):
    Request: TypeAlias = GetAvailableTransitions_Request
    Response: TypeAlias = GetAvailableTransitions_Response

class GetState_Request:
    def __init__(
        self,
        *,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...

class GetState_Response:
    def __init__(
        self,
        *,
        current_state: State = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    current_state: State

class GetState(ServiceType[GetState_Request, GetState_Response]):
    Request: TypeAlias = GetState_Request
    Response: TypeAlias = GetState_Response
