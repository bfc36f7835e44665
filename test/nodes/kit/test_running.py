# SPDX-License-Identifier: Apache-2.0
"""What the main functions of all nodes do about errors in a spin."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import pytest
import rclpy
from rcl_interfaces.msg import Parameter, ParameterValue
from rcl_interfaces.srv import SetParameters
from rclpy._rclpy_pybind11 import RCLError
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from pam_ros.nodes.kit.running import run_node
from pam_ros.robot import ContractError, MessageError


class Shaky(Node):
    """Its first callbacks fail."""

    def __init__(self, error: Exception) -> None:
        super().__init__("shaky")
        self.calls = 0
        self._error = error
        self.create_timer(0.01, self._on_timer)

    def _on_timer(self) -> None:
        self.calls += 1
        if self.calls <= 2:
            raise self._error
        rclpy.shutdown()


@pytest.mark.parametrize("threads", [1, 3])
def test_a_node_stays_where_a_callback_fails(domain, capfd, threads):
    made = []

    def make() -> Shaky:
        made.append(Shaky(KeyError("strange request")))
        return made[0]

    assert run_node(make, [], threads) == 0
    assert made[0].calls == 3
    text = capfd.readouterr().err
    assert text.count("KeyError: 'strange request'") == 1  # said once
    assert "_on_timer" in text


def test_what_a_user_can_mend_ends_it_in_one_sentence(domain, capfd):
    assert run_node(lambda: Shaky(ContractError("there is no joint 'a'")), [], 1) == 1
    assert "pam_ros: there is no joint 'a'" in capfd.readouterr().err
    assert not rclpy.ok()


def test_a_message_that_cannot_be_used_ends_no_node(domain, capfd):
    assert run_node(lambda: Shaky(MessageError("the image has no rows")), [], 1) == 0
    assert "the image has no rows" in capfd.readouterr().err


class Listening(Node):
    """Hears joints and words in one callback group; ends after enough of both."""

    def __init__(self) -> None:
        super().__init__("listening")
        self.heard = {"joints": 0, "words": 0}
        self.create_subscription(JointState, "joints", lambda _: self._hear("joints"), 10)
        self.create_subscription(String, "words", lambda _: self._hear("words"), 10)

    def _hear(self, kind: str) -> None:
        self.heard[kind] += 1
        if min(self.heard.values()) >= 5:
            rclpy.shutdown()


class Sender:
    """Another node, in a context of its own; `once` is called with it, then it says good things."""

    def __init__(self, once) -> None:
        self._once = once
        self._end = threading.Event()
        self._context = rclpy.Context()
        rclpy.init(args=[], context=self._context)
        self.node = rclpy.create_node("sender", context=self._context)
        self.joints = self.node.create_publisher(JointState, "joints", 10)
        self.words = self.node.create_publisher(String, "words", 10)
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        publishers = (self.joints, self.words)
        while not all(p.get_subscription_count() for p in publishers) and not self._end.wait(0.05):
            pass
        self._once(self)
        while not self._end.wait(0.05):
            self.joints.publish(JointState(name=["a"], position=[0.5]))
            self.words.publish(String(data="b"))

    def close(self) -> None:
        self._end.set()
        self._thread.join()
        self.node.destroy_node()
        self._context.try_shutdown()


@pytest.fixture
def sender(domain):
    opened = []

    def start(once) -> None:
        opened.append(Sender(once))

    yield start
    for each in opened:
        each.close()


@pytest.mark.timeout(240)
@pytest.mark.parametrize("threads", [1, 3])
def test_one_truncated_message_makes_no_subscription_deaf(sender, threads):
    made = []

    def make() -> Listening:
        made.append(Listening())
        return made[0]

    def send(peer) -> None:
        with suppress(RCLError):  # the embedded runtime does not even send it
            peer.joints.publish(b"\x00\x01\x00\x00\x01\x02\x03\x04\x05")

    sender(send)
    assert run_node(make, [], threads) == 0
    assert min(made[0].heard.values()) >= 5


@pytest.mark.timeout(240)
@pytest.mark.parametrize("threads", [1, 3])
def test_a_parameter_of_no_known_type_ends_no_node(sender, threads, capfd):
    said = []

    def ask(peer) -> None:
        client = peer.node.create_client(SetParameters, "/listening/set_parameters")
        assert client.wait_for_service(60.0)
        strange = Parameter(name="a", value=ParameterValue(type=99))
        # There is no answer to wait for, and with Fast DDS the first ones may be lost.
        end = time.monotonic() + 60.0
        while "99 is not a valid Parameter.Type" not in "".join(said) and time.monotonic() < end:
            client.call_async(SetParameters.Request(parameters=[strange]))
            time.sleep(0.25)
            said.append(capfd.readouterr().err)

    sender(ask)
    assert run_node(Listening, [], threads) == 0
    assert "99 is not a valid Parameter.Type" in "".join(said)
