# SPDX-License-Identifier: Apache-2.0
"""Names are where rclpy has them, also where its modules only import them."""

import importlib

import pytest

from rclpy_cyclone.imports.public_modules import ALSO

WRITTEN = """
from rclpy.node import MutuallyExclusiveCallbackGroup, Node, ReentrantCallbackGroup
from rclpy.node import Client, Publisher, Service, Subscription, Timer
from rclpy.node import Parameter, ParameterDescriptor, QoSProfile, SetParametersResult
from rclpy.executors import Future, InvalidHandle, Task
from rclpy.publisher import EventHandler, PublisherEventCallbacks
from rclpy.subscription import CallbackGroup, QoSProfile
from rclpy.lifecycle import LifecycleNode, LifecycleState, Node, Publisher, State
from rclpy.lifecycle.node import LifecyclePublisher, ManagedEntity, TransitionCallbackReturn
from rclpy.exceptions import InvalidHandle
from rclpy.destroyable import DestroyableType
from rclpy.event_handler import UnsupportedEventTypeError
from rclpy._rclpy_pybind11 import InvalidHandle, RCLError, SignalHandlerOptions
"""


@pytest.mark.parametrize("line", WRITTEN.strip().splitlines())
def test_names_are_imported_from_where_rclpy_imports_them(line):
    exec(line, {})


@pytest.mark.filterwarnings("ignore:importing 'qos_event' is deprecated")
@pytest.mark.parametrize("module", ALSO)
def test_every_further_name_is_one_of_rclpy(module):
    public = importlib.import_module(module)
    missing = [
        n for names in ALSO[module].values() for n in names.split() if not hasattr(public, n)
    ]
    assert not missing


def test_a_name_is_one_object_wherever_it_is_imported_from():
    node = importlib.import_module("rclpy.node")
    for name, home in {
        "QoSProfile": "rclpy.qos", "Publisher": "rclpy.publisher", "Timer": "rclpy.timer",
        "ReentrantCallbackGroup": "rclpy.callback_groups", "Parameter": "rclpy.parameter",
        "ParameterDescriptor": "rcl_interfaces.msg",
    }.items():  # fmt: skip
        assert getattr(node, name) is getattr(importlib.import_module(home), name), name


@pytest.mark.parametrize("module", ["exceptions", "node", "publisher", "timer", "context"])
def test_the_c_layers_error_is_in_its_own_module_alone(module):
    """What is written with one runtime must import with the other."""
    assert not hasattr(importlib.import_module(f"rclpy.{module}"), "RCLError")
