# SPDX-License-Identifier: Apache-2.0
"""Maps per second, and what the node says if they are few."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus

from pam_ros.msg import AttentionMap
from pam_ros.nodes.act import map_rate
from pam_ros.nodes.act.map_rate import MapRate, faster, why_few_maps
from pam_ros.policy.interface import EngineReport

EAGER = EngineReport("eager", "float32", 0.0, "", ("openvino",))


def test_maps_are_counted_over_ten_seconds():
    now = [100.0]
    rate = MapRate(lambda: now[0])
    for _ in range(40):
        now[0] += 0.25
        rate.add()
    assert rate.per_second == pytest.approx(4.0, rel=0.05)
    now[0] += 20.0
    assert rate.per_second == 0


def test_a_node_is_not_judged_before_five_seconds_and_then_by_two_maps_in_four():
    now = [0.0]
    rate = MapRate(lambda: now[0])
    now[0] = 4.9
    assert not rate.too_few
    now[0] = 5.1
    assert rate.too_few
    for _ in range(5):
        rate.add()
    assert not rate.too_few
    now[0] = 30.0
    assert rate.too_few
    rate.begin()
    assert not rate.too_few


@pytest.mark.parametrize(
    ("forward_s", "show_s", "skipped", "words"),
    [
        (0.25, 0.01, True, "250 ms of a period of 33 ms, and one that only explains waits"),
        (0.013, 0.01, True, "13 ms of a period of 33 ms, and one that only explains waits"),
        (0.01, 0.02, True, "maps and overlays take 20 ms of a period of 33 ms"),
        (3.0, 0.01, False, "a forward pass takes 3.0 s; "),
        (0.02, 0.01, False, "complete observations are rare"),
        (float("nan"), float("nan"), False, "complete observations are rare"),
    ],
)
def test_the_cause_is_named(forward_s, show_s, skipped, words):
    assert words in why_few_maps(
        EAGER, "cpu", forward_s=forward_s, show_s=show_s, period_s=1 / 30, skipped=skipped
    )


def test_passes_that_are_left_out_are_the_cause_if_there_are_more_of_them():
    now = [0.0]
    rate = MapRate(lambda: now[0])
    rate.add()
    assert not rate.skipped
    rate.skip()
    rate.skip()
    assert rate.skipped
    now[0] = 11.0
    assert not rate.skipped


@pytest.mark.parametrize(
    ("engine", "device", "installed", "cure"),
    [
        (EAGER, "cpu", True, "set engine: openvino"),
        (EAGER, "cpu", False, "pip install 'openvino>=2025.0'"),
        (
            EngineReport("openvino", "float32", 0.0, "", ("bfloat16",)),
            "cpu",
            True,
            "set dtype: bfloat16",
        ),
        (
            EngineReport("openvino", "bfloat16", 0.0, "", ("int8",)),
            "cpu",
            True,
            "set dtype: int8 (pam_ros quantise makes what it needs)",
        ),
        (EngineReport("openvino", "int8", 0.0, ""), "cpu", True, "use a GPU"),
        (EngineReport("cuda_graph", "float32", 0.0, ""), "cuda:0", True, "a faster GPU"),
    ],
)
def test_the_cure_is_the_next_faster_thing(monkeypatch, engine, device, installed, cure):
    found = object() if installed else None
    monkeypatch.setattr(map_rate.importlib.util, "find_spec", lambda _name: found)
    assert cure in faster(engine, device)


def slowed(policy, seconds):
    """The policy's pass takes at least so long."""
    inner = policy.explain

    def slow(observation):
        time.sleep(seconds)
        return inner(observation)

    policy.explain = slow


def test_a_disabled_node_explains_every_observation_although_a_pass_outlasts_a_period(
    attention_robot,
):
    robot = attention_robot({"trigger": "null", "max_age": 5.0}, rate_hz=100.0)
    slowed(robot.node.ticks.policy, 0.1)  # ten periods
    maps = robot.listen(AttentionMap, "/act_attention/attention")
    robot.spin()
    while_waiting = []

    def enough() -> bool:
        while_waiting.append(robot.observe())
        return len(maps) >= 15

    assert robot.wait(enough)
    assert all(message.valid and not message.inference_skipped for message in maps)
    assert not any(message.chunk_executed for message in maps)
    assert [m.command_source_tick for m in maps] == [m.tick for m in maps]


def test_diagnostics_say_maps_per_second_and_warn_with_a_cure(attention_robot):
    """Commands go out, one chunk in four seconds, and passes that only explain never have time."""
    robot = attention_robot({"trigger": "null"}, enabled=True, n_action_steps=8, rate_hz=2.0)
    policy = robot.node.ticks.policy
    inner = policy.step
    policy.step = lambda observation: replace(inner(observation), forward_seconds=10.0)
    reports = robot.listen(DiagnosticArray, "/diagnostics")
    robot.spin()

    def warned() -> bool:
        robot.observe()
        return any("maps a second: " in report.status[0].message for report in reports)

    assert robot.wait(warned, seconds=60.0)
    report = next(r.status[0] for r in reports if "maps a second: " in r.status[0].message)
    assert report.level == DiagnosticStatus.WARN
    assert "10000 ms of a period of 500 ms" in report.message
    assert "before the next chunk is due, which is every 4.00 s" in report.message
    assert "or disable to look" in report.message


def test_a_policy_that_has_no_faster_engine_is_not_told_to_set_one():
    only = EngineReport("eager", "float32", 0.0, "")
    assert faster(only, "cpu") == "use a GPU (device: cuda)"


def test_the_next_look_does_not_wait_for_the_timer(attention_robot):
    robot = attention_robot({"trigger": "null", "max_age": 5.0}, rate_hz=4.0)
    policy, begun = robot.node.ticks.policy, []
    slowed(policy, 0.3)  # by the timer alone, every second period: 0.5 s
    inner = policy.explain

    def noted(observation):
        begun.append(time.monotonic())
        return inner(observation)

    policy.explain = noted
    robot.spin()

    def sooner() -> bool:
        robot.observe()
        return any(b - a < 0.45 for a, b in itertools.pairwise(list(begun)))

    assert robot.wait(sooner)
