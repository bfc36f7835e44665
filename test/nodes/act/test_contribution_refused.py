# SPDX-License-Identifier: Apache-2.0
"""What cannot be explained as asked: attention instead, with one sentence; never a dead node."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import torch
from rclpy.parameter import Parameter

from pam_ros.msg import AttentionMap

PIXELS = np.random.default_rng(3).integers(0, 256, (64, 96, 3), np.uint8)


@pytest.fixture
def shows(attention_robot):
    """Starts a node; gives the robot, and the map of one more tick."""

    def start(**parameters):
        robot = attention_robot(**{"attention_method": "contribution", **parameters})
        maps = robot.listen(AttentionMap, "/act_attention/attention")
        robot.spin()

        def tick():
            wanted = len(maps) + 1
            robot.observe(pixels=PIXELS, positions=(0.3, -0.6))
            assert robot.wait(lambda: len(maps) >= wanted)
            return maps[-1]

        return robot, tick

    return start


@pytest.fixture
def without_statistics(checkpoint, tmp_path):
    """The same policy, whose pictures are not normalised."""
    folder = tmp_path / "no_statistics"
    shutil.copytree(checkpoint, folder)
    for file in folder.glob("*.json"):
        text = file.read_text().replace('"VISUAL": "MEAN_STD"', '"VISUAL": "IDENTITY"')
        file.write_text(text)
    return folder


def is_attention_because(found, words):
    assert (found.valid, found.method, found.method_asked) == (True, "rollout", "contribution")
    assert (found.target, found.unit) == ("", "")
    assert words in found.method_reason
    assert "\n" not in found.method_reason


def test_targets_and_cells_that_there_are_not(shows):
    robot, tick = shows(contribution_target="gripper")
    is_attention_because(tick(), "'gripper' is none of this policy's")

    def set_to(name, value):
        (result,) = robot.node.set_parameters([Parameter(name, value=value)])
        assert result.successful
        return tick()

    is_attention_because(set_to("contribution_target", "lift[8]"), "steps [a:b]")
    is_attention_because(set_to("contribution_target", "pan[5:5]"), "steps [a:b]")
    assert set_to("contribution_target", "pan[7]").method == "contribution"
    is_attention_because(set_to("contribution_cell", 0), "cell 0 must be 1 or more")
    is_attention_because(
        set_to("contribution_cell", 97),
        "cell 97 is larger than the picture of observation.images.top, 64 x 96 pixels",
    )
    whole = set_to("contribution_cell", 96)
    assert (whole.method, whole.cameras[0].rows, whole.cameras[0].cols) == ("contribution", 1, 1)
    # Tokens have cells of their own.
    robot.node.set_parameters([Parameter("contribution_cell", value=4096)])
    assert set_to("attention_method", "token_contribution").method == "token_contribution"


def test_a_baseline_without_statistics(shows, without_statistics):
    robot, tick = shows(policy=without_statistics, contribution_baseline="mean")
    is_attention_because(
        tick(), "baseline 'mean' needs inputs that are normalised by their training mean"
    )
    robot.node.set_parameters([Parameter("contribution_baseline", value="blur")])
    assert tick().method == "contribution"


def test_a_policy_whose_pass_is_lerobots_own(shows, monkeypatch):
    monkeypatch.setattr("pam_ros.policy.act.contribution.why_unsupported", lambda _: "it is odd")
    _, tick = shows()
    is_attention_because(tick(), "has no contributions: its pass is lerobot's own, since it is odd")


def test_a_map_that_is_not_finite_is_invalid_with_its_reason(shows, monkeypatch):
    robot, tick = shows()
    gradient = torch.autograd.grad

    def broken(*given, **named):
        return [torch.full_like(one, torch.nan) for one in gradient(*given, **named)]

    monkeypatch.setattr(torch.autograd, "grad", broken)
    found = tick()
    assert (found.valid, len(found.cameras[0].cells)) == (False, 0)
    assert found.invalid_reason.endswith("are not finite on this observation")
    assert (found.method_asked, found.method) == ("contribution", "")
    monkeypatch.setattr(torch.autograd, "grad", gradient)
    assert tick().valid
    assert robot.node.ticks.commander.state.value != "fault"
