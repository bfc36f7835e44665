# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from typing import ClassVar

class State:
    PRIMARY_STATE_UNKNOWN: ClassVar[int]
    PRIMARY_STATE_UNCONFIGURED: ClassVar[int]
    PRIMARY_STATE_INACTIVE: ClassVar[int]
    PRIMARY_STATE_ACTIVE: ClassVar[int]
    PRIMARY_STATE_FINALIZED: ClassVar[int]
    TRANSITION_STATE_CONFIGURING: ClassVar[int]
    TRANSITION_STATE_CLEANINGUP: ClassVar[int]
    TRANSITION_STATE_SHUTTINGDOWN: ClassVar[int]
    TRANSITION_STATE_ACTIVATING: ClassVar[int]
    TRANSITION_STATE_DEACTIVATING: ClassVar[int]
    TRANSITION_STATE_ERRORPROCESSING: ClassVar[int]
    def __init__(
        self,
        *,
        id: int = ...,
        label: str = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    id: int
    label: str

class Transition:
    TRANSITION_CREATE: ClassVar[int]
    TRANSITION_CONFIGURE: ClassVar[int]
    TRANSITION_CLEANUP: ClassVar[int]
    TRANSITION_ACTIVATE: ClassVar[int]
    TRANSITION_DEACTIVATE: ClassVar[int]
    TRANSITION_UNCONFIGURED_SHUTDOWN: ClassVar[int]
    TRANSITION_INACTIVE_SHUTDOWN: ClassVar[int]
    TRANSITION_ACTIVE_SHUTDOWN: ClassVar[int]
    TRANSITION_DESTROY: ClassVar[int]
    TRANSITION_ON_CONFIGURE_SUCCESS: ClassVar[int]
    TRANSITION_ON_CONFIGURE_FAILURE: ClassVar[int]
    TRANSITION_ON_CONFIGURE_ERROR: ClassVar[int]
    TRANSITION_ON_CLEANUP_SUCCESS: ClassVar[int]
    TRANSITION_ON_CLEANUP_FAILURE: ClassVar[int]
    TRANSITION_ON_CLEANUP_ERROR: ClassVar[int]
    TRANSITION_ON_ACTIVATE_SUCCESS: ClassVar[int]
    TRANSITION_ON_ACTIVATE_FAILURE: ClassVar[int]
    TRANSITION_ON_ACTIVATE_ERROR: ClassVar[int]
    TRANSITION_ON_DEACTIVATE_SUCCESS: ClassVar[int]
    TRANSITION_ON_DEACTIVATE_FAILURE: ClassVar[int]
    TRANSITION_ON_DEACTIVATE_ERROR: ClassVar[int]
    TRANSITION_ON_SHUTDOWN_SUCCESS: ClassVar[int]
    TRANSITION_ON_SHUTDOWN_FAILURE: ClassVar[int]
    TRANSITION_ON_SHUTDOWN_ERROR: ClassVar[int]
    TRANSITION_ON_ERROR_SUCCESS: ClassVar[int]
    TRANSITION_ON_ERROR_FAILURE: ClassVar[int]
    TRANSITION_ON_ERROR_ERROR: ClassVar[int]
    TRANSITION_CALLBACK_SUCCESS: ClassVar[int]
    TRANSITION_CALLBACK_FAILURE: ClassVar[int]
    TRANSITION_CALLBACK_ERROR: ClassVar[int]
    def __init__(
        self,
        *,
        id: int = ...,
        label: str = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    id: int
    label: str

class TransitionDescription:
    def __init__(
        self,
        *,
        transition: Transition = ...,
        start_state: State = ...,
        goal_state: State = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    transition: Transition
    start_state: State
    goal_state: State

class TransitionEvent:
    def __init__(
        self,
        *,
        timestamp: int = ...,
        transition: Transition = ...,
        start_state: State = ...,
        goal_state: State = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    timestamp: int
    transition: Transition
    start_state: State
    goal_state: State
