# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from pam_ros.sim.errors import SimError
from pam_ros.sim.scene import (
    EVALUATION_SEEDS,
    HOME_POSE,
    IMAGE_HEIGHT,
    IMAGE_WIDTH,
    JOINT_NAMES,
    OBJECT_ANGLE_RANGE,
    OBJECT_RADIUS_RANGE,
    OBJECT_SPACING,
    OBJECTS,
    TRAINING_SEEDS,
    VALIDATION_SEEDS,
    Placement,
    Scene,
    place,
)


@pytest.fixture(scope="module")
def scene():
    with Scene() as opened:
        yield opened


def cube_at(radius, angle, yaw=0.0, start=HOME_POSE):
    """The red cube where it is asked for, the other objects far outside the picture."""
    xy = [[radius * np.cos(angle), radius * np.sin(angle)], [3.0, 0.0], [3.0, 1.0]]
    return Placement(np.array(xy), np.array([yaw, 0.0, 0.0]), np.array(start))


def test_a_seed_gives_the_same_scene_every_time():
    first, again, other = place(1000), place(1000), place(1001)
    assert np.array_equal(first.positions, again.positions)
    assert np.array_equal(first.start, again.start)
    assert not np.array_equal(first.positions, other.positions)


def test_training_never_sees_an_evaluation_scene():
    assert EVALUATION_SEEDS.start == 1000
    ordered = [VALIDATION_SEEDS, EVALUATION_SEEDS, TRAINING_SEEDS]
    assert sorted(ordered, key=lambda seeds: seeds.start) == ordered
    assert VALIDATION_SEEDS.stop <= EVALUATION_SEEDS.start
    assert EVALUATION_SEEDS.stop <= TRAINING_SEEDS.start


def test_objects_never_touch_and_lie_within_the_workspace():
    for seed in range(300):
        positions = place(seed).positions
        radius = np.hypot(*positions.T)
        angle = np.arctan2(positions[:, 1], positions[:, 0])
        assert (OBJECT_RADIUS_RANGE[0] <= radius).all()
        assert (radius <= OBJECT_RADIUS_RANGE[1]).all()
        assert (np.abs(angle) <= OBJECT_ANGLE_RANGE[1]).all()
        for a, b in ((0, 1), (0, 2), (1, 2)):
            assert np.linalg.norm(positions[a] - positions[b]) >= OBJECT_SPACING


@pytest.mark.parametrize("yaw", [0.0, np.pi / 4])
@pytest.mark.parametrize("angle", [*OBJECT_ANGLE_RANGE, 0.0])
@pytest.mark.parametrize("radius", OBJECT_RADIUS_RANGE)
def test_the_cube_is_wide_enough_even_at_the_edges_of_the_workspace(scene, radius, angle, yaw):
    scene.set_placement(cube_at(radius, angle, yaw))
    columns = np.flatnonzero(scene.cube_mask("top").any(axis=0))
    assert np.ptp(columns) + 1 >= 24
    # Whole in the picture: none of it lies on the border.
    assert columns[0] > 0
    assert columns[-1] < IMAGE_WIDTH - 1


def test_the_arm_hides_little_of_the_cube_when_an_episode_starts(scene):
    for seed in EVALUATION_SEEDS[:40]:
        scene.reset(seed)
        assert np.ptp(np.flatnonzero(scene.cube_mask("top").any(axis=0))) + 1 >= 24


def test_the_mask_is_where_the_picture_is_red(scene):
    scene.set_placement(cube_at(0.22, 0.6))
    red, green, blue = scene.render("top").astype(int).transpose(2, 0, 1)
    reddish = (red > 2 * green) & (red > 2 * blue)
    mask = scene.cube_mask("top")
    assert mask.sum() > 500
    assert (reddish & mask).sum() >= 0.97 * (reddish | mask).sum()


