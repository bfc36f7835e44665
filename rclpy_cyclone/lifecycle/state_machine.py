# SPDX-License-Identifier: Apache-2.0
"""The state machine of managed nodes: rcl_lifecycle's default one, with its ids and labels."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple

from rclpy_cyclone.errors.middleware import RCLError
from rclpy_cyclone.logging import loggers
from rclpy_cyclone.qos.profile import QoSProfile
from rclpy_cyclone.types.messages import message_class

if TYPE_CHECKING:
    from rclpy_cyclone.entities.publisher import Publisher
    from rclpy_cyclone.entities.service import Service
    from rclpy_cyclone.node.node import Node

_State: Any = message_class("lifecycle_msgs/msg/State")
_Transition: Any = message_class("lifecycle_msgs/msg/Transition")
_TransitionEvent: Any = message_class("lifecycle_msgs/msg/TransitionEvent")


class TransitionCallbackReturnType(Enum):
    """What the callback of a transition says about it."""

    SUCCESS = _Transition.TRANSITION_CALLBACK_SUCCESS
    FAILURE = _Transition.TRANSITION_CALLBACK_FAILURE
    ERROR = _Transition.TRANSITION_CALLBACK_ERROR

    def to_label(self) -> str:
        """The label of the transition that follows."""
        return f"transition_{self.name.lower()}"


class Transition(NamedTuple):
    """One arrow of the machine, as the services describe it."""

    id: int
    label: str
    start_id: int
    start: str
    goal_id: int
    goal: str


_PRIMARY = ("unknown", "unconfigured", "inactive", "active", "finalized")
_PASSING = (
    "configuring", "cleaningup", "shuttingdown", "activating", "deactivating", "errorprocessing",
)  # fmt: skip
_STATES: dict[str, int] = {
    **{name: getattr(_State, f"PRIMARY_STATE_{name.upper()}") for name in _PRIMARY},
    **{name: getattr(_State, f"TRANSITION_STATE_{name.upper()}") for name in _PASSING},
}
# A transition, the state in which its callback runs, and where success and failure lead.
_CALLBACKS = (
    ("configure", "configuring", "inactive", "unconfigured"),
    ("cleanup", "cleaningup", "unconfigured", "inactive"),
    ("activate", "activating", "active", "inactive"),
    ("deactivate", "deactivating", "inactive", "active"),
    ("shutdown", "shuttingdown", "finalized", "finalized"),
    ("error", "errorprocessing", "unconfigured", "finalized"),
)
_STARTS = {
    "configure": ("unconfigured",),
    "cleanup": ("inactive",),
    "activate": ("inactive",),
    "deactivate": ("active",),
    "shutdown": ("unconfigured", "inactive", "active"),
    "error": (),
}


def _transition(constant: str, label: str, start: str, goal: str) -> Transition:
    number = getattr(_Transition, f"TRANSITION_{constant.upper()}")
    return Transition(number, label, _STATES[start], start, _STATES[goal], goal)


def _transitions() -> list[Transition]:
    """Every transition, in rcl_lifecycle's order."""
    found = []
    for label, passing, success, failure in _CALLBACKS:
        for start in _STARTS[label]:
            constant = f"{start}_shutdown" if label == "shutdown" else label
            found.append(_transition(constant, label, start, passing))
        error = "finalized" if label == "error" else "errorprocessing"
        for end, goal in (("success", success), ("failure", failure), ("error", error)):
            found.append(_transition(f"on_{label}_{end}", f"transition_{end}", passing, goal))
    return found


_TRANSITIONS = _transitions()


class LifecycleStateMachine:
    """The state of one managed node; each change is published on ~/transition_event.

    The services are those that the node offers, None where it offers none.
    """

    service_change_state: Service | None = None
    service_get_state: Service | None = None
    service_get_available_states: Service | None = None
    service_get_available_transitions: Service | None = None
    service_get_transition_graph: Service | None = None

    def __init__(self, node: Node, enable_com_interface: bool) -> None:
        if not isinstance(enable_com_interface, bool):
            raise TypeError(
                "LifecycleStateMachine(): enable_com_interface is no bool: "
                f"{enable_com_interface!r}"
            )
        self._state = "unconfigured"
        self._publisher: Publisher[Any] = node._create_unlisted_publisher(
            _TransitionEvent, "~/transition_event", QoSProfile(depth=10)
        )

    @property
    def initialized(self) -> bool:
        """Whether the machine has a state: always, here."""
        return True

    @property
    def current_state(self) -> tuple[int, str]:
        """Id and label of the state."""
        return _STATES[self._state], self._state

    @property
    def available_states(self) -> list[tuple[int, str]]:
        """Ids and labels of all states."""
        return [(number, label) for label, number in _STATES.items()]

    @property
    def available_transitions(self) -> list[Transition]:
        """The transitions out of the current state."""
        return [t for t in _TRANSITIONS if t.start == self._state]

    @property
    def transition_graph(self) -> list[Transition]:
        """All transitions."""
        return list(_TRANSITIONS)

    def _find(self, key: int | str) -> Transition | None:
        """The transition of this id or label out of the current state."""
        for transition in self.available_transitions:
            if key in (transition.id, transition.label):
                return transition
        loggers.get_logger("rcl_lifecycle").warning(
            f"No transition matching {key} found for current state {self._state}"
        )
        return None

    def get_transition_by_label(self, label: str) -> int:
        """The id of a transition out of the current state.

        Raises:
            RCLError: there is none of this label.

        """
        transition = self._find(label)
        if transition is None:
            raise RCLError("Failed to get transition from label")
        return transition.id

    def trigger_transition_by_id(self, transition_id: int, publish_update: bool) -> None:
        """Go along a transition out of the current state.

        Raises:
            RCLError: there is none of this id.

        """
        self._trigger(transition_id, publish_update=publish_update)

    def trigger_transition_by_label(self, label: str, publish_update: bool) -> None:
        """Go along a transition out of the current state.

        Raises:
            RCLError: there is none of this label.

        """
        self._trigger(label, publish_update=publish_update)

    def _trigger(self, key: int | str, *, publish_update: bool) -> None:
        transition = self._find(key)
        if transition is None:
            raise RCLError(
                "Failed to trigger lifecycle state machine transition: "
                "Transition is not registered."
            )
        self._state = transition.goal
        if publish_update:
            # As rcl_lifecycle does, without a timestamp and without the transition.
            event = _TransitionEvent()
            event.start_state.id, event.start_state.label = transition.start_id, transition.start
            event.goal_state.id, event.goal_state.label = transition.goal_id, transition.goal
            self._publisher.publish(event)
