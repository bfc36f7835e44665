# SPDX-License-Identifier: Apache-2.0
"""Managed nodes: transitions, their callbacks, services and events."""

import pytest
from lifecycle_msgs.msg import State, Transition, TransitionEvent
from lifecycle_msgs.srv import (
    ChangeState,
    GetAvailableStates,
    GetAvailableTransitions,
    GetState,
)
from rclpy.exceptions import InvalidHandle
from rclpy.lifecycle import (
    LifecycleNode,
    LifecyclePublisher,
    LifecycleState,
    ManagedEntity,
    Node,
    Publisher,
    TransitionCallbackReturn,
)
from rclpy.lifecycle import State as ShortState
from std_msgs.msg import String

SUCCESS, FAILURE, ERROR = (
    TransitionCallbackReturn.SUCCESS,
    TransitionCallbackReturn.FAILURE,
    TransitionCallbackReturn.ERROR,
)


class Scripted(LifecycleNode):
    """Answers each callback as told, and notes which ones ran in which state before."""

    def __init__(self, name="managed", answers=(), **kwargs):
        self.answers = dict(answers)
        self.calls = []
        super().__init__(name, **kwargs)

    def _answer(self, callback, state):
        self.calls.append((callback, state.label))
        answer = self.answers.get(callback, SUCCESS)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def on_configure(self, state):
        return self._answer("configure", state)

    def on_cleanup(self, state):
        return self._answer("cleanup", state)

    def on_activate(self, state):
        return self._answer("activate", state)

    def on_deactivate(self, state):
        return self._answer("deactivate", state)

    def on_shutdown(self, state):
        return self._answer("shutdown", state)

    def on_error(self, state):
        return self._answer("error", state)

    @property
    def state(self):
        return self._state_machine.current_state[1]


@pytest.fixture
def managed(ros):
    made = []

    def make(**answers):
        made.append(Scripted(answers=answers))
        return made[-1]

    yield make
    for node in made:
        node.destroy_node()


def test_the_short_names_are_the_same_classes():
    assert Node is LifecycleNode
    assert Publisher is LifecyclePublisher
    assert ShortState is LifecycleState
    assert LifecycleState("active", 3) == LifecycleState(state_id=3, label="active")


