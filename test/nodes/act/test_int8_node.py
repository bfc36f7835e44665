# SPDX-License-Identifier: Apache-2.0
"""A policy in int8 moves no robot before it was compared with float32 on what the robot sees."""

from __future__ import annotations

import importlib
from dataclasses import replace

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from std_srvs.srv import SetBool

from pam_ros.msg import AttentionMap
from pam_ros.policy import load_policy
from pam_ros.policy.engines.int8_form import Int8Form, form_path, key_of, write_form
from pam_ros.policy.engines.openvino import traced
from pam_ros.policy.engines.openvino_package import import_openvino
from pam_ros.policy.engines.quantise import _saved
from pam_ros.policy.engines.workshop import EngineFactory
from pam_ros.policy.interface import PolicyError, PrecisionError

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="openvino is not installed"
)
ATTENTION, ENABLE = "/act_attention/attention", "/act_attention/enable"


@pytest.fixture(autouse=True)
def form(checkpoint, tmp_path, monkeypatch):
    """The checkpoint's int8 form, of which nothing is quantised: what is tested is around it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    policy = load_policy(checkpoint, device="cpu", engine="eager")
    workshop, openvino = EngineFactory(policy.model, policy.spec), import_openvino()
    model = traced(openvino, workshop.plain("float32"), workshop.example())
    made = Int8Form(key_of(workshop), "a test", 1, *_saved(openvino, model), checks=())
    write_form(form_path(made.key), made)


@pytest.fixture
def int8_robot(attention_robot):
    def start(error, **parameters):
        robot = attention_robot(engine="auto", dtype="int8", **parameters)
        policy = robot.node.ticks.policy
        measure = policy.precision_error

        def measured(features):
            if isinstance(error, Exception):
                raise error
            return replace(measure(features), chunk=error)

        policy.precision_error = measured
        maps = robot.listen(AttentionMap, ATTENTION)
        reports = robot.listen(DiagnosticArray, "/diagnostics")
        robot.spin()
        return robot, maps, reports

    return start


def values(reports):
    return {v.key: v.value for report in reports for v in report.status[0].values}


def observe(robot, maps, count=1):
    for _ in range(count):
        before = len(maps)
        robot.observe()
        assert robot.wait(lambda before=before: len(maps) > before)


def enable(robot):
    return robot.call(SetBool, ENABLE, SetBool.Request(data=True))


def test_it_is_compared_before_it_is_enabled_and_says_how_near_it_is(int8_robot):
    robot, maps, reports = int8_robot(0.2)
    robot.observe()
    observe(robot, maps)
    assert robot.wait(lambda: robot.node.ticks._engine_health._errors)
    assert enable(robot).success
    assert robot.wait(lambda: "precision_error_chunk" in values(reports))
    said = values(reports)
    assert (said["engine"], said["engine_dtype"]) == ("openvino", "int8")
    assert said["precision_error_chunk"] == "0.2"
    assert said["precision_limit_chunk"] == "0.25"


@pytest.mark.parametrize("error", [0.3, float("nan")])
def test_too_far_from_float32_it_is_not_enabled(int8_robot, error):
    robot, maps, _ = int8_robot(error)
    observe(robot, maps)
    assert robot.wait(lambda: robot.node.ticks._engine_health._errors)
    answer = enable(robot)
    assert not answer.success
    assert f"int8 differs from float32 by {error:.2g} in the actions" in answer.message
    assert "pam_ros quantise" in answer.message


def test_enabled_while_it_is_compared_and_too_far_it_is_a_fault(int8_robot):
    robot, maps, _ = int8_robot(0.1)
    observe(robot, maps)
    ticks = robot.node.ticks
    assert robot.wait(lambda: ticks._engine_health._errors)

    def enabled_meanwhile(_):
        # On a busy machine the observation may be too old by now to be enabled on.
        return PrecisionError(0.4 if enable(robot).success else 0.1, 0.0)

    ticks.policy.precision_error = enabled_meanwhile
    for _ in range(ticks._engine_health._left):
        robot.observe()
        if robot.wait(lambda: ticks.commander.state.value == "fault", 30):
            return
    pytest.fail("enabled and too far from float32, it is no fault")


def test_what_could_not_be_compared_is_not_enabled(int8_robot):
    robot, maps, _ = int8_robot(PolicyError("no such feature"))
    observe(robot, maps, 6)
    answer = enable(robot)
    assert not answer.success
    assert "was not compared with float32 on this robot yet: no such feature" in answer.message


def test_enabled_from_the_start_it_is_compared_before_the_first_command(int8_robot):
    robot, maps, reports = int8_robot(0.3, enabled=True)
    observe(robot, maps, 2)
    assert robot.wait(lambda: values(reports).get("safety_state") == "disabled")
    assert values(reports)["commands"] == "0"
    assert not robot.node.get_parameter("enabled").value


def test_enabled_from_the_start_it_moves_once_it_was_compared(int8_robot):
    robot, maps, reports = int8_robot(0.1, enabled=True)
    observe(robot, maps, 2)
    assert robot.wait(lambda: int(values(reports).get("commands", "0")) > 0)


def test_bfloat16_too_far_from_float32_is_not_enabled_either(attention_robot):
    robot = attention_robot(engine="eager", dtype="bfloat16")
    robot.node.ticks.policy.precision_error = lambda _: PrecisionError(0.3, 0.0)
    maps = robot.listen(AttentionMap, ATTENTION)
    robot.spin()
    observe(robot, maps)
    assert robot.wait(lambda: robot.node.ticks._engine_health._errors)
    answer = enable(robot)
    assert not answer.success
    assert answer.message.endswith("on what this robot sees: set dtype: float32")
