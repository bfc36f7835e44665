# SPDX-License-Identifier: Apache-2.0
"""The levels of loggers, read and set from outside."""

import pytest
import rclpy
from rcl_interfaces.msg import LoggerLevel
from rcl_interfaces.srv import GetLoggerLevels, SetLoggerLevels
from rclpy.logging import LoggingSeverity, get_logger_level, set_logger_level
from rclpy.node import Node


@pytest.fixture
def talkative(ros):
    node = Node("talkative", enable_logger_service=True)
    yield node
    node.destroy_node()
    set_logger_level("talkative", LoggingSeverity.UNSET)


def call(node, spin_until, srv_type, name, **fields):
    client = node.create_client(srv_type, f"/talkative/{name}")
    assert client.wait_for_service(60)
    future = client.call_async(srv_type.Request(**fields))
    assert spin_until(future.done, node)
    return future.result()


def test_levels_are_set_and_read_by_services(talkative, spin_until):
    levels = [LoggerLevel(name="talkative", level=10), LoggerLevel(name="talkative", level=11)]
    results = call(talkative, spin_until, SetLoggerLevels, "set_logger_levels", levels=levels)
    assert [r.successful for r in results.results] == [True, False]
    assert results.results[1].reason == "Failed reason: Invalid logger level."
    assert get_logger_level("talkative") == LoggingSeverity.DEBUG
    names = ["talkative", "never_heard_of"]
    read = call(talkative, spin_until, GetLoggerLevels, "get_logger_levels", names=names)
    assert [(each.name, each.level) for each in read.levels] == [
        ("talkative", 10), ("never_heard_of", 0),
    ]  # fmt: skip


def test_nobody_offers_them_unasked(node):
    names = [service.service_name for service in node.services]
    assert "/subject/set_logger_levels" not in names
    other = rclpy.create_node("other", enable_logger_service=True)
    assert "/other/set_logger_levels" in [service.service_name for service in other.services]
    other.destroy_node()