def test_a_node_goes_round_through_all_primary_states(managed):
    node = managed()
    seen = [node.state]
    for trigger in ("configure", "activate", "deactivate", "cleanup", "shutdown"):
        assert getattr(node, f"trigger_{trigger}")() is SUCCESS
        seen.append(node.state)
    assert seen == [
        "unconfigured", "inactive", "active", "inactive", "unconfigured", "finalized",
    ]  # fmt: skip
    assert node.calls == [
        ("configure", "unconfigured"), ("activate", "inactive"), ("deactivate", "active"),
        ("cleanup", "inactive"), ("shutdown", "unconfigured"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("callback", "before", "after"),
    [
        ("configure", [], "unconfigured"),
        ("cleanup", ["configure"], "inactive"),
        ("activate", ["configure"], "inactive"),
        ("deactivate", ["configure", "activate"], "active"),
        ("shutdown", ["configure", "activate"], "finalized"),
    ],
)
def test_a_failure_leads_back_to_where_the_node_came_from(managed, callback, before, after):
    node = managed(**{callback: FAILURE})
    for trigger in before:
        getattr(node, f"trigger_{trigger}")()
    assert getattr(node, f"trigger_{callback}")() is FAILURE
    assert node.state == after
    assert "error" not in [name for name, _ in node.calls]


@pytest.mark.parametrize(
    ("on_error", "after"),
    [(SUCCESS, "unconfigured"), (FAILURE, "finalized"), (ERROR, "finalized")],
    ids=["success", "failure", "error"],
)
def test_an_error_is_dealt_with_by_on_error(managed, on_error, after):
    node = managed(activate=ERROR, error=on_error)
    node.trigger_configure()
    assert node.trigger_activate() is ERROR
    assert node.calls[-2:] == [("activate", "inactive"), ("error", "inactive")]
    assert node.state == after


def test_an_exception_in_a_callback_is_an_error(managed):
    node = managed(configure=ValueError("no camera"))
    assert node.trigger_configure() is ERROR
    assert node.state == "unconfigured"


@pytest.mark.embedded_only  # rclpy forgets it
def test_an_exception_in_a_callback_is_logged(managed, capfd):
    managed(configure=ValueError("no camera")).trigger_configure()
    assert "ValueError: no camera" in capfd.readouterr().err


def test_an_impossible_transition_is_refused_in_rclpys_words(managed, capfd):
    node = managed()
    with pytest.raises(RuntimeError, match="Failed to trigger lifecycle state machine transition"):
        node.trigger_activate()
    assert node.state == "unconfigured"
    assert "No transition matching 3 found for current state unconfigured" in capfd.readouterr().err
    node.trigger_shutdown()
    with pytest.raises(RuntimeError, match="Shutdown transtion not possible"):
        node.trigger_shutdown()


def call(node, spin_until, srv_type, name, **fields):
    client = node.create_client(srv_type, f"/managed/{name}")
    assert client.wait_for_service(60)
    future = client.call_async(srv_type.Request(**fields))
    assert spin_until(future.done, node)
    node.destroy_client(client)
    return future.result()


def change(node, spin_until, **transition):
    request = {"transition": Transition(**transition)}
    return call(node, spin_until, ChangeState, "change_state", **request).success


def test_others_change_and_read_the_state_by_services(managed, spin_until):
    node = managed()

    def state():
        return call(node, spin_until, GetState, "get_state").current_state

    assert state() == State(id=State.PRIMARY_STATE_UNCONFIGURED, label="unconfigured")
    assert change(node, spin_until, id=Transition.TRANSITION_CONFIGURE)
    assert change(node, spin_until, label="activate")
    assert state() == State(id=State.PRIMARY_STATE_ACTIVE, label="active")
    assert not change(node, spin_until, label="configure")
    assert change(node, spin_until, label="shutdown")
    assert state().label == "finalized"


@pytest.mark.embedded_only  # in Jazzy the node's spin ends with RCLError
def test_a_number_that_does_not_fit_the_state_is_answered(managed, spin_until):
    node = managed()
    assert not change(node, spin_until, id=Transition.TRANSITION_CLEANUP)
    assert node.state == "unconfigured"


def test_the_services_list_states_and_transitions_with_rcls_numbers(managed, spin_until):
    node = managed()
    states = call(node, spin_until, GetAvailableStates, "get_available_states").available_states
    assert {s.label: s.id for s in states} == {
        "unknown": 0, "unconfigured": 1, "inactive": 2, "active": 3, "finalized": 4,
        "configuring": 10, "cleaningup": 11, "shuttingdown": 12, "activating": 13,
        "deactivating": 14, "errorprocessing": 15,
    }  # fmt: skip

    def transitions(name):
        found = call(node, spin_until, GetAvailableTransitions, name).available_transitions
        return {
            t.transition.id: (t.transition.label, t.start_state.label, t.goal_state.label)
            for t in found
        }

    assert transitions("get_available_transitions") == {
        1: ("configure", "unconfigured", "configuring"),
        5: ("shutdown", "unconfigured", "shuttingdown"),
    }
    graph = transitions("get_transition_graph")
    # Every constant of the message has an arrow, but for the two that rcl does not register.
    numbers = {
        getattr(Transition, name)
        for name in dir(Transition)
        if name.startswith("TRANSITION_") and "CALLBACK" not in name
    }
    assert set(graph) == numbers - {Transition.TRANSITION_CREATE, Transition.TRANSITION_DESTROY}
    assert graph[7] == ("shutdown", "active", "shuttingdown")
    assert graph[51] == ("transition_failure", "shuttingdown", "finalized")
    assert graph[62] == ("transition_error", "errorprocessing", "finalized")


def test_each_change_is_an_event_on_a_topic(managed, node, spin_until):
    subject = managed()
    events = []
    node.create_subscription(TransitionEvent, "/managed/transition_event", events.append, 10)
    assert spin_until(lambda: node.count_publishers("/managed/transition_event") == 1, node)
    assert spin_until(lambda: next(iter(node.subscriptions)).get_publisher_count() == 1, node)
    subject.trigger_configure()
    assert spin_until(lambda: len(events) == 2, node)
    assert [(e.start_state.label, e.goal_state.id) for e in events] == [
        ("unconfigured", State.TRANSITION_STATE_CONFIGURING),
        ("configuring", State.PRIMARY_STATE_INACTIVE),
    ]


def test_a_lifecycle_publisher_sends_only_while_active(ros, node, spin_until):
    subject = LifecycleNode("managed")
    publisher = subject.create_lifecycle_publisher(String, "words", 10)
    heard = []
    node.create_subscription(String, "words", lambda m: heard.append(m.data), 10)
    assert spin_until(lambda: publisher.get_subscription_count() == 1, node)
    publisher.publish(String(data="unconfigured"))
    subject.trigger_configure()
    subject.trigger_activate()
    assert publisher.is_activated
    publisher.publish(String(data="active"))
    assert spin_until(lambda: heard, node)
    subject.trigger_deactivate()
    publisher.publish(String(data="inactive"))
    assert not spin_until(lambda: len(heard) > 1, node, timeout=0.3)
    assert heard == ["active"]
    assert subject.destroy_lifecycle_publisher(publisher)
    subject.trigger_cleanup()
    subject.destroy_node()


def test_managed_entities_follow_and_can_refuse(ros):
    class Camera(ManagedEntity):
        answer = SUCCESS

        def on_activate(self, state):
            return self.answer

    camera = Camera()
    node = LifecycleNode("managed", enable_communication_interface=False)
    node.add_managed_entity(camera)
    with pytest.raises(TypeError, match=r"Expected a rclpy\.lifecycle\.ManagedEntity instance"):
        node.add_managed_entity("camera")
    node.trigger_configure()
    camera.answer = FAILURE
    assert node.trigger_activate() is FAILURE
    camera.answer = "fine"
    assert node.trigger_activate() is ERROR
    node.destroy_node()


def test_without_the_interface_there_are_no_services(ros):
    node = LifecycleNode("managed", enable_communication_interface=False)
    assert not hasattr(node, "_service_change_state")
    assert node._state_machine.service_get_state is None
    names = [s.service_name for s in node.services]
    assert not any(name.startswith("/managed/get_state") for name in names)
    node.destroy_node()
    with pytest.raises(TypeError):
        LifecycleNode("managed", enable_communication_interface="yes")


@pytest.mark.embedded_only  # looks into a private field
def test_a_destroyed_node_takes_its_event_publisher_along(ros):
    node = LifecycleNode("managed")
    publisher = node._state_machine._publisher
    assert publisher not in list(node.publishers)
    node.destroy_node()
    with pytest.raises(InvalidHandle):
        publisher.publish(TransitionEvent())
