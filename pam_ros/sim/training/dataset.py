# SPDX-License-Identifier: Apache-2.0
"""The expert's episodes as a LeRobotDataset.

What is executed is disturbed, what is recorded is what the expert would do from there (DART,
Laskey et al., 2017, https://arxiv.org/abs/1703.09327): the policy learns to come back from where
its own errors take it. Two features beside LeRobot's usual ones, `cube_in_top` and `cube_in_wrist`,
say where each camera sees the red cube; the training's auxiliary loss reads them, the policy never
does.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.sim.errors import SimError
from pam_ros.sim.expert import OPEN_GRIPPER, expert_action, inverse_kinematics
from pam_ros.sim.scene import (
    CAMERA_NAMES,
    CONTROL_HZ,
    IMAGE_HEIGHT,
    IMAGE_WIDTH,
    JOINT_NAMES,
    OBJECTS,
    TRAINING_SEEDS,
    Placement,
    Scene,
    place,
)
from pam_ros.sim.task import goal_point

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

TASK = "Reach the red cube"
REACH_FRAMES = 24
"""Enough for the longest reach and some ticks of holding still."""

CORRECTION_FRAMES = 8
"""Enough to come from a near miss to the goal."""

_LOG = logging.getLogger(__name__)


def moves(
    scene: Scene, seed: int, correction: bool = False, target: str = OBJECTS[0]
) -> Iterator[NDArray[np.float64]]:
    """One expert episode: what the expert would do now, (6,) radians, while the scene stands there.

    Half of the reaches start near the home pose, the others anywhere above the table. A correction
    starts some centimetres beside the goal: without such episodes an arm at rest above the table is
    always where it should be, and the policy learns to stay wherever it is.

    target: which of OBJECTS the expert goes to.
    """
    rng = np.random.default_rng([seed, 1 + OBJECTS.index(target)])
    placement = place(seed)
    scene.set_placement(placement)
    if correction:
        start = _near_miss(rng, goal_point(scene.position(target)))
        scene.set_placement(Placement(placement.positions, placement.yaws, start))
    elif rng.random() < 0.5:
        scene.set_placement(Placement(placement.positions, placement.yaws, _anywhere(rng)))
    size = rng.choice([0.0, 0.03, 0.06, 0.1]) * np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.5])
    noise = np.zeros(len(JOINT_NAMES))
    for _ in range(CORRECTION_FRAMES if correction else REACH_FRAMES):
        action = expert_action(scene.joint_positions, scene.position(target))
        yield action
        # Slowly changing noise carries the arm further off than independent draws would.
        noise = 0.7 * noise + rng.normal(0.0, 1.0, len(JOINT_NAMES)) * size * 0.7
        scene.command(action + noise)
        scene.step()


def frames(scene: Scene, seed: int, correction: bool = False) -> Iterator[dict[str, Any]]:
    """The frames of one expert episode (`moves`), as LeRobotDataset.add_frame takes them."""
    for action in moves(scene, seed, correction):
        frame = observed(scene, action, TASK)
        for camera in CAMERA_NAMES:
            pixel = scene.project(camera, scene.cube[None])[0]
            frame[f"cube_in_{camera}"] = pixel.astype(np.float32)
        yield frame


def observed(scene: Scene, action: NDArray[np.floating[Any]], task: str) -> dict[str, Any]:
    """A frame of LeRobot's usual features: what the scene shows, the action (6,) and the words."""
    frame: dict[str, Any] = {"task": task}
    for camera in CAMERA_NAMES:
        frame[f"observation.images.{camera}"] = scene.render(camera)
    frame["observation.state"] = scene.joint_positions.astype(np.float32)
    frame["action"] = action.astype(np.float32)
    return frame


