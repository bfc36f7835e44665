# SPDX-License-Identifier: Apache-2.0
"""~/explain beside the ticks, against the gradient methods called by hand."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest
from sensor_msgs.msg import Image
from std_srvs.srv import Trigger

from pam_ros.msg import AttentionMap
from pam_ros.policy import PolicyError, load_policy
from pam_ros.policy.act.gradients import Target, attribute

ATTENTION = "/act_attention/attention"
EXPLANATION = "/act_attention/explanation"
SERVICE = "/act_attention/explain"
TOLERANCE_S = 0.02  # of the robot's contract


@pytest.mark.parametrize(
    ("method", "target", "joint", "step"),
    [
        ("input_gradients", "chunk", None, None),
        ("integrated_gradients", "lift[2]", 1, 2),
        ("grad_cam", "chunk", None, None),
    ],
)
def test_an_explanation_is_the_method_on_the_newest_observation(
    attention_robot, checkpoint, method, target, joint, step
):
    robot = attention_robot(
        enabled=True,  # only then is there a queue that an explanation could disturb
        explain_method=method,
        explain_target=f"'{target}'",
        explain_baseline="mean",
    )
    maps = robot.listen(AttentionMap, ATTENTION)
    explanations = robot.listen(AttentionMap, EXPLANATION)
    pictures = robot.listen(Image, f"{EXPLANATION}/top/image")
    robot.spin()
    pixels = np.random.default_rng(3).integers(0, 256, (64, 96, 3), np.uint8)
    robot.observe()
    assert robot.wait(lambda: len(maps) == 1)
    # The image may be there before its joint state; the last one must not be near enough by then.
    time.sleep(2 * TOLERANCE_S)
    robot.observe(pixels=pixels, positions=(0.3, -0.6), frame_id="top_optical")
    assert robot.wait(lambda: len(maps) == 2)
    answer = robot.call(Trigger, SERVICE, Trigger.Request())
    assert answer.success
    assert f"{method} of tick 1" in answer.message
    assert robot.wait(lambda: explanations and pictures)
    (found,) = explanations
    assert found.valid, found.invalid_reason
    assert (found.method, found.target, found.tick) == (method, target, 1)
    assert found.header.stamp == maps[1].header.stamp == pictures[0].header.stamp
    assert found.header.frame_id == "top_optical"
    assert found.cameras[0].share == pytest.approx(1, abs=1e-5)
    assert len(found.head_entropy) == 0

    state = np.array([0.3, -0.6], np.float32)
    expected = attribute(
        load_policy(checkpoint, device="cpu", engine="eager"),
        {"observation.images.top": pixels, "observation.state": state},
        method,
        target=Target(joint, step),
        baseline="mean",
        joints=("pan", "lift"),
    )
    cells = np.abs(expected.images["observation.images.top"]) if expected.images else None
    if cells is None:
        cells = np.abs(expected.cells["observation.images.top"])
        np.testing.assert_allclose(found.cameras[0].cells, cells.ravel() / cells.sum(), atol=1e-5)
    assert found.total == pytest.approx(float(cells.sum()), rel=1e-4)
    assert (found.method_asked, found.method_reason) == (method, "")
    assert found.unit == "normalised action"
    signed = np.asarray(found.cameras[0].signed_cells)
    assert [group.name for group in found.groups] == ["latent", "joint_state"]
    assert found.baseline == ("mean" if target == "chunk" or len(signed) else "")
    if method != "integrated_gradients":
        assert (found.points, len(signed)) == (1, 0)
    else:
        assert found.points == 32
        assert (signed < 0).any()
        assert signed.sum() == pytest.approx(found.cameras[0].contribution, rel=1e-3)
        assert found.cameras[0].contribution == pytest.approx(expected.total, rel=1e-3)
        assert found.completeness_error == pytest.approx(expected.completeness_error, abs=1e-6)
    # The policy is where it was: the next tick is number 2, of the same chunk.
    robot.observe()
    assert robot.wait(lambda: len(maps) == 3)
    assert (maps[2].tick, maps[2].command_source_tick) == (2, 0)


def test_ticks_go_on_while_an_explanation_is_computed_and_a_second_one_is_refused(
    attention_robot, monkeypatch
):
    robot = attention_robot()
    maps = robot.listen(AttentionMap, ATTENTION)
    explanations = robot.listen(AttentionMap, EXPLANATION)
    robot.spin()
    early = robot.call(Trigger, SERVICE, Trigger.Request())
    assert not early.success
    assert "before the first observation" in early.message

    go = threading.Event()

    priorities = []

    def slow(*_arguments, **_options):
        priorities.append(os.getpriority(os.PRIO_PROCESS, 0))  # of the calling thread, on Linux
        assert go.wait(120.0)
        raise PolicyError("no gradient today")

    monkeypatch.setattr("pam_ros.policy.act.gradients.attribute", slow)
    robot.observe()
    assert robot.wait(lambda: len(maps) == 1)
    assert robot.call(Trigger, SERVICE, Trigger.Request()).success
    second = robot.call(Trigger, SERVICE, Trigger.Request())
    assert not second.success
    assert "is being computed" in second.message
    for count in (2, 3, 4):
        robot.observe()
        assert robot.wait(lambda count=count: len(maps) == count)
    go.set()
    assert robot.wait(lambda: len(explanations) == 1)
    assert not explanations[0].valid
    assert explanations[0].invalid_reason == "no gradient today"
    assert explanations[0].tick == 0
    assert priorities == [19]
    assert os.getpriority(os.PRIO_PROCESS, 0) < 19
    monkeypatch.undo()
    # It is published before it has ended.
    assert robot.wait(lambda: robot.call(Trigger, SERVICE, Trigger.Request()).success)
    assert robot.wait(lambda: len(explanations) == 2)
    assert explanations[1].valid
    assert explanations[1].tick == 3
