# SPDX-License-Identifier: Apache-2.0
"""`contribution_targets`: maps of several targets on topics of their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from rclpy.parameter import Parameter

from pam_ros.attention.maps import Missing
from pam_ros.msg import AttentionMap
from pam_ros.nodes.act.further_maps import MOST, further_targets
from pam_ros.nodes.kit.parameters import ParameterError

MAIN, BELOW = "/act_attention/attention", "/act_attention/attention_map"
PIXELS = np.random.default_rng(3).integers(0, 256, (64, 96, 3), np.uint8)


class Spec:
    chunk_size = 8


def tick(robot, maps):
    wanted = len(maps) + 1
    robot.observe(pixels=PIXELS, positions=(0.3, -0.6))
    assert robot.wait(lambda: len(maps) >= wanted)
    return maps[-1]


def test_each_target_has_its_map_with_the_ticks_own_stamps(attention_robot):
    robot = attention_robot(
        attention_method="contribution",
        contribution_targets="[lift, 'pan[0:2]']",
    )
    maps = robot.listen(AttentionMap, MAIN)
    lift = robot.listen(AttentionMap, f"{BELOW}/lift")
    pan = robot.listen(AttentionMap, f"{BELOW}/pan_0_2")
    robot.spin()
    own = tick(robot, maps)
    assert robot.wait(lambda: lift and pan)
    assert [one.target for one in (own, lift[0], pan[0])] == ["chunk", "lift", "pan[0:2]"]
    assert [one.unit for one in (own, lift[0])] == ["normalised action", "action"]
    for one in (lift[0], pan[0]):
        assert (one.valid, one.method, one.tick, one.episode) == (True, "contribution", 0, 0)
        assert one.header == own.header
        assert one.cameras[0].header == own.cameras[0].header
        assert len(one.cameras[0].cells) == len(own.cameras[0].cells)
    assert not np.allclose(lift[0].cameras[0].signed_cells, pan[0].cameras[0].signed_cells)

    # The same as if it were the tick's own.
    robot.node.set_parameters([Parameter("contribution_target", value="lift")])
    own = tick(robot, maps)
    np.testing.assert_allclose(own.cameras[0].cells, lift[0].cameras[0].cells, atol=1e-6)
    # They come after the tick's own, and not once their topic has gone.
    assert robot.wait(lambda: len(lift) == 2)

    # Live: one topic goes, another comes.
    (result,) = robot.node.set_parameters([Parameter("contribution_targets", value=["pan"])])
    assert result.successful
    names = {one.topic_name for one in robot.node.publishers}
    assert f"{BELOW}/pan" in names
    assert f"{BELOW}/lift" not in names
    assert tick(robot, maps).tick == 2
    assert robot.quiet(lift)
    assert [one.tick for one in lift] == [0, 1]

    # What is none of the policy's changes nothing.
    for value, words in (
        (["gripper"], "'gripper' is none of this policy's"),
        (["lift[0:2]", "lift[0:2] "], "would both be on ~/attention_map/lift_0_2"),
    ):
        (result,) = robot.node.set_parameters([Parameter("contribution_targets", value=value)])
        assert not result.successful
        assert words in result.reason
    assert robot.node.get_parameter("contribution_targets").value == ["pan"]
    (result,) = robot.node.set_parameters([Parameter("contribution_targets", value=[1, 2])])
    assert "it must be a list of texts" in result.reason
    (result,) = robot.node.set_parameters([Parameter("contribution_targets", value=[])])
    assert result.successful
    assert f"{BELOW}/pan" not in {one.topic_name for one in robot.node.publishers}


def test_one_that_cannot_be_explained_says_why_and_a_tick_without_a_map_has_none(attention_robot):
    robot = attention_robot(attention_method="contribution", contribution_targets="[lift]")
    maps = robot.listen(AttentionMap, MAIN)
    lift = robot.listen(AttentionMap, f"{BELOW}/lift")
    policy = robot.node.ticks.policy
    contribute = policy.contribute
    policy.contribute = lambda *given: replace(
        contribute(*given), also=(Missing("lift", "its gradient is not finite"),)
    )
    robot.spin()
    assert tick(robot, maps).valid
    assert robot.wait(lambda: lift)
    assert (lift[0].valid, lift[0].target) == (False, "lift")
    assert lift[0].invalid_reason == "its gradient is not finite"
    policy.contribute = contribute
    robot.node.set_parameters([Parameter("attention_method", value="rollout")])
    assert tick(robot, maps).method == "rollout"
    robot.node.set_parameters([Parameter("attention_method", value="contribution")])
    tick(robot, maps)
    assert robot.wait(lambda: len(lift) == 2)
    assert [one.tick for one in lift] == [0, 2]


def test_the_words_of_topics():
    def words(*texts):
        return list(further_targets({"contribution_targets": texts}, Spec, ("a b", "7", "ä", "c")))

    assert words("a b[3]", "7[0:2]", "ä", "c", " ", "") == ["a_b_3", "target_7_0_2", "target", "c"]
    with pytest.raises(ParameterError, match="'chunk\\[0:8\\]' and 'chunk\\[0:8\\]' would both"):
        words("chunk[0:8]", "chunk[0:8]")


def test_there_may_be_so_many_and_no_more():
    texts = [f"chunk[{start}:8]" for start in range(8)] + [f"c[{start}:8]" for start in range(8)]
    values = {"contribution_targets": texts}
    assert len(further_targets(values, Spec, ("c",))) == MOST == 16
    values["contribution_targets"] = [*texts, "c"]
    with pytest.raises(ParameterError, match="has 17 targets: at most 16"):
        further_targets(values, Spec, ("c",))
