# SPDX-License-Identifier: Apache-2.0
"""Callbacks on changes of other nodes' parameters."""

import pytest
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.parameter_event_handler import ParameterEventHandler


@pytest.fixture
def target(ros):
    made = Node("target", namespace="/arm")
    made.declare_parameter("speed", 1.0)
    yield made
    made.destroy_node()


def test_changes_of_one_parameter_call_back_the_newest_first(node, target, spin_until):
    handler = ParameterEventHandler(node)
    calls = []
    handler.add_parameter_callback("speed", "/arm/target", lambda p: calls.append(("old", p)))
    handler.add_parameter_callback("speed", "/arm/target", lambda p: calls.append(("new", p)))
    handler.add_parameter_callback("speed", "", lambda p: calls.append(("mine", p)))
    assert spin_until(handler.parameter_event_subscription.get_publisher_count, node)
    target.set_parameters([Parameter("speed", value=2.0)])
    assert spin_until(lambda: len(calls) == 2, node)
    assert [name for name, _ in calls] == ["new", "old"]
    assert calls[0][1].value.double_value == 2.0
    handler.destroy()


def test_a_callback_is_removed_by_its_handle(node, target, spin_until):
    handler = ParameterEventHandler(node)
    calls, events = [], []
    handle = handler.add_parameter_callback("speed", "/arm/target", calls.append)
    event_handle = handler.add_parameter_event_callback(events.append)
    assert spin_until(handler.parameter_event_subscription.get_publisher_count, node)
    handler.remove_parameter_callback(handle)
    target.set_parameters([Parameter("speed", value=2.0)])
    assert spin_until(lambda: [e for e in events if e.node == "/arm/target"], node)
    assert not calls
    handler.remove_parameter_event_callback(event_handle)
    for remove, gone in (
        (handler.remove_parameter_callback, handle),
        (handler.remove_parameter_event_callback, event_handle),
    ):
        with pytest.raises(RuntimeError, match="Callback doesn't exist"):
            remove(gone)


def test_a_relative_node_name_is_in_the_handlers_namespace(target):
    handler = ParameterEventHandler(target)
    handle = handler.add_parameter_callback("speed", "other", print)
    assert handle.node_name == "/arm/other"
