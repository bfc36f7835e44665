# SPDX-License-Identifier: Apache-2.0
"""The guard process stops a base where the node that drives it ends, and leaves the arm alone."""

from __future__ import annotations

import threading
import time
from dataclasses import replace

import pytest
import rclpy
from geometry_msgs.msg import Twist
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from sensor_msgs.msg import JointState

from pam_ros.nodes.guard import link as guard_link
from pam_ros.nodes.guard.link import GuardLink
from pam_ros.robot import CommandPart, JointContract, load_contract

PERIOD = 2.0
"""So long that nothing is held before the end."""
BASE = CommandPart(
    "/cmd_vel",
    "geometry_msgs/msg/Twist",
    (JointContract("linear.x", unit="m/s", kind="velocity", field="linear.x"),),
)


class Heard:
    """What arrives of arm and base."""

    def __init__(self, node) -> None:
        self.arm: list = []
        self.base: list[float] = []
        node.create_subscription(JointState, "/joint_commands", self.arm.append, 10)
        node.create_subscription(Twist, "/cmd_vel", lambda m: self.base.append(m.linear.x), 10)

    def wait(self, condition, seconds=60.0) -> bool:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        return True


@pytest.fixture
def guarded(domain, contract, patient_guard, monkeypatch):
    """A link to a ready guard of an arm and a base that is told, and what is heard of them."""
    # A guard that a busy machine keeps from answering is waited for.
    monkeypatch.setattr(guard_link, "PATIENCE_S", 600.0)
    rclpy.init(args=[])
    node = rclpy.create_node("act_attention")
    heard = Heard(node)
    command = load_contract(contract()).command
    link = GuardLink(node, replace(command, parts=(*command.parts, BASE)), PERIOD)
    executor = SingleThreadedExecutor()
    executor.add_node(node)

    def spin() -> None:
        try:
            executor.spin()
        except ExternalShutdownException:
            return

    thread = threading.Thread(target=spin, daemon=True)
    thread.start()
    link.wait_until_ready()
    assert heard.wait(lambda: node.count_publishers("/cmd_vel") == 1)
    # The guard may not know yet that somebody listens: a stop is said once.
    assert heard.wait(
        lambda: (
            link.beat((0.1, 0.2, 0.0))
            and link.beat(())
            and heard.wait(lambda: heard.base, seconds=1.0)
        )
    )
    stops = 0
    while stops < len(heard.base):  # another one may be on its way
        stops = len(heard.base)
        time.sleep(0.5)
    # Heard is what goes out from now on.
    assert heard.wait(lambda: all(link.beat((0.1, 0.2, 0.0)) for _ in range(2)))
    yield link, heard
    link.close()
    executor.shutdown(timeout_sec=5.0)
    thread.join(timeout=5.0)
    node.destroy_node()
    rclpy.try_shutdown()


def test_a_base_is_stopped_where_the_node_dies_and_the_arm_keeps_its_place(guarded):
    link, heard = guarded
    stops = len(heard.base)
    link._line.close()
    assert link.process.wait(60.0) == 0
    assert heard.wait(lambda: len(heard.base) > stops)
    assert set(heard.base) == {0.0}
    assert heard.arm == []


def test_a_base_is_stopped_where_nothing_is_commanded_any_more(guarded):
    link, heard = guarded
    stops = len(heard.base) + 1
    assert heard.wait(lambda: link.beat(()))
    assert heard.wait(lambda: len(heard.base) == stops)
    link.beat(())
    link.close()
    # It is said once.
    assert not heard.wait(lambda: len(heard.base) > stops, seconds=0.5)
    assert (heard.arm, heard.base) == ([], [0.0] * stops)
