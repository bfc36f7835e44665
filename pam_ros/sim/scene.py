# SPDX-License-Identifier: Apache-2.0
"""The MuJoCo scene of the demo: an arm, two cameras, two cubes and a cylinder.

Everything that is random in a scene comes from one seed. TRAINING_SEEDS, VALIDATION_SEEDS and
EVALUATION_SEEDS never overlap: the shipped policy has seen the first alone.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from ctypes.util import find_library
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.sim.errors import SimError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

JOINT_NAMES = (
    "shoulder_pan",
    "shoulder_lift",
    "elbow_flex",
    "wrist_flex",
    "wrist_roll",
    "gripper",
)
CAMERA_NAMES = ("top", "wrist")
IMAGE_HEIGHT = 240
IMAGE_WIDTH = 320

CONTROL_HZ = 10
"""One observation and one command in a tenth of a second of simulated time."""

TRAINING_SEEDS = range(100_000, 1_000_000)
VALIDATION_SEEDS = range(1_000)
EVALUATION_SEEDS = range(1_000, 100_000)

CUBE_HALF_SIZE = 0.022
OBJECT_RADIUS_RANGE = (0.15, 0.25)
OBJECT_ANGLE_RANGE = (-1.0, 1.0)
OBJECT_SPACING = 0.068
"""Least distance between two objects' centres, in metres: no two of them touch."""

HOME_POSE = (0.0, -0.39, 0.42, 1.54, 0.0, 0.4)
HOME_JITTER = (0.25, 0.1, 0.1, 0.1, 0.3, 0.2)

OBJECTS = ("red_cube", "blue_cube", "green_cylinder")
DISTRACTORS = OBJECTS[1:]
"""For a task that names no object: it is the red cube's."""


@dataclass(frozen=True)
class Placement:
    """Where the objects stand, and where the arm starts.

    positions: (3, 2) float64, x and y of OBJECTS in their order, in metres.
    yaws: (3,) float64, radians. start: (6,) float64, joint positions in radians.
    """

    positions: NDArray[np.float64]
    yaws: NDArray[np.float64]
    start: NDArray[np.float64]


def place(seed: int) -> Placement:
    """The scene of a seed: the same on every machine.

    Positions are uniform in radius and angle in front of the arm; a layout in which two objects
    stand too close is drawn again.
    """
    rng = np.random.default_rng(seed)
    while True:
        radius = rng.uniform(*OBJECT_RADIUS_RANGE, 3)
        angle = rng.uniform(*OBJECT_ANGLE_RANGE, 3)
        xy = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        gaps = np.linalg.norm(xy[:, None] - xy[None], axis=2)[np.triu_indices(3, 1)]
        if gaps.min() >= OBJECT_SPACING:
            break
    yaws = rng.uniform(-np.pi / 4, np.pi / 4, 3)
    start = np.array(HOME_POSE) + rng.uniform(-1.0, 1.0, 6) * np.array(HOME_JITTER)
    return Placement(xy, yaws, start)


