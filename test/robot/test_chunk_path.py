# SPDX-License-Identifier: Apache-2.0
"""Where a chunk takes the tips of a robot."""

import numpy as np
import pytest

from pam_ros.robot import MessageError, parse_contract
from pam_ros.robot.chunk_path import ChunkPaths
from pam_ros.robot.kinematics import read_tree


def arm(side, base="base"):
    names = [f"{side}{n}" for n in range(3)]
    links = [base, *(f"{name}_link" for name in names)]
    text = "".join(
        f'<link name="{links[n + 1]}"/><joint name="{name}" type="revolute">'
        f'<parent link="{links[n]}"/><child link="{links[n + 1]}"/><origin xyz="0.1 0 0"/>'
        f'<axis xyz="0 0 1"/></joint>'
        for n, name in enumerate(names)
    )
    return text + (
        f'<link name="{side}tool"/><joint name="{side}t" type="fixed">'
        f'<parent link="{links[-1]}"/><child link="{side}tool"/><origin xyz="0.1 0 0"/></joint>'
        f'<link name="{side}finger"/><joint name="{side}grip" type="prismatic">'
        f'<parent link="{links[-1]}"/><child link="{side}finger"/></joint>'
    )


def tree(*sides):
    return read_tree(f'<robot name="r"><link name="base"/>{"".join(map(arm, sides))}</robot>')


def command(*parts):
    data = {
        "robot": "r",
        "rate_hz": 10,
        "cameras": [{"name": "top", "topic": "/top", "feature": "observation.image"}],
        "state": [{"topic": f"/r{n}/joint_states",
                   "joints": [{"name": j, "limits": [-3, 3]} for j in joints]}
                  for n, joints in enumerate(parts)],
        "command": [{"topic": f"/r{n}/go", "type": "sensor_msgs/msg/JointState",
                     "max_velocity": 1, "measured_by": f"/r{n}/joint_states"}
                    for n, _ in enumerate(parts)],
    }  # fmt: skip
    return parse_contract(data, "c.yaml").command


def test_the_path_of_one_arm_is_that_of_its_tool_and_its_gripper_has_none():
    joints = ["a0", "a1", "a2", "agrip"]
    found = ChunkPaths(tree("a"), command(joints))
    assert found.tips == ("atool",)
    angles = np.linspace(0, 1, 5)
    chunk = np.stack([angles, -angles, angles * 0, angles], axis=1)
    (path,) = found.paths(joints, chunk).values()
    # 0.1 along x, then 0.1 turned by a0, and from there along x again.
    expected = np.stack([0.3 + 0.1 * np.cos(angles), 0.1 * np.sin(angles), 0 * angles], axis=1)
    np.testing.assert_allclose(path, expected, atol=1e-12)


def test_two_arms_have_two_paths():
    left, right = ["a0", "a1", "a2", "agrip"], ["b0", "b1", "b2", "bgrip"]
    found = ChunkPaths(tree("a", "b"), command(left, right))
    assert set(found.tips) == {"atool", "btool"}
    chunk = np.zeros((2, 8))
    chunk[1, 4] = np.pi
    paths = found.paths(left + right, chunk)
    np.testing.assert_allclose(paths["atool"], [(0.4, 0, 0)] * 2, atol=1e-12)
    np.testing.assert_allclose(paths["btool"][1], (-0.2, 0, 0), atol=1e-12)


def test_joints_that_the_chunk_leaves_out_stand_where_they_are_measured():
    found = ChunkPaths(tree("a"), command(["a0"]), ["atool"])
    (path,) = found.paths(["a0"], np.zeros((1, 1)), {"a1": np.pi / 2}).values()
    np.testing.assert_allclose(path, [(0.2, 0.2, 0)], atol=1e-12)


def test_what_cannot_be_followed_is_a_sentence():
    with pytest.raises(MessageError, match="no joint that the contract commands to positions: it"):
        ChunkPaths(tree("a"), command(["z0", "z1"]))
    with pytest.raises(MessageError, match="no link 'nose'"):
        ChunkPaths(tree("a"), command(["a0"]), ["nose"])
    found = ChunkPaths(tree("a"), command(["a0"]))
    for labels, chunk in ((["x"], np.zeros((1, 1))), (["a0"], np.full((1, 1), np.nan))):
        with pytest.raises(MessageError, match="no finite position"):
            found.paths(labels, chunk)