def features() -> dict[str, dict[str, Any]]:
    """The dataset's features, as LeRobotDataset.create takes them."""
    joints = {"dtype": "float32", "shape": (len(JOINT_NAMES),), "names": list(JOINT_NAMES)}
    pixel = {"dtype": "float32", "shape": (3,), "names": ["column", "row", "depth"]}
    image = {
        "dtype": "image",
        "shape": (IMAGE_HEIGHT, IMAGE_WIDTH, 3),
        "names": ["height", "width", "channels"],
    }
    named: dict[str, dict[str, Any]] = {
        f"observation.images.{camera}": dict(image) for camera in CAMERA_NAMES
    }
    named["observation.state"] = joints
    named["action"] = dict(joints)
    named.update({f"cube_in_{camera}": dict(pixel) for camera in CAMERA_NAMES})
    return named


def record(root: Path, seeds: Iterable[int], correction: bool = False) -> None:
    """Write one expert episode per seed into a new LeRobotDataset at `root`.

    Reaches, or corrections of a near miss: see `frames`.

    Raises SimError when the folder exists, or a seed is not one for training.
    """
    with Scene() as scene:
        write_dataset(
            root,
            features(),
            (frames(scene, check_training_seed(seed), correction) for seed in seeds),
        )


def check_training_seed(seed: int) -> int:
    """The seed as it is. Raises SimError when it is not one for training."""
    if seed not in TRAINING_SEEDS:
        raise SimError(
            f"seed {seed} is not one for training: use {TRAINING_SEEDS.start} to "
            f"{TRAINING_SEEDS.stop - 1}, so that evaluation scenes stay unseen"
        )
    return seed


def write_dataset(
    root: Path, named: dict[str, dict[str, Any]], episodes: Iterable[Iterable[dict[str, Any]]]
) -> None:
    """Write episodes of frames into a new LeRobotDataset at `root` with these features.

    Raises SimError when the folder exists.
    """
    from pam_ros.sim.training.lerobot_api import (  # noqa: PLC0415  (slow to load)
        LeRobotDataset,
        disable_progress_bars,
    )

    disable_progress_bars()  # one per episode otherwise

    if root.exists():
        raise SimError(f"{root} exists already: name a new folder for the episodes")
    dataset = LeRobotDataset.create(
        repo_id=f"pam_ros/{root.name}",
        fps=CONTROL_HZ,
        features=named,
        root=root,
        robot_type="pam_ros_demo_arm",
        use_videos=False,
        image_writer_threads=2,
    )
    try:
        for count, episode in enumerate(episodes, start=1):
            for frame in episode:
                dataset.add_frame(frame)
            dataset.save_episode()
            if count % 50 == 0:
                _LOG.info("%d episodes recorded", count)
    finally:
        dataset.finalize()


def _anywhere(rng: np.random.Generator) -> NDArray[np.float64]:
    while True:
        radius, angle, height = (
            rng.uniform(low, high) for low, high in ((0.09, 0.25), (-1.1, 1.1), (0.06, 0.18))
        )
        point = np.array([radius * np.cos(angle), radius * np.sin(angle), height])
        try:
            pose = inverse_kinematics(point)
        except SimError:
            continue  # the corner that is farthest and highest is out of reach
        break
    pose += rng.normal(0.0, 0.08, len(pose))
    pose[4] = rng.uniform(-0.6, 0.6)
    pose[5] = OPEN_GRIPPER + rng.uniform(-0.4, 0.4)
    return pose


def _near_miss(rng: np.random.Generator, goal: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    while True:
        distance, direction = rng.uniform(0.01, 0.1), rng.uniform(-np.pi, np.pi)
        x = goal[0] + distance * np.cos(direction)
        y = goal[1] + distance * np.sin(direction)
        if 0.1 <= np.hypot(x, y) <= 0.26:
            break
    pose = inverse_kinematics(np.array([x, y, goal[2] + rng.uniform(-0.005, 0.04)]))
    return pose + rng.normal(0.0, [0.0, 0.02, 0.02, 0.05, 0.05, 0.03])
