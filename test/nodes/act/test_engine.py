# SPDX-License-Identifier: Apache-2.0
"""What the node says of the engine that runs the policy."""

from __future__ import annotations

import time

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from std_srvs.srv import SetBool

from pam_ros.msg import AttentionMap

ATTENTION = "/act_attention/attention"


def values(reports):
    return {v.key: v.value for report in reports for v in report.status[0].values}


def test_diagnostics_name_the_engine_and_why(attention_robot):
    robot = attention_robot(engine="eager")
    reports = robot.listen(DiagnosticArray, "/diagnostics")
    robot.spin()
    assert robot.wait(lambda: "engine" in values(reports))
    said = values(reports)
    assert (said["engine"], said["engine_dtype"]) == ("eager", "float32")
    assert float(said["engine_warmup_s"]) >= 0
    assert said["engine_reason"]
    assert "precision_error_chunk" not in said


def test_reduced_precision_is_measured_on_the_first_observations_while_disabled(attention_robot):
    robot = attention_robot(engine="eager", dtype="bfloat16")
    maps = robot.listen(AttentionMap, ATTENTION)
    reports = robot.listen(DiagnosticArray, "/diagnostics")
    robot.spin()
    for count in range(1, 8):
        robot.observe()
        assert robot.wait(lambda count=count: len(maps) == count)
    assert robot.wait(lambda: values(reports).get("precision_error_observations") == "5")
    said = values(reports)
    assert said["engine_dtype"] == "bfloat16"
    assert 0 < float(said["precision_error_chunk"]) < 1
    assert 0 < float(said["precision_error_attention"]) < 0.1


def test_an_error_that_waits_for_a_node_enabled_from_the_start_is_said_and_measured_later(
    attention_robot,
):
    robot = attention_robot(engine="eager", dtype="bfloat16", enabled=True)
    maps = robot.listen(AttentionMap, ATTENTION)
    reports = robot.listen(DiagnosticArray, "/diagnostics")
    robot.spin()
    robot.observe()
    assert robot.wait(lambda: len(maps) == 1)
    assert robot.wait(
        lambda: (
            values(reports)
            .get("precision_error", "")
            .startswith("not measured: the node was enabled from the start")
        )
    )
    assert robot.call(SetBool, "/act_attention/enable", SetBool.Request(data=False)).success
    reports.clear()
    for count in range(2, 7):
        robot.observe()
        assert robot.wait(lambda count=count: len(maps) == count)
    assert robot.wait(lambda: values(reports).get("precision_error_observations") == "5")


def test_measuring_the_error_is_no_part_of_what_a_tick_takes_to_show(attention_robot):
    robot = attention_robot(engine="eager", dtype="bfloat16", attention_method="rollout")
    maps = robot.listen(AttentionMap, ATTENTION)
    ticks = robot.node.ticks
    measure, shown = ticks.policy.precision_error, []

    def slow(features):
        shown.append(ticks._shown_ticks.seconds)
        time.sleep(0.5)
        return measure(features)

    ticks.policy.precision_error = slow
    robot.spin()
    robot.observe()
    assert robot.wait(lambda: len(maps) == 1)
    assert robot.wait(lambda: ticks._engine_health._errors)
    with ticks._ticking:  # once the tick has ended, it is what it was before
        assert 0 < ticks._shown_ticks.seconds == shown[0]


@pytest.mark.parametrize(
    ("name", "value", "valid"),
    [("engine", "warp", "eager, compile"), ("dtype", "float8", "float32, bfloat16, int8")],
)
def test_an_unknown_engine_or_precision_ends_the_start_with_the_valid_ones(
    run_node, checkpoint, contract, name, value, valid
):
    status, text = run_node(
        "act_attention", policy=checkpoint, contract=contract(), **{name: value}
    )
    assert status == 1
    assert f"'{name}' is '{value}'" in text
    assert valid in text
