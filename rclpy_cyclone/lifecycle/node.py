# SPDX-License-Identifier: Apache-2.0
"""rclpy.lifecycle.node: a node whose state others can read and change by services."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any, NamedTuple

from rclpy_cyclone.errors.middleware import RCLError
from rclpy_cyclone.node.node import Node
from rclpy_cyclone.types.messages import message_class, service_class

from .managed_entity import ManagedEntity
from .publisher import LifecyclePublisher
from .state_machine import LifecycleStateMachine
from .state_machine import TransitionCallbackReturnType as TransitionCallbackReturn

if TYPE_CHECKING:
    from collections.abc import Callable

    from rclpy_cyclone.executors.callback_groups import CallbackGroup

    from .state_machine import Transition as _Arrow

_State: Any = message_class("lifecycle_msgs/msg/State")
_Transition: Any = message_class("lifecycle_msgs/msg/Transition")
_TransitionDescription: Any = message_class("lifecycle_msgs/msg/TransitionDescription")


class LifecycleState(NamedTuple):
    """A state by its label and its number in lifecycle_msgs/msg/State."""

    label: str
    state_id: int


def _as_node(mixin: LifecycleNodeMixin) -> Node:
    assert isinstance(mixin, Node)
    return mixin


class LifecycleNodeMixin(ManagedEntity):
    """What a managed node has beside a Node; Node.__init__() must have run before."""

    def __init__(
        self,
        *,
        enable_communication_interface: bool = True,
        callback_group: CallbackGroup | None = None,
    ) -> None:
        """Start in the state unconfigured.

        Args:
            enable_communication_interface: Whether to offer the five services.
            callback_group: The group of these services.

        """
        self._callbacks: dict[int, Callable[[LifecycleState], TransitionCallbackReturn]] = {
            _State.TRANSITION_STATE_CONFIGURING: self.on_configure,
            _State.TRANSITION_STATE_CLEANINGUP: self.on_cleanup,
            _State.TRANSITION_STATE_SHUTTINGDOWN: self.on_shutdown,
            _State.TRANSITION_STATE_ACTIVATING: self.on_activate,
            _State.TRANSITION_STATE_DEACTIVATING: self.on_deactivate,
            _State.TRANSITION_STATE_ERRORPROCESSING: self.on_error,
        }
        self._managed_entities: set[ManagedEntity] = set()
        self._state_machine = LifecycleStateMachine(_as_node(self), enable_communication_interface)
        if enable_communication_interface:
            self._offer_services(callback_group)

    def _offer_services(self, group: CallbackGroup | None) -> None:
        services: dict[str, tuple[str, Callable[[Any, Any], Any]]] = {
            "change_state": ("ChangeState", self._on_change_state),
            "get_state": ("GetState", self._on_get_state),
            "get_available_states": ("GetAvailableStates", self._on_get_available_states),
            "get_available_transitions": (
                "GetAvailableTransitions", self._on_get_available_transitions,
            ),
            "get_transition_graph": ("GetAvailableTransitions", self._on_get_transition_graph),
        }  # fmt: skip
        for name, (kind, callback) in services.items():
            service = Node.create_service(
                _as_node(self),
                service_class(f"lifecycle_msgs/srv/{kind}"),
                f"~/{name}",
                callback,
                callback_group=group,
            )
            setattr(self, f"_service_{name}", service)
            setattr(self._state_machine, f"service_{name}", service)

    def trigger_configure(self) -> TransitionCallbackReturn:
        """From unconfigured to inactive."""
        return self._change_state(_Transition.TRANSITION_CONFIGURE)

    def trigger_cleanup(self) -> TransitionCallbackReturn:
        """From inactive to unconfigured."""
        return self._change_state(_Transition.TRANSITION_CLEANUP)

    def trigger_shutdown(self) -> TransitionCallbackReturn:
        """From unconfigured, inactive or active to finalized."""
        state = self._state_machine.current_state[1]
        if state not in ("unconfigured", "inactive", "active"):
            raise RCLError("Shutdown transtion not possible")
        return self._change_state(getattr(_Transition, f"TRANSITION_{state.upper()}_SHUTDOWN"))

    def trigger_activate(self) -> TransitionCallbackReturn:
        """From inactive to active."""
        return self._change_state(_Transition.TRANSITION_ACTIVATE)

    def trigger_deactivate(self) -> TransitionCallbackReturn:
        """From active to inactive."""
        return self._change_state(_Transition.TRANSITION_DEACTIVATE)

    def add_managed_entity(self, entity: ManagedEntity) -> None:
        """Let an entity follow the transitions of this node."""
        if not isinstance(entity, ManagedEntity):
            raise TypeError("Expected a rclpy.lifecycle.ManagedEntity instance.")
        self._managed_entities.add(entity)

    def create_lifecycle_publisher(self, *args: Any, **kwargs: Any) -> LifecyclePublisher[Any]:
        """Make a publisher that sends only while the node is active; as create_publisher()."""
        if "publisher_class" in kwargs:
            raise TypeError(
                "create_publisher() got an unexpected keyword argument 'publisher_class'"
            )
        publisher = Node.create_publisher(
            _as_node(self), *args, **kwargs, publisher_class=LifecyclePublisher
        )
        assert isinstance(publisher, LifecyclePublisher)
        self._managed_entities.add(publisher)
        return publisher

    def destroy_lifecycle_publisher(self, publisher: LifecyclePublisher[Any]) -> bool:
        """Remove a publisher; False where it is not this node's."""
        self._managed_entities.discard(publisher)
        return Node.destroy_publisher(_as_node(self), publisher)

    # The callbacks of the transitions. Each one asks the managed entities, and gives up at the
    # first that fails; who overrides one calls super() to keep them following.

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Configure the managed entities."""
        return self._tell_entities("on_configure", state)

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Clean up the managed entities."""
        return self._tell_entities("on_cleanup", state)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Shut down the managed entities."""
        return self._tell_entities("on_shutdown", state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Activate the managed entities."""
        return self._tell_entities("on_activate", state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Deactivate the managed entities."""
        return self._tell_entities("on_deactivate", state)

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Tell the managed entities of an error."""
        return self._tell_entities("on_error", state)

    def _tell_entities(self, callback_name: str, state: LifecycleState) -> TransitionCallbackReturn:
        for entity in self._managed_entities:
            answer = getattr(entity, callback_name)(state)
            if not isinstance(answer, TransitionCallbackReturn):
                raise TypeError(
                    f"{callback_name}() return value of class {type(entity)} should be"
                    " `TransitionCallbackReturn`.\n"
                    f"Instance of the class that caused the failure: {entity}"
                )
            if answer != TransitionCallbackReturn.SUCCESS:
                return answer
        return TransitionCallbackReturn.SUCCESS

    def _change_state(self, transition_id: int) -> TransitionCallbackReturn:
        before = self._state_machine.current_state
        state = LifecycleState(state_id=before[0], label=before[1])
        self._state_machine.trigger_transition_by_id(transition_id, True)
        answer = self._run_callback(state)
        self._state_machine.trigger_transition_by_label(answer.to_label(), True)
        if answer == TransitionCallbackReturn.ERROR:
            after_error = self._run_callback(state)
            self._state_machine.trigger_transition_by_label(after_error.to_label(), True)
        return answer

    def _run_callback(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Run the callback of the state that the machine is in; what it raises is an error."""
        passing, label = self._state_machine.current_state
        try:
            return self._callbacks[passing](state)
        except Exception:  # noqa: BLE001  (user code; on_error() deals with it)
            _as_node(self).get_logger().error(
                f"The callback of the state '{label}' raised:\n{traceback.format_exc().rstrip()}"
            )
            return TransitionCallbackReturn.ERROR

    # The services.

    def _on_change_state(self, request: Any, response: Any) -> Any:
        machine = self._state_machine
        try:
            transition = request.transition.id
            if request.transition.label:
                transition = machine.get_transition_by_label(request.transition.label)
            answer = self._change_state(transition)
        except RCLError:
            # Said by the state machine. A stranger's request must not end the spin of this node.
            response.success = False
        else:
            response.success = answer == TransitionCallbackReturn.SUCCESS
        return response

    def _on_get_state(self, _request: Any, response: Any) -> Any:
        response.current_state.id, response.current_state.label = self._state_machine.current_state
        return response

    def _on_get_available_states(self, _request: Any, response: Any) -> Any:
        response.available_states = [
            _State(id=number, label=label) for number, label in self._state_machine.available_states
        ]
        return response

    def _on_get_available_transitions(self, _request: Any, response: Any) -> Any:
        response.available_transitions = _described(self._state_machine.available_transitions)
        return response

    def _on_get_transition_graph(self, _request: Any, response: Any) -> Any:
        response.available_transitions = _described(self._state_machine.transition_graph)
        return response


def _described(transitions: list[_Arrow]) -> list[Any]:
    return [
        _TransitionDescription(
            transition=_Transition(id=t.id, label=t.label),
            start_state=_State(id=t.start_id, label=t.start),
            goal_state=_State(id=t.goal_id, label=t.goal),
        )
        for t in transitions
    ]


class LifecycleNode(LifecycleNodeMixin, Node):
    """A managed node; the arguments are those of Node."""

    def __init__(
        self, node_name: str, *, enable_communication_interface: bool = True, **kwargs: Any
    ) -> None:
        Node.__init__(self, node_name, **kwargs)
        LifecycleNodeMixin.__init__(
            self, enable_communication_interface=enable_communication_interface
        )
