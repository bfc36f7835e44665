# SPDX-License-Identifier: Apache-2.0
"""Forward kinematics of URDFs, compared with closed forms, and descriptions that are none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pam_ros.robot import MessageError
from pam_ros.robot.kinematics import MAX_JOINTS, read_tree
from pam_ros.robot.rotations import (
    from_quaternion,
    inverse,
    quaternion,
    roll_pitch_yaw,
    transform,
    turned,
)

ANGLES = st.floats(-3.1, 3.1)
TWO_LINKS = """<?xml version="1.0"?>
<robot name="r">
  <link name="base"/><link name="upper"/><link name="fore"/><link name="slide"/><link name="tool"/>
  <link name="hand_camera_link"/><link name="finger"/>
  <joint name="lift" type="revolute">
    <parent link="base"/><child link="upper"/><axis xyz="0 0 2"/>
    <limit lower="-1" upper="1" effort="1" velocity="1"/>
  </joint>
  <joint name="elbow" type="continuous">
    <parent link="upper"/><child link="fore"/><origin xyz="0.3 0 0"/><axis xyz="0 0 1"/>
  </joint>
  <joint name="reach" type="prismatic">
    <parent link="fore"/><child link="slide"/><origin xyz="0.2 0 0"/>
    <limit lower="0" upper="1" effort="1" velocity="1"/>
  </joint>
  <joint name="tool_fixed" type="fixed"><parent link="slide"/><child link="tool"/>
    <origin xyz="0 0 0.1" rpy="0 0 1.5707963267948966"/></joint>
  <joint name="camera" type="fixed"><parent link="slide"/><child link="hand_camera_link"/></joint>
  <joint name="grip" type="revolute"><parent link="slide"/><child link="finger"/>
    <mimic joint="elbow" multiplier="-2" offset="0.1"/>
    <limit lower="-1" upper="1" effort="1" velocity="1"/></joint>
  <transmission name="t"><joint name="lift"/></transmission>
  <ros2_control name="c" type="system"><joint name="lift"><command_interface name="position"/></joint></ros2_control>
