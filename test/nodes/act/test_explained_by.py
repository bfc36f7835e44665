# SPDX-License-Identifier: Apache-2.0
"""A map says what computed it, and /diagnostics how far that is from what commands."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from pam_ros.msg import AttentionMap
from pam_ros.nodes.act.explained_by import ExplainedBy
from pam_ros.policy import load_policy

PIXELS = np.random.default_rng(3).integers(0, 256, (64, 96, 3), np.uint8)


def tick(robot, maps):
    wanted = len(maps) + 1
    robot.observe(pixels=PIXELS, positions=(0.3, -0.6))
    assert robot.wait(lambda: len(maps) >= wanted)
    return maps[-1]


@pytest.mark.parametrize(("method", "said"), [("rollout", ""), ("contribution", "eager float32")])
def test_attention_names_none_and_the_same_engine_is_not_compared(attention_robot, method, said):
    robot = attention_robot(attention_method=method)
    maps = robot.listen(AttentionMap, "/act_attention/attention")
    robot.spin()
    assert tick(robot, maps).explained_by == said
    values = robot.node.ticks.shown.values()
    assert values.get("explained_by", "") == said
    assert "explained_chunk_difference" not in values


def test_another_engine_is_compared_on_checked_ticks(attention_robot, checkpoint):
    pytest.importorskip("openvino")
    robot = attention_robot(
        attention_method="contribution",
        engine="openvino",
        dtype="bfloat16",
        contribution_check_every=2,
    )
    maps = robot.listen(AttentionMap, "/act_attention/attention")
    robot.spin()
    policy = robot.node.ticks.policy
    commands = (policy.engine.name, policy.engine.dtype)
    assert commands[0] == "openvino"
    assert tick(robot, maps).explained_by == f"eager {commands[1]}"
    key = "explained_chunk_difference"  # noted when the map has gone out
    assert robot.wait(lambda: key in robot.node.ticks.shown.values())
    measured = robot.node.ticks.shown.values()[key]
    observation = {
        "observation.images.top": PIXELS,
        "observation.state": np.array([0.3, -0.6], np.float32),
    }
    other = load_policy(checkpoint, device="cpu", engine="eager", dtype=commands[1])
    away = policy.explain(observation).normalised - other.explain(observation).normalised
    # bfloat16 rounds differently with other kernels: the two are near, and not the same.
    assert float(measured) == pytest.approx(float(np.abs(away).max()), abs=0.02)
    assert 0 <= float(measured) < 0.2


def test_the_largest_so_far_stays():
    explained = ExplainedBy()
    assert explained.values() == {}
    for difference in (math.nan, 0.25, math.nan, 0.125):
        explained.note(SimpleNamespace(explained_by="eager float32", chunk_difference=difference))
    assert explained.values() == {
        "explained_by": "eager float32",
        "explained_chunk_difference": "0.1250",
        "explained_chunk_difference_max": "0.2500",
    }
