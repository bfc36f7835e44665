# SPDX-License-Identifier: Apache-2.0
"""diagnostic_updater: what an Updater publishes of its tasks, and topics that are judged."""

from __future__ import annotations

import time

import diagnostic_updater
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from diagnostic_statuses import ERROR, OK, WARN, now_s, said, saying, values
from diagnostic_updater import (
    DiagnosedPublisher,
    DiagnosticStatusWrapper,
    FrequencyStatusParam,
    HeaderlessTopicDiagnostic,
    Heartbeat,
    TimeStampStatusParam,
    TopicDiagnostic,
    Updater,
)
from rclpy.clock import Clock
from rclpy.exceptions import InvalidParameterTypeException
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, ReliabilityPolicy
from std_msgs.msg import Header


@pytest.fixture
def published(node):
    """What an Updater of the node publishes: published(updater) -> a list that grows."""

    def watch(updater):
        sent: list[DiagnosticArray] = []
        updater.publisher.publish = sent.append
        return sent

    return watch


def test_an_updater_publishes_a_status_for_each_task(node, published):
    updater = Updater(node)
    updater.setHardwareID("arm 1")
    sent = published(updater)
    updater.add("motor", saying(WARN, "warm", ("celsius", "60")))
    updater.add(Heartbeat())
    updater.update()
    assert len(sent) == 3
    motor, heart = sent[-1].status
    assert (motor.name, *said(motor)) == ("subject: motor", WARN, "warm")
    assert values(motor) == {"celsius": "60"}
    assert (heart.name, *said(heart)) == ("subject: Heartbeat", OK, "Alive")
    assert motor.hardware_id == heart.hardware_id == "arm 1"
    assert sent[-1].header.stamp.sec > 0


def test_a_task_that_is_added_is_starting_up(node, published):
    updater = Updater(node)
    sent = published(updater)
    updater.add(Heartbeat())
    (status,) = sent[0].status
    assert (status.name, *said(status)) == ("subject: Heartbeat", OK, "Node starting up")


def test_a_task_that_sets_no_summary_is_an_error(node, published):
    updater = Updater(node)
    sent = published(updater)
    updater.add("silent", lambda status: status)
    updater.force_update()
    assert said(sent[-1].status[0]) == (ERROR, "No message was set")


def test_a_task_is_removed_by_its_name(node, published):
    updater = Updater(node)
    sent = published(updater)
    for level in (OK, WARN):
        updater.add("twin", saying(level, ""))
    assert updater.removeByName("twin")
    updater.update()
    assert [status.level for status in sent[-1].status] == [WARN]
    assert updater.removeByName("twin")
    assert not updater.removeByName("twin")
    updater.update()
    assert list(sent[-1].status) == []


def test_a_broadcast_is_said_of_every_task_without_running_any(node, published):
    updater = Updater(node)
    updater.add("one", pytest.fail)
    updater.add("two", pytest.fail)
    sent = published(updater)
    updater.broadcast(WARN, "calibrating")
    assert [(status.name, *said(status)) for status in sent[0].status] == [
        ("subject: one", WARN, "calibrating"),
        ("subject: two", WARN, "calibrating"),
    ]


def test_a_missing_hardware_id_is_warned_of_once_everything_is_ok(node, capfd):
    updater = Updater(node)
    updater.add("warming up", saying(WARN, ""))
    updater.add("task", saying(OK, ""))
    updater.update()
    assert "diagnostic_updater:" not in capfd.readouterr().err
    updater.removeByName("warming up")
    updater.update()
    updater.update()
    assert capfd.readouterr().err.count("diagnostic_updater:") == 1


def test_a_verbose_updater_logs_what_is_not_ok(node, capfd):
    updater = Updater(node)
    updater.setHardwareID("none")
    updater.verbose = True
    updater.add("fine", saying(OK, "fine"))
    updater.add("broken", saying(ERROR, "no torque"))
    updater.update()
    err = capfd.readouterr().err
    assert err.count("Non-zero diagnostic status.") == 1
    assert "broken" in err
    assert "no torque" in err


def test_others_hear_it_once_a_period(node, spin_until, ros):
    overrides = [Parameter("diagnostic_updater.period", value=0.1)]
    quick = Node("quick", parameter_overrides=overrides)
    heard: list[DiagnosticArray] = []
    node.create_subscription(DiagnosticArray, "/diagnostics", heard.append, 10)
    updater = Updater(quick)
    updater.add(Heartbeat())
    assert updater.period == 0.1
    assert spin_until(lambda: sum(len(each.status) for each in heard) >= 3, node, quick)
    status = heard[-1].status[0]
    assert (status.name, *said(status)) == ("quick: Heartbeat", OK, "Alive")
    quick.destroy_node()