</robot>"""  # noqa: E501


@given(ANGLES, ANGLES, st.floats(0, 1))
def test_a_planar_arm_stands_where_its_closed_form_says(lift, elbow, reach):
    poses = read_tree(TWO_LINKS).poses({"lift": lift, "elbow": elbow, "reach": reach})
    whole = lift + elbow
    x = 0.3 * np.cos(lift) + (0.2 + reach) * np.cos(whole)
    y = 0.3 * np.sin(lift) + (0.2 + reach) * np.sin(whole)
    np.testing.assert_allclose(poses["tool"][:3, 3], (x, y, 0.1), atol=1e-12)
    np.testing.assert_allclose(poses["tool"], transform((x, y, 0.1), (0, 0, whole + np.pi / 2)),
                               atol=1e-12)  # fmt: skip
    # The finger follows the elbow, and turns about x, the axis of a joint that names none.
    finger = inverse(poses["slide"]) @ poses["finger"]
    np.testing.assert_allclose(finger, transform((0, 0, 0), (0.1 - 2 * elbow, 0, 0)), atol=1e-12)


def test_a_whole_chunk_at_once_is_each_of_its_steps():
    tree, rng = read_tree(TWO_LINKS), np.random.default_rng(0)
    chunk = {name: rng.uniform(-1, 1, 20) for name in ("lift", "elbow", "reach")}
    together = tree.poses(chunk)["tool"]
    for step in range(20):
        alone = tree.poses({name: values[step] for name, values in chunk.items()})["tool"]
        np.testing.assert_allclose(together[step], alone, atol=1e-12)


def test_joints_that_are_not_there_change_nothing():
    tree = read_tree(TWO_LINKS)
    np.testing.assert_array_equal(tree.poses({"nobody": 1.0})["tool"], tree.poses({})["tool"])


def test_a_tool_frame_stands_for_an_arm_and_a_camera_does_not():
    tree = read_tree(TWO_LINKS)
    assert tree.root == "base"
    assert tree.moving == ("lift", "elbow", "reach")
    assert tree.tip(["lift", "elbow", "reach"]) == "tool"
    without = TWO_LINKS.replace('<link name="tool"/>', "").replace(
        TWO_LINKS[
            TWO_LINKS.index('<joint name="tool_fixed"') : TWO_LINKS.index('<joint name="cam')
        ],
        "",
    )
    assert read_tree(without).tip(["lift"]) == "hand_camera_link"  # nothing else, and no finger
    with pytest.raises(MessageError, match="has none of the joints wheel"):
        tree.tip(["wheel"])


@given(ANGLES, st.floats(-1.5, 1.5), ANGLES)
def test_rotations_come_back_from_rpy_and_from_quaternions(roll, pitch, yaw):
    matrix = transform((1.0, 2.0, 3.0), (roll, pitch, yaw))
    np.testing.assert_allclose(transform((1, 2, 3), roll_pitch_yaw(matrix)), matrix, atol=1e-9)
    np.testing.assert_allclose(from_quaternion((1, 2, 3), quaternion(matrix)), matrix, atol=1e-9)
    np.testing.assert_allclose(inverse(matrix) @ matrix, np.eye(4), atol=1e-9)
    about_z, about_y, about_x = (
        turned(np.eye(3)[axis], angle) for axis, angle in ((2, yaw), (1, pitch), (0, roll))
    )
    alone = transform((0, 0, 0), (roll, pitch, yaw))
    np.testing.assert_allclose(about_z @ about_y @ about_x, alone, atol=1e-9)


def robot(*parts, links=("a", "b", "c")):
    return f"<robot>{''.join(f'<link name={one!r}/>' for one in links)}{''.join(parts)}</robot>"


def joint(parent, child, name="j", kind="revolute", inside=""):
    return (
        f'<joint name="{name}" type="{kind}"><parent link="{parent}"/><child link="{child}"/>'
        f"{inside}</joint>"
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is no XML"),
        ("joints: [a, b]", "is no XML"),
        ("<robot>", "is no XML"),
        ("<sdf/>", "a URDF is a <robot>"),
        ('<!DOCTYPE r [<!ENTITY a "b">]><robot/>', "declares entities"),
        ("<robot/>", "one root link, and has none"),
        (robot(), "one root link, and has a, b, c"),
        (robot(joint("a", "b"), joint("c", "b")), "link 'b' has two parents"),
        (robot(joint("a", "x")), "names the link 'x'"),
        (robot(joint("b", "c"), joint("c", "b")), "links form a circle"),
        (robot(joint("a", "b", kind="screw")), "is of the type 'screw'"),
        (robot('<joint name="j" type="fixed"/>'), "has no parent and child"),
        (robot(joint("a", "b", inside='<axis xyz="0 0 0"/>')), "axis of length 0"),
        (robot(joint("a", "b", inside='<origin xyz="1 2"/>')), "has xyz '1 2'"),
        (robot(joint("a", "b", inside='<origin rpy="1 nan 2"/>')), "has rpy '1 nan 2'"),
        (robot(joint("a", "b", inside='<mimic joint="k" multiplier="x"/>')), "multiplier 'x'"),
        (robot(*[joint("a", "b")] * (MAX_JOINTS + 1)), "more than 2000 joints"),
        ("<robot>" + " " * 20_000_001, "larger than 20 MB"),
        ("<a>" * 100_000 + "</a>" * 100_000, "a URDF is a <robot>"),
    ],
)
def test_what_is_no_tree_of_links_is_one_sentence(text, sentence):
    with pytest.raises(MessageError) as error:
        read_tree(text)
    assert sentence in str(error.value)
    assert len(str(error.value)) < 200


@given(st.text(max_size=200))
def test_no_text_does_anything_else(text):
    with pytest.raises(MessageError):
        read_tree(text)


def test_the_longest_chain_that_is_taken_is_followed_to_its_end():
    links = [f"l{n}" for n in range(MAX_JOINTS + 1)]
    text = robot(
        *(joint(f"l{n}", f"l{n + 1}", f"j{n}", inside='<origin xyz="0 0 1"/>')
          for n in range(MAX_JOINTS)),
        links=links,
    )  # fmt: skip
    tree = read_tree(text)
    assert tree.poses({})[links[-1]][2, 3] == MAX_JOINTS
    assert tree.tip(["j0"]) == links[-1]
