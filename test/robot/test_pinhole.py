# SPDX-License-Identifier: Apache-2.0
"""Rays and projections of calibrated cameras."""

from types import SimpleNamespace

import numpy as np
import pytest

from pam_ros.robot import MessageError
from pam_ros.robot.pinhole import fill_camera_info, pinhole_of_fovy, read_camera_info

LENS = {"d": [-0.3, 0.1, 0.001, -0.002, 0.0], "distortion_model": "plumb_bob"}
FISHEYE = {"d": [0.02, -0.01, 0.003, 0.0], "distortion_model": "equidistant"}


def info(**changes):
    roi = SimpleNamespace(x_offset=0, y_offset=0, width=0, height=0)
    message = SimpleNamespace(
        width=0, height=0, distortion_model="", d=[], k=[], r=[], p=[], roi=roi
    )
    fill_camera_info(message, pinhole_of_fovy(640, 480, np.radians(60)))
    vars(message).update(changes)
    return message


def test_the_axis_meets_the_middle_and_the_field_of_view_the_edges():
    camera = read_camera_info(info())
    np.testing.assert_allclose(camera.rays([(319.5, 239.5)]), [(0, 0, 1)], atol=1e-12)
    top, bottom = camera.rays([(319.5, -0.5), (319.5, 479.5)])
    assert np.degrees(np.arctan2(bottom[1], 1) - np.arctan2(top[1], 1)) == pytest.approx(60)
    assert camera.project([(0.1, 0.2, 1.0)])[0, 1] > 239.5  # y goes down


@pytest.mark.parametrize("lens", [{}, LENS, FISHEYE])
def test_a_ray_s_points_are_seen_where_it_began(lens):
    camera = read_camera_info(info(**lens))
    pixels = np.random.default_rng(0).uniform((80, 60), (560, 420), (50, 2))
    for depth in (0.1, 1.0, 7.0):
        np.testing.assert_allclose(camera.project(camera.rays(pixels) * depth), pixels, atol=0.05)


def test_pictures_that_are_rectified_go_by_p():
    message = info(**LENS)
    message.p = list(message.p)
    message.p[2] += 10
    camera = read_camera_info(message, rectified=True)
    np.testing.assert_allclose(camera.rays([(329.5, 239.5)]), [(0, 0, 1)], atol=1e-12)
    assert not camera.distortion.size


def test_a_region_of_interest_sees_its_part_of_the_picture():
    part = SimpleNamespace(x_offset=200, y_offset=100, width=320, height=240)
    whole, camera = (read_camera_info(info(**LENS, **roi)) for roi in ({}, {"roi": part}))
    assert (camera.width, camera.height) == (320, 240)
    pixels = np.array([(0.0, 0.0), (100.0, 50.0), (319.0, 239.0)])
    np.testing.assert_allclose(
        camera.rays(pixels), whole.rays(pixels + np.array((200, 100))), atol=1e-9
    )


def test_what_is_behind_the_camera_is_nowhere():
    assert np.isnan(read_camera_info(info()).project([(0.0, 0.0, -1.0)])).all()


def test_half_the_size_sees_the_same():
    camera = read_camera_info(info(**LENS))
    small = camera.for_size(320, 240)
    corners = [(-0.5, -0.5), (639.5, 479.5)], [(-0.5, -0.5), (319.5, 239.5)]
    np.testing.assert_allclose(camera.rays(corners[0]), small.rays(corners[1]), atol=1e-9)
    with pytest.raises(MessageError, match="of 640x480 pixels, and the picture has 320x320"):
        camera.for_size(320, 320)
    with pytest.raises(MessageError):
        camera.for_size(0, 0)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"k": [0.0] * 9}, "no focal length"),
        ({"k": [float("nan")] * 9}, "no focal length"),
        ({"k": [1.0]}, "no focal length"),
        ({"width": 0}, "no focal length"),
        ({"distortion_model": "mirror"}, "distortion model 'mirror'"),
        ({"d": [0.1] * 3}, "3 numbers of distortion"),
        ({"d": [float("inf")] * 5}, "5 numbers of distortion"),
    ],
)
def test_a_camera_that_is_not_calibrated_is_a_sentence(changes, sentence):
    with pytest.raises(MessageError, match=sentence):
        read_camera_info(info(**changes))
