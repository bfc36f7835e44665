# SPDX-License-Identifier: Apache-2.0
"""The demo arm's URDF, calibration and heat in space against what MuJoCo computes and renders."""

import numpy as np
import pytest

from pam_ros.robot import Grid, load_contract
from pam_ros.robot.heat_in_space import heat_on_surface
from pam_ros.robot.kinematics import read_tree
from pam_ros.robot.pinhole import pinhole_of_fovy
from pam_ros.robot.rotations import inverse
from pam_ros.robot.urdf import read_urdf
from pam_ros.share.folders import find_contract
from pam_ros.sim.errors import SimError
from pam_ros.sim.scene import CAMERA_NAMES, JOINT_NAMES, Scene
from pam_ros.sim.urdf import BASE, MAX_SPEED, TIP, optical_frame, urdf_of

BODIES = ("shoulder", "upper_arm", "forearm", "wrist", "hand", "moving_jaw")
# MuJoCo's cameras look along -z with y up, optical frames along z with y down.
OPTICAL = np.diag((1.0, -1.0, -1.0))


@pytest.fixture(scope="module")
def scene():
    with Scene() as found:
        yield found


@pytest.fixture(scope="module")
def mujoco(scene):
    import mujoco

    return mujoco


@pytest.fixture(scope="module")
def text(scene):
    return urdf_of(scene.model, CAMERA_NAMES)


def test_every_link_is_where_mujoco_has_it_whatever_the_joints(scene, mujoco, text):
    tree, rng = read_tree(text), np.random.default_rng(0)
    ranges = scene.model.jnt_range
    for _ in range(200):
        positions = rng.uniform(ranges[:, 0], ranges[:, 1])
        scene.data.qpos[:6] = positions
        mujoco.mj_forward(scene.model, scene.data)
        poses = tree.poses(dict(zip(JOINT_NAMES, positions, strict=True)))
        for name in BODIES:
            body, pose = scene.data.body(name), poses[f"{name}_link"]
            np.testing.assert_allclose(pose[:3, 3], body.xpos, atol=1e-7)
            np.testing.assert_allclose(pose[:3, :3].ravel(), body.xmat, atol=1e-7)
        np.testing.assert_allclose(poses[TIP][:3, 3], scene.tip, atol=1e-7)
        for name in CAMERA_NAMES:
            camera, pose = scene.data.camera(name), poses[optical_frame(name)]
            np.testing.assert_allclose(pose[:3, 3], camera.xpos, atol=1e-7)
            np.testing.assert_allclose(pose[:3, :3], camera.xmat.reshape(3, 3) @ OPTICAL, atol=1e-6)
            # REP 103: the body of a camera looks along x, with z up.
            link = poses[f"{name}_camera_link"][:3, :3]
            np.testing.assert_allclose(link[:, 0], pose[:3, 2], atol=1e-6)
            np.testing.assert_allclose(link[:, 2], -pose[:3, 1], atol=1e-6)


def test_the_shapes_are_those_of_the_model(scene, mujoco, text):
    """By their number of each kind; a capsule is a cylinder and two balls."""
    from xml.etree import ElementTree as ET

    shapes = [visual.find("geometry")[0].tag for visual in ET.fromstring(text).iter("visual")]
    bodies = [scene.model.body(name).id for name in ("base", *BODIES)]
    kinds = [int(scene.model.geom_type[g]) for g in range(scene.model.ngeom)
             if scene.model.geom_bodyid[g] in bodies]  # fmt: skip
    assert shapes.count("box") == kinds.count(int(mujoco.mjtGeom.mjGEOM_BOX))
    capsules = kinds.count(int(mujoco.mjtGeom.mjGEOM_CAPSULE))
    assert capsules
    assert shapes.count("sphere") == 2 * capsules
    cylinders = kinds.count(int(mujoco.mjtGeom.mjGEOM_CYLINDER))
    assert shapes.count("cylinder") == capsules + cylinders


def test_its_limits_are_those_of_the_contract(text):
    contract = load_contract(find_contract("demo_arm"))
    found = read_urdf(text)
    assert list(found) == list(JOINT_NAMES)
    for joint in contract.command.joints:
        assert found[joint.name].limits == joint.limits
        assert found[joint.name].max_velocity == joint.max_velocity == MAX_SPEED