def test_what_others_know_of_it_is_reliable_and_volatile(node):
    updater = Updater(node, 2.0)
    assert updater.period == 2.0
    assert updater.timer.timer_period_ns == 2 * 10**9
    qos = updater.publisher.qos_profile
    assert (updater.publisher.topic_name, qos.depth) == ("/diagnostics", 1)
    assert (qos.reliability, qos.durability) == (
        ReliabilityPolicy.RELIABLE, DurabilityPolicy.VOLATILE,
    )  # fmt: skip
    names = ("diagnostic_updater.period", "diagnostic_updater.use_fqn")
    assert [node.get_parameter(name).value for name in names] == [2.0, False]


def test_with_use_fqn_a_status_has_the_nodes_namespace(ros):
    overrides = [Parameter("diagnostic_updater.use_fqn", value=True)]
    node = Node("arm", namespace="left", parameter_overrides=overrides)
    updater = Updater(node)
    sent: list[DiagnosticArray] = []
    updater.publisher.publish = sent.append
    updater.add(Heartbeat())
    assert sent[0].status[0].name == "/left/arm: Heartbeat"
    node.destroy_node()


def test_a_period_of_another_type_is_refused(ros):
    node = Node("arm", parameter_overrides=[Parameter("diagnostic_updater.period", value="1")])
    with pytest.raises(InvalidParameterTypeException):
        Updater(node)
    node.destroy_node()


def test_a_topic_without_stamps_is_judged_by_its_frequency(node, published):
    updater = Updater(node)
    sent = published(updater)
    topic = HeaderlessTopicDiagnostic("/go", updater, FrequencyStatusParam({"min": 0.001}))
    topic.tick()
    time.sleep(0.002)
    updater.update()
    status = sent[-1].status[0]
    assert (status.name, *said(status)) == (
        "subject: /go topic status", OK, "Desired frequency met",
    )  # fmt: skip
    topic.clear_window()
    time.sleep(0.002)
    updater.update()
    assert said(sent[-1].status[0]) == (ERROR, "No events recorded.")


def test_a_topic_with_stamps_is_judged_by_both(node, published):
    updater = Updater(node)
    sent = published(updater)
    frequency, stamps = FrequencyStatusParam({"min": 0.001}), TimeStampStatusParam()
    topic = TopicDiagnostic("/go", updater, frequency, stamps)
    topic.tick(now_s() - 9.0)
    time.sleep(0.002)
    updater.update()
    status = sent[-1].status[0]
    assert said(status) == (ERROR, "Timestamps too far in past seen.")
    assert {"Events in window", "Latest timestamp delay:"} <= set(values(status))


def test_a_diagnosed_publisher_sends_and_counts(node, published):
    updater = Updater(node)
    sent = published(updater)
    inner = node.create_publisher(Header, "go", 1)
    gone: list = []
    inner.publish = gone.append
    frequency, stamps = FrequencyStatusParam({"min": 0.001}), TimeStampStatusParam()
    publisher = DiagnosedPublisher(inner, updater, frequency, stamps)

    class Stamped:
        header = Header(stamp=node.get_clock().now().to_msg())

    publisher.publish(Stamped)
    assert gone == [Stamped]
    time.sleep(0.002)
    updater.update()
    status = sent[-1].status[0]
    assert status.name == f"subject: {inner.topic_name} topic status"
    assert values(status)["Events since startup"] == "1"
    assert abs(float(values(status)["Latest timestamp delay:"])) < 5


def test_what_it_imports_is_there_as_well():
    assert diagnostic_updater.DiagnosticStatus is DiagnosticStatus
    assert diagnostic_updater.Clock is Clock


@pytest.mark.embedded_only
def test_a_second_updater_of_a_node_takes_the_parameter_that_is_there(node):
    Updater(node, 2.0)
    assert Updater(node, 3.0).period == 2.0


@pytest.mark.embedded_only
def test_a_new_period_replaces_the_timer(node):
    updater = Updater(node)
    before = updater.timer
    updater.period = 0.5
    assert updater.timer.timer_period_ns == 5 * 10**8
    assert before not in list(node.timers)


@pytest.mark.embedded_only
def test_a_task_that_returns_nothing_is_named(node):
    updater = Updater(node)
    updater.add("forgetful", lambda status: None)
    with pytest.raises(TypeError, match="'forgetful' returned None"):
        updater.update()


@pytest.mark.embedded_only
@pytest.mark.parametrize("count", [0, 3])
def test_calls_with_a_wrong_number_of_arguments_say_what_is_taken(node, count):
    with pytest.raises(TypeError, match="a task, or a name and a function: "):
        Updater(node).add(*["x"] * count)
    with pytest.raises(TypeError, match="a status, or a level and a message: "):
        DiagnosticStatusWrapper().summary(*[OK] * count)
