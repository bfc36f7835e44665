# SPDX-License-Identifier: Apache-2.0
"""What stands beside the joint state's share: of contributions what a camera did, else its mass."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from pam_ros.show.groups import camera_share
from pam_ros.show.report.tick import cameras_of

STAMP = SimpleNamespace(sec=1, nanosec=0)


def message(method, *, valid=True):
    camera = SimpleNamespace(
        name="top", header=SimpleNamespace(stamp=STAMP, frame_id="top"), rows=1, cols=1,
        image_height=32, image_width=32, cells=[1.0], x0=0.0, y0=0.0, dx=32.0, dy=32.0,
        share=1.0, part_share=0.25,
    )  # fmt: skip
    return SimpleNamespace(method=method, valid=valid, cameras=[camera])


@pytest.mark.parametrize(
    ("method", "share"),
    [
        ("contribution", 0.25),
        ("token_contribution", 0.25),
        ("rollout", 1.0),
        ("integrated_gradients", 1.0),
    ],
)
def test_a_cameras_share_is_of_what_the_joint_states_is_of(method, share):
    made = message(method)
    assert camera_share(made, made.cameras[0]) == share
    assert cameras_of(made)[0].share == share
    assert math.isnan(cameras_of(message(method, valid=False))[0].share)