class Scene:
    """The simulated robot and its cameras.

    height, width: of the rendered images, in pixels. Rendering starts on the first render, so that
    a scene without a picture needs neither EGL nor OSMesa.

    Raises SimError where MuJoCo is missing.
    """

    def __init__(self, height: int = IMAGE_HEIGHT, width: int = IMAGE_WIDTH) -> None:
        self._mujoco = _import_mujoco()
        path = Path(__file__).with_name("scene.xml")
        self.model = self._mujoco.MjModel.from_xml_string(path.read_text(encoding="utf-8"))
        self.data = self._mujoco.MjData(self.model)
        self._size = (height, width)
        self._renderer: Any = None
        self._substeps = round(1.0 / (CONTROL_HZ * self.model.opt.timestep))
        self._mocap = [self.model.body(name).mocapid[0] for name in OBJECTS]
        self._red_geom = int(self.model.geom("red_cube").id)
        self._ctrl_range = self.model.actuator_ctrlrange.copy()
        self.reset(VALIDATION_SEEDS[0])

    @property
    def joint_positions(self) -> NDArray[np.float64]:
        """Measured joint positions, (6,), radians."""
        return np.array(self.data.qpos[:6], dtype=np.float64)

    @property
    def joint_velocities(self) -> NDArray[np.float64]:
        """Measured joint velocities, (6,), radians per second."""
        return np.array(self.data.qvel[:6], dtype=np.float64)

    @property
    def tip(self) -> NDArray[np.float64]:
        """Position of the point between the finger tips, (3,), metres."""
        return np.array(self.data.site("tip").xpos, dtype=np.float64)

    @property
    def cube(self) -> NDArray[np.float64]:
        """Position of the middle of the red cube, (3,), metres."""
        return self.position(OBJECTS[0])

    @property
    def time(self) -> float:
        """Simulated seconds since the reset."""
        return float(self.data.time)

    def position(self, name: str) -> NDArray[np.float64]:
        """Position of the middle of one of OBJECTS, (3,), metres.

        Raises SimError when there is no such object.
        """
        if name not in OBJECTS:
            raise SimError(f"there is no '{name}' in the scene: it has {', '.join(OBJECTS)}")
        return np.array(self.data.mocap_pos[self._mocap[OBJECTS.index(name)]], dtype=np.float64)

    def reset(self, seed: int) -> None:
        """Place the objects and the arm as `place(seed)` says; the arm holds its pose."""
        self.set_placement(place(seed))

    def set_placement(self, placement: Placement) -> None:
        """Place the objects and the arm; the clock starts at zero and the arm holds its pose."""
        self._mujoco.mj_resetData(self.model, self.data)
        for mocap, (x, y), yaw in zip(
            self._mocap, placement.positions, placement.yaws, strict=True
        ):
            self.data.mocap_pos[mocap] = (x, y, CUBE_HALF_SIZE)
            self.data.mocap_quat[mocap] = (np.cos(yaw / 2), 0.0, 0.0, np.sin(yaw / 2))
        self.data.qpos[:6] = placement.start
        self.data.ctrl[:] = placement.start
        self._mujoco.mj_forward(self.model, self.data)

    @contextmanager
    def without(self, distractor: str) -> Iterator[None]:
        """One of DISTRACTORS is out of sight, below the floor, then back just where it was."""
        mocap = self._mocap[OBJECTS.index(distractor)]
        place = self.data.mocap_pos[mocap].copy()
        self.data.mocap_pos[mocap] = (0.0, 0.0, -5.0)
        self._mujoco.mj_forward(self.model, self.data)
        try:
            yield
        finally:
            self.data.mocap_pos[mocap] = place
            self._mujoco.mj_forward(self.model, self.data)

    @contextmanager
    def imagined(self) -> Iterator[None]:
        """What happens inside is taken back: joints, targets, objects and clock are as before."""
        kind = self._mujoco.mjtState.mjSTATE_INTEGRATION
        state = np.empty(self._mujoco.mj_stateSize(self.model, kind))
        self._mujoco.mj_getState(self.model, self.data, state, kind)
        try:
            yield
        finally:
            self._mujoco.mj_setState(self.model, self.data, state, kind)
            self._mujoco.mj_forward(self.model, self.data)

    def hide_cube(self) -> None:
        """Take the red cube out of sight, below the floor, until it is put back or a reset."""
        self.data.mocap_pos[self._mocap[0]] = (0.0, 0.0, -5.0)
        self._mujoco.mj_forward(self.model, self.data)

    def put_cube(self, xy: NDArray[np.floating[Any]]) -> None:
        """Stand the red cube on the table at (2,) metres, turned as it was."""
        self.data.mocap_pos[self._mocap[0]] = (float(xy[0]), float(xy[1]), CUBE_HALF_SIZE)
        self._mujoco.mj_forward(self.model, self.data)

    def command(self, positions: NDArray[np.floating[Any]]) -> None:
        """Set the joint targets, (6,), radians; each is clipped to its joint's range.

        Raises SimError when the shape is wrong or a value is not finite.
        """
        target = np.asarray(positions, dtype=np.float64)
        if target.shape != (len(JOINT_NAMES),):
            raise SimError(
                f"a command needs {len(JOINT_NAMES)} joint positions, got shape {target.shape}"
            )
        if not np.isfinite(target).all():
            raise SimError("a command holds a value that is not finite; the arm keeps its target")
        self.data.ctrl[:] = np.clip(target, self._ctrl_range[:, 0], self._ctrl_range[:, 1])

    def step(self) -> None:
        """Let one control period pass."""
        for _ in range(self._substeps):
            self._mujoco.mj_step(self.model, self.data)
        # mj_step leaves positions of bodies and sites one substep behind the joints.
        self._mujoco.mj_forward(self.model, self.data)

    def render(self, camera: str) -> NDArray[np.uint8]:
        """The camera's picture, (height, width, 3) uint8 RGB."""
        renderer = self._open_renderer()
        renderer.update_scene(self.data, camera)
        return np.array(renderer.render(), dtype=np.uint8)

    def cube_mask(self, camera: str) -> NDArray[np.bool_]:
        """Where the camera sees the red cube, (height, width) bool."""
        renderer = self._open_renderer()
        renderer.enable_segmentation_rendering()
        try:
            renderer.update_scene(self.data, camera)
            ids = renderer.render()
        finally:
            renderer.disable_segmentation_rendering()
        geom_type = int(self._mujoco.mjtObj.mjOBJ_GEOM)
        return np.array((ids[..., 0] == self._red_geom) & (ids[..., 1] == geom_type))

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the pictures [pixels]."""
        return self._size

    def fovy(self, camera: str) -> float:
        """The camera's vertical field of view [rad]."""
        return float(np.deg2rad(self.model.camera(camera).fovy[0]))

    def project(self, camera: str, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where world points appear in a camera, (n, 3) metres -> (n, 3): column, row, depth.

        Column and row in pixels with (0, 0) the centre of the top left one; depth in metres along
        the camera's axis, not positive for a point behind it.
        """
        view = self.data.camera(camera)
        local = (np.asarray(points) - view.xpos) @ view.xmat.reshape(3, 3)
        height, width = self._size
        focal = 0.5 * height / np.tan(0.5 * self.fovy(camera))
        depth = -local[:, 2]
        safe = np.where(np.abs(depth) < 1e-9, 1e-9, depth)
        column = focal * local[:, 0] / safe + 0.5 * (width - 1)
        row = -focal * local[:, 1] / safe + 0.5 * (height - 1)
        return np.stack([column, row, depth], axis=1)

    def close(self) -> None:
        """Free the renderer."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def __enter__(self) -> Scene:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _open_renderer(self) -> Any:
        if self._renderer is None:
            try:
                self._renderer = self._mujoco.Renderer(self.model, *self._size)
            except Exception as error:
                raise SimError(
                    "MuJoCo cannot render here: install libegl1 and libgl1-mesa-dri (EGL) or "
                    f"libosmesa6 with MUJOCO_GL=osmesa ({error})"
                ) from error
        return self._renderer


def _import_mujoco() -> Any:
    # MuJoCo chooses its OpenGL at import; without a display it is EGL, else OSMesa.
    if sys.platform == "linux":
        osmesa = find_library("EGL") is None and find_library("OSMesa") is not None
        os.environ.setdefault("MUJOCO_GL", "osmesa" if osmesa else "egl")
    try:
        import mujoco  # noqa: PLC0415
    except ImportError as error:
        raise SimError("the demo robot needs MuJoCo: pip install 'pam_ros[sim]'") from error
    return mujoco
