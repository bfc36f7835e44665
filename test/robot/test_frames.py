# SPDX-License-Identifier: Apache-2.0
"""Frames to each other, from /tf and /tf_static."""

from types import SimpleNamespace

import numpy as np
import pytest

from pam_ros.robot import MessageError
from pam_ros.robot.frames import MAX_FRAMES, FrameTree
from pam_ros.robot.rotations import inverse, quaternion, transform

SECOND = 1_000_000_000


def message(parent, child, matrix, stamp_ns=0):
    place, turn = matrix[:3, 3], quaternion(matrix)
    seconds, nanoseconds = divmod(stamp_ns, SECOND)
    return SimpleNamespace(
        header=SimpleNamespace(
            frame_id=parent, stamp=SimpleNamespace(sec=seconds, nanosec=nanoseconds)
        ),
        child_frame_id=child,
        transform=SimpleNamespace(
            translation=SimpleNamespace(**dict(zip("xyz", place, strict=True))),
            rotation=SimpleNamespace(**dict(zip("xyzw", turn, strict=True))),
        ),
    )


BASE_ARM = transform((0, 0, 1), (0, 0.3, 0.2))
ARM_EYE = transform((0.1, 0, 0), (1.0, 0, 0))


@pytest.fixture
def tree():
    found = FrameTree()
    found.take([message("arm", "/eye", ARM_EYE)], static=True)
    found.take([message("base", "arm", BASE_ARM, SECOND)], static=False)
    found.take([message("base", "arm", transform((9, 9, 9)), 2 * SECOND)], static=False)
    return found


def test_a_chain_is_followed_up_and_down(tree):
    np.testing.assert_allclose(tree.between("base", "eye", SECOND), BASE_ARM @ ARM_EYE, atol=1e-9)
    there = tree.between("eye", "base", SECOND)
    np.testing.assert_allclose(there, inverse(BASE_ARM @ ARM_EYE), atol=1e-9)
    np.testing.assert_allclose(tree.between("eye", "eye", 0), np.eye(4), atol=1e-9)


def test_the_nearest_moment_counts_and_zero_is_the_newest(tree):
    near = tree.between("base", "arm", SECOND + SECOND // 3)
    np.testing.assert_allclose(near, BASE_ARM, atol=1e-9)
    assert tree.between("base", "arm", 0)[0, 3] == 9
    with pytest.raises(MessageError, match=r"nothing of 'arm' within 3.0 s"):
        tree.between("base", "arm", 5 * SECOND)


def test_a_clock_that_began_anew_is_followed(tree):
    tree.take([message("base", "arm", transform((4, 0, 0)), 1)], static=False)
    assert tree.between("base", "arm", SECOND // 10)[0, 3] == 4
    with pytest.raises(MessageError):
        tree.between("base", "arm", 2 * SECOND)


def test_what_is_not_joined_is_a_sentence(tree):
    with pytest.raises(MessageError, match="/tf has no frame 'lens'"):
        tree.between("base", "lens", 0)
    tree.take([message("map", "lens", np.eye(4))], static=True)
    with pytest.raises(MessageError, match="nothing on /tf joins 'lens'"):
        tree.between("base", "lens", 0)
    tree.take([message("y", "x", np.eye(4)), message("x", "y", np.eye(4))], static=True)
    with pytest.raises(MessageError, match="go round in a circle"):
        tree.between("x", "y", 0)


def test_what_is_no_transform_is_passed_over(tree):
    bad = message("base", "bad", np.eye(4))
    bad.transform.rotation.w = 0.0
    worse = message("base", "worse", np.eye(4))
    worse.transform.translation.x = float("nan")
    tree.take([bad, worse], static=True)
    for name in ("bad", "worse"):
        with pytest.raises(MessageError):
            tree.between("base", name, 0)


def test_a_flood_of_frames_does_not_grow_without_end(tree):
    tree.take([message("base", f"f{n}", np.eye(4)) for n in range(MAX_FRAMES + 10)], static=True)
    tree.between("base", "f0", 0)
    with pytest.raises(MessageError):
        tree.between("base", f"f{MAX_FRAMES + 9}", 0)