def test_the_calibration_puts_the_cube_where_it_is_rendered(scene):
    """The eight corners of the cube go round its pixels, in both cameras."""
    height, width = scene.size
    corners = np.stack(np.meshgrid(*[(-1, 1)] * 3), axis=-1).reshape(-1, 3)
    compared = 0
    for seed in range(10):
        scene.reset(seed)
        cube = scene.data.geom("red_cube")
        half = scene.model.geom("red_cube").size
        world = cube.xpos + (corners * half) @ cube.xmat.reshape(3, 3).T
        for name in CAMERA_NAMES:
            mask = scene.cube_mask(name)
            camera = pinhole_of_fovy(width, height, scene.fovy(name))
            view = scene.data.camera(name)
            pixels = camera.project((world - view.xpos) @ view.xmat.reshape(3, 3) @ OPTICAL)
            rows, cols = np.nonzero(mask)
            low, high = pixels.min(axis=0), pixels.max(axis=0)
            hidden = name == "wrist" and mask.sum() < 0.5 * np.prod(high - low)
            if not len(rows) or hidden or min(low) < 0 or (high > (width - 1, height - 1)).any():
                continue  # cut off, or behind the jaws
            compared += 1
            np.testing.assert_allclose((cols.min(), rows.min()), low, atol=1.5)
            np.testing.assert_allclose((cols.max(), rows.max()), high, atol=1.5)
    assert compared >= 10


def test_heat_on_the_cube_s_pixels_lies_on_the_cube(scene):
    height, width = scene.size
    tree = read_tree(urdf_of(scene.model, CAMERA_NAMES))
    camera = pinhole_of_fovy(width, height, scene.fovy("top"))
    step = 8
    for seed in range(5):
        scene.reset(seed)
        mask = scene.cube_mask("top")
        cells = mask.reshape(height // step, step, width // step, step).mean((1, 3))
        positions = dict(zip(JOINT_NAMES, scene.joint_positions, strict=True))
        pose = tree.poses(positions)[optical_frame("top")]
        grid = Grid(step / 2 - 0.5, step / 2 - 0.5, step, step)
        heat = heat_on_surface(cells.astype(np.float32), grid, 1.0, camera, pose)
        # Seen by the camera, it covers the cube, and nothing that is further than a cell away.
        local = (heat.triangles.reshape(-1, 3) - pose[:3, 3]) @ pose[:3, :3]
        corners = camera.project(local).reshape(-1, 3, 2)
        hot = corners[(heat.levels > 0.5).any(axis=1)]
        rows, cols = np.nonzero(mask)
        assert hot.size
        assert hot[..., 0].min() > cols.min() - 1.5 * step
        assert hot[..., 0].max() < cols.max() + 1.5 * step
        assert hot[..., 1].min() > rows.min() - 1.5 * step
        assert hot[..., 1].max() < rows.max() + 1.5 * step
        # In the room it is at the cube's foot, moved outwards by its height as the camera sees it.
        weights = heat.levels.mean(axis=1)
        middle = np.average(heat.triangles.mean(axis=1)[:, :2], axis=0, weights=weights)
        assert np.linalg.norm(middle - scene.cube[:2]) < 0.02
        assert np.linalg.norm(heat.rays[0, 1, :2] - scene.cube[:2]) < 0.035
        assert heat.rays[0, 0] == pytest.approx(pose[:3, 3])


def test_frames_are_all_joined_to_the_base(text):
    tree = read_tree(text)
    assert tree.root == BASE
    assert {optical_frame(name) for name in CAMERA_NAMES} <= set(tree.links)
    assert tree.tip(JOINT_NAMES) == TIP
    np.testing.assert_allclose(inverse(tree.poses({})[BASE]), np.eye(4))


def test_a_model_that_a_urdf_cannot_say_is_refused(mujoco):
    model = mujoco.MjModel.from_xml_string(
        '<mujoco><worldbody><body name="base"><geom size="1"/><body name="b"><joint type="ball"/>'
        '<geom size="1"/><site name="tip"/></body></body></worldbody></mujoco>'
    )
    with pytest.raises(SimError, match="a geom of the body 'base_link' is no box"):
        urdf_of(model, ())
    model.geom_type[:] = int(mujoco.mjtGeom.mjGEOM_BOX)
    with pytest.raises(SimError, match="'b' must have one hinge"):
        urdf_of(model, ())