def test_the_projected_corners_of_the_cube_frame_its_mask(scene):
    half = 0.022
    corners = np.array(
        [[x, y, z] for x in (-half, half) for y in (-half, half) for z in (0, 0.044)]
    )
    for angle in (-0.9, 0.5, 0.9):
        scene.set_placement(cube_at(0.2, angle))
        pixels = scene.project("top", corners + np.array([*scene.cube[:2], 0.0]))
        rows, columns = np.nonzero(scene.cube_mask("top"))
        assert [columns.min(), columns.max()] == pytest.approx(
            [pixels[:, 0].min(), pixels[:, 0].max()], abs=1.0
        )
        assert [rows.min(), rows.max()] == pytest.approx(
            [pixels[:, 1].min(), pixels[:, 1].max()], abs=1.0
        )
        assert set(pixels[:, 2].round(3)) == {0.8, 0.756}


def test_a_point_behind_the_camera_has_no_positive_depth(scene):
    assert scene.project("top", np.array([[0.15, 0.0, 1.0]]))[0, 2] < 0


def test_without_the_cube_only_the_cubes_pixels_change(scene):
    scene.reset(1003)
    before, mask = scene.render("top"), scene.cube_mask("top")
    scene.hide_cube()
    after = scene.render("top")
    assert not scene.cube_mask("top").any()
    changed = (before != after).any(axis=2)
    assert (changed == mask).mean() > 0.999
    scene.reset(1003)
    assert np.array_equal(scene.render("top"), before)


def test_pictures_have_the_promised_shape_and_repeat_exactly(scene):
    scene.reset(1007)
    for camera in ("top", "wrist"):
        image = scene.render(camera)
        assert image.shape == (IMAGE_HEIGHT, IMAGE_WIDTH, 3)
        assert image.dtype == np.uint8
        assert image.std() > 10
        assert np.array_equal(image, scene.render(camera))


def test_nothing_falls_and_the_arm_holds_its_pose(scene):
    scene.reset(1001)
    start, cube = scene.joint_positions, scene.cube
    for _ in range(50):
        scene.step()
    assert np.abs(scene.joint_positions - start).max() < 1e-6
    assert np.array_equal(scene.cube, cube)
    assert scene.time == pytest.approx(5.0)


def test_the_arm_goes_where_it_is_told(scene):
    scene.reset(1001)
    target = np.array([0.5, -0.2, 0.3, 1.2, 0.4, 0.8])
    scene.command(target)
    for _ in range(15):
        scene.step()
    assert np.abs(scene.joint_positions - target).max() < 1e-3


def test_a_command_beyond_the_range_stops_at_the_range(scene):
    scene.reset(1001)
    scene.command(np.full(6, 10.0))
    assert np.array_equal(scene.data.ctrl, scene.model.actuator_ctrlrange[:, 1])


@pytest.mark.parametrize("bad", [np.zeros(5), np.full(6, np.nan)])
def test_a_command_that_makes_no_sense_is_refused_and_changes_nothing(scene, bad):
    scene.reset(1001)
    before = scene.data.ctrl.copy()
    with pytest.raises(SimError, match="command"):
        scene.command(bad)
    assert np.array_equal(scene.data.ctrl, before)


def test_joints_are_named_as_on_an_so101(scene):
    names = [scene.model.joint(index).name for index in range(scene.model.njnt)]
    assert tuple(names) == JOINT_NAMES
    assert [scene.model.actuator(index).name for index in range(6)] == names


def test_what_is_imagined_is_taken_back():
    scene = Scene(24, 32)
    scene.reset(3)
    scene.command(np.zeros(6))
    scene.step()
    before = (scene.joint_positions, scene.joint_velocities, scene.time, scene.cube, scene.tip)
    with scene.imagined():
        scene.command(np.full(6, 0.5))
        scene.put_cube(np.array([0.2, 0.1]))
        for _ in range(3):
            scene.step()
        assert scene.time > before[2]
        assert not np.allclose(scene.cube, before[3])
    after = (scene.joint_positions, scene.joint_velocities, scene.time, scene.cube, scene.tip)
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))
    assert np.allclose(scene.data.ctrl, 0.0)


def test_every_object_has_a_position_by_its_name():
    scene = Scene(24, 32)
    scene.reset(1000)
    for name, xy in zip(OBJECTS, place(1000).positions, strict=True):
        assert np.allclose(scene.position(name)[:2], xy)
    assert np.array_equal(scene.position("red_cube"), scene.cube)
    with pytest.raises(SimError, match="there is no 'teapot' in the scene: it has red_cube, blue"):
        scene.position("teapot")
