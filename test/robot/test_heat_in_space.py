# SPDX-License-Identifier: Apache-2.0
"""A map on a surface: seen from its camera, it lies where the overlay shows it."""

import numpy as np
import pytest

from pam_ros.robot import Grid
from pam_ros.robot.heat_in_space import ABOVE, frustum, heat_on_surface
from pam_ros.robot.pinhole import pinhole_of_fovy
from pam_ros.robot.rotations import inverse, transform

CAMERA = pinhole_of_fovy(80, 60, np.radians(50))
# A metre above the ground: looking down, the picture's top away from the base; and slanted.
DOWN = transform((0.3, 0.1, 1.0), (np.pi, 0.0, -np.pi / 2))
SLANTED = transform((0.0, 0.0, 0.5), (-np.pi / 2 - 0.5, 0.0, -np.pi / 2))
GRID = Grid(4.5, 4.5, 10.0, 10.0)  # 6 rows, 8 columns


def seen(points, pose):
    """Where the camera sees points (..., 3) of the room."""
    flat = points.reshape(-1, 3)
    local = flat @ inverse(pose)[:3, :3].T + inverse(pose)[:3, 3]
    return CAMERA.project(local).reshape(*points.shape[:-1], 2)


def cells(**heat):
    found = np.zeros((6, 8), np.float32)
    for key, value in heat.items():
        row, col = map(int, key[1:].split("_"))
        found[row, col] = value
    return found


@pytest.mark.parametrize("pose", [DOWN, SLANTED])
def test_corners_are_seen_at_the_middles_of_the_cells(pose):
    heat = heat_on_surface(cells(c4_3=0.5), GRID, 1.0, CAMERA, pose)
    assert len(heat.triangles) == 8  # the four pieces about the middle of the cell
    np.testing.assert_allclose(heat.triangles[..., 2], ABOVE, atol=1e-12)
    pixels = seen(heat.triangles, pose)
    at = np.abs(pixels - (34.5, 44.5)).max(axis=-1) < 1e-6
    assert at.any(axis=1).sum() == 6  # two of the eight halves do not touch it
    np.testing.assert_allclose(heat.levels[at], 0.5)
    np.testing.assert_allclose(heat.levels[~at], 0.0)
    assert pixels[..., 0].min() == pytest.approx(24.5)
    assert pixels[..., 1].max() == pytest.approx(54.5)
    (ray,) = heat.rays
    np.testing.assert_allclose(ray[0], pose[:3, 3])
    np.testing.assert_allclose(seen(ray[1], pose), (34.5, 44.5), atol=1e-6)
    np.testing.assert_allclose(heat.ray_levels, [0.5])


def test_uniform_heat_covers_the_whole_picture_and_no_more():
    heat = heat_on_surface(np.ones((6, 8), np.float32), GRID, 0.5, CAMERA, DOWN)
    pixels = seen(heat.triangles, DOWN).reshape(-1, 2)
    np.testing.assert_allclose(pixels.min(axis=0), (-0.5, -0.5), atol=1e-6)
    np.testing.assert_allclose(pixels.max(axis=0), (79.5, 59.5), atol=1e-6)
    assert (heat.levels == 1.0).all()
    a, b, c = np.moveaxis(heat.triangles, 1, 0)
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2
    whole = np.linalg.norm(CAMERA.rays([(-0.5, -0.5)])[0, :2]) ** 2 * 0.96 * 2  # 4:3
    assert area == pytest.approx(whole * (1 - ABOVE) ** 2, rel=1e-6)


def test_what_is_faint_beyond_the_horizon_or_far_is_left_out():
    everywhere = np.ones((6, 8), np.float32)
    up = transform((0, 0, 1), (0, 0, 0))  # looks at the sky
    assert not len(heat_on_surface(everywhere, GRID, 1.0, CAMERA, up).triangles)
    assert not len(heat_on_surface(everywhere, GRID, 1.0, CAMERA, up).rays)
    level = transform((0, 0, 1), (-np.pi / 2, 0, 0))  # half of it is sky
    near = heat_on_surface(everywhere, GRID, 1.0, CAMERA, level, farthest=5.0)
    assert len(near.triangles)
    assert np.linalg.norm(near.triangles - level[:3, 3], axis=-1).max() <= 5.0
    assert seen(near.triangles, level)[..., 1].min() > 29.5
    faint = heat_on_surface(everywhere, GRID, 100.0, CAMERA, DOWN)
    assert not len(faint.triangles)
    assert not len(faint.rays)


def test_the_surface_may_be_higher():
    heat = heat_on_surface(cells(c2_2=1.0), GRID, 1.0, CAMERA, DOWN, height=0.4)
    np.testing.assert_allclose(heat.triangles[..., 2], 0.4 + ABOVE)


def test_a_frustum_s_far_corners_are_the_picture_s():
    edges = frustum(CAMERA, 0.2)
    assert edges.shape == (8, 2, 3)
    assert (edges[:4, 0] == 0).all()
    corners = CAMERA.project(edges[:4, 1])
    np.testing.assert_allclose(
        corners, [(-0.5, -0.5), (79.5, -0.5), (79.5, 59.5), (-0.5, 59.5)], atol=1e-6
    )
    np.testing.assert_allclose(edges[..., 1, 2], 0.2)
