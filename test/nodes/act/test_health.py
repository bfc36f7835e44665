# SPDX-License-Identifier: Apache-2.0
"""What /diagnostics says, and how bad it is."""

from __future__ import annotations

import itertools
import sys
import time

import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from sensor_msgs.msg import JointState

from pam_ros.nodes.act.device_memory import device_memory
from pam_ros.nodes.act.health import Health
from pam_ros.nodes.kit.reports import make_updater
from pam_ros.robot import SafetyState


class Published(Health):
    """Health of a node at 10 Hz, and what is published of it."""

    def __init__(self, node):
        super().__init__(node, 10.0)
        self._updater = make_updater(node)
        self._updater.add("policy", lambda status: self.report(status, *self._given, **self._named))
        self.sent = []
        self._updater.publisher.publish = self.sent.append

    def publish(self, *given, **named):
        self._given, self._named = given, named
        self._updater.update()


@pytest.fixture
def health(domain):
    """Health of a node at 10 Hz, and what it has published."""
    rclpy.init(args=[])
    node = rclpy.create_node("subject")
    made = Published(node)
    yield made, made.sent
    node.destroy_node()
    rclpy.try_shutdown()


def told(sent) -> dict[str, str]:
    return {value.key: value.value for value in sent[-1].status[0].values}


def test_one_status_is_named_as_diagnostic_updater_names_it(health):
    made, sent = health
    made.publish(0, SafetyState.DISABLED, "", "", {"episode": 3})
    (status,) = sent[0].status
    assert isinstance(sent[0], DiagnosticArray)
    assert sent[0].header.stamp.sec > 0
    assert (status.name, status.hardware_id) == ("subject: policy", "/subject")
    assert told(sent)["episode"] == "3"


def test_the_rate_is_counted_between_two_reports_and_held_against_the_target(health):
    made, sent = health
    before = time.monotonic()
    made.publish(0, SafetyState.RUNNING, "", "", {})
    begin = time.monotonic()
    time.sleep(0.5)
    end = time.monotonic()
    made.publish(2, SafetyState.RUNNING, "", "", {})
    after = time.monotonic()
    # As it is printed, to a hundredth.
    assert 2 / (after - before) - 0.01 <= float(told(sent)["rate_hz"]) <= 2 / (end - begin) + 0.01
    assert told(sent)["target_rate_hz"] == "10.00"
    assert sent[-1].status[0].level == DiagnosticStatus.WARN
    assert "Hz of 10.0 Hz" in sent[-1].status[0].message


def test_each_stage_and_the_age_of_observations_have_their_percentiles(health):
    made, sent = health
    for k in range(1, 101):
        made.age.add(k * 1e-3)
        for latency in made.stages.values():
            latency.add(k * 1e-3)
    made.publish(0, SafetyState.RUNNING, "", "", {})
    values = told(sent)
    for stage in ("observation_to_command", "forward", "show", "tick", "observation_age"):
        assert float(values[f"{stage}_ms_p50"]) == pytest.approx(50.5, abs=0.1)
        assert float(values[f"{stage}_ms_p99"]) == pytest.approx(99.0, abs=0.1)


@pytest.mark.parametrize(
    ("state", "level", "message"),
    [
        (SafetyState.FAULT, DiagnosticStatus.ERROR, "fault: it raised; nothing new"),
        (SafetyState.HOLDING, DiagnosticStatus.WARN, "holding: it raised; nothing new"),
        (SafetyState.DISABLED, DiagnosticStatus.WARN, "no ticks: it raised; nothing new"),
    ],
)
def test_the_safety_state_and_its_reason_come_first(health, state, level, message):
    made, sent = health
    made.publish(0, state, "it raised", "nothing new", {})
    status = sent[-1].status[0]
    assert (status.level, status.message) == (level, message)
    assert told(sent)["safety_state"] == state.value
    assert told(sent)["safety_reason"] == "it raised"


def test_messages_that_cannot_be_used_are_counted_by_their_source(health):
    made, sent = health
    for _ in range(3):
        made.bad_message("tick", "camera 'top': it is bgr8")
    made.publish(0, SafetyState.DISABLED, "", "", {})
    assert told(sent)["bad_messages_tick"] == "3"
    assert told(sent)["last_bad_message"] == "camera 'top': it is bgr8"


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells it")
def test_memory_is_what_the_system_says():
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    assert 10 < float(device_memory()["memory_mb"]) <= peak + 1
    assert "gpu_memory_mb" not in device_memory()


def test_the_node_reports_deadlines_drops_and_its_guard_once_a_second(attention_robot):
    robot = attention_robot(enabled=True)
    reports = robot.listen(DiagnosticArray, "/diagnostics")
    commands = robot.listen(JointState, "/joint_commands")
    robot.spin()
    assert robot.wait(lambda: robot.observe() and commands)
    # Then nothing more: the deadline is missed. It may have been before, for a moment.
    ended = robot.now()

    def held():
        since = [told([one]) for one in list(reports) if robot.stamp(one) > ended]
        return [
            values
            for values in since
            if values["safety_state"] == "holding" and float(values["safety_wait_max_s"]) > 0
        ]

    assert robot.wait(held)
    values = held()[0]
    assert int(values["safety_late"]) >= 1
    assert int(values["commands"]) >= 1
    assert values["command_guard"] == "off"
    for key in ("safety_refused", "safety_clamped", "safety_faults", "memory_mb",
                "messages_received", "observation_age_ms_p99"):  # fmt: skip
        assert key in values

    def once_a_second() -> bool:
        # A busy machine is late at times.
        stamps = [robot.stamp(each) for each in reports[-4:]]
        gaps = sorted((b - a) * 1e-9 for a, b in itertools.pairwise(stamps))
        return len(gaps) == 3 and gaps[1] == pytest.approx(1.0, abs=0.4)

    assert robot.wait(once_a_second)


def test_commands_without_effect_are_a_warning(health):
    made, sent = health
    made.publish(0, SafetyState.RUNNING, "", "", {})
    why = "commands on /go have had no effect for 2 s"
    made.publish(1_000_000, SafetyState.RUNNING, "", "", {}, no_effect=why)
    status = sent[-1].status[0]
    assert (status.level, status.message) == (DiagnosticStatus.WARN, why)
