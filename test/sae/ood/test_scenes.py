# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
import pytest

from pam_ros.sae.errors import SaeError
from pam_ros.sae.ood.scenes import ChangedSceneSource, change_scene
from pam_ros.sae.store.token_store import StoredFrame
from pam_ros.sim.rollout import observe
from pam_ros.sim.scene import Scene

pytestmark = pytest.mark.skipif(find_spec("mujoco") is None, reason="mujoco is not installed")

SEEDS, FRAMES = (3001, 3002, 3003, 3004, 3005), 2


@dataclass
class Episodes:
    """A store of the simulator's episodes, as far as ChangedSceneSource looks at it."""

    frames: list[StoredFrame]
    folder: str = "episodes"

    def observations(self):
        return iter(self.frames)


@pytest.fixture(scope="module")
def recorded():
    """Frames of an arm that moves, and where each camera saw the cube."""
    frames, masks = [], []
    with Scene() as scene:
        for seed in SEEDS:
            scene.reset(seed)
            for frame in range(FRAMES):
                frames.append(StoredFrame(seed, frame, observe(scene)))
                masks.append({name: scene.cube_mask(name) for name in ("top", "wrist")})
                scene.command(scene.joint_positions + 0.1)
                scene.step()
    return Episodes(frames), masks


def images(observation) -> dict[str, np.ndarray]:
    return {
        name.rpartition(".")[2]: value.astype(int)
        for name, value in observation.items()
        if value.ndim == 3
    }


def test_a_new_colour_changes_the_cube_alone_and_the_joints_stay(recorded):
    store, masks = recorded
    found = list(ChangedSceneSource(store, "cube_colour", 99).frames(None))
    assert [(f.episode, f.frame) for f in found] == [(f.episode, f.frame) for f in store.frames]
    for frame, before, mask in zip(found, store.frames, masks, strict=True):
        np.testing.assert_array_equal(
            frame.observation["observation.state"], before.observation["observation.state"]
        )
        for name, image in images(frame.observation).items():
            gap = np.abs(image - images(before.observation)[name]).max(axis=2)
            assert (gap[mask[name]] > 8).all()
            # Edges are smoothed over the neighbouring pixels.
            assert (gap > 2).sum() <= 1.6 * mask[name].sum() + 20


def test_each_episode_has_the_next_colour_and_the_fifth_the_first_again(recorded):
    store, masks = recorded
    found = list(ChangedSceneSource(store, "cube_colour", 99).frames(None))
    colours = [
        np.median(images(found[n].observation)["top"][masks[n]["top"]], axis=0)
        for n in range(0, len(found), FRAMES)
    ]
    yellow, magenta, cyan, white, again = colours
    assert yellow[2] < 80 < yellow[0]
    assert magenta[1] < 80 < magenta[2]
    assert cyan[0] < 80 < cyan[1]
    assert white.min() > 150
    np.testing.assert_allclose(again, yellow, atol=25)


def test_new_light_changes_every_surface_and_the_next_episode_does_not_add_to_it(recorded):
    store, _ = recorded
    found = list(ChangedSceneSource(store, "light", 99).frames(None))
    means = [images(f.observation)["top"].mean(axis=(0, 1)) for f in found[::FRAMES]]
    usual = [images(f.observation)["top"].mean(axis=(0, 1)) for f in store.frames[::FRAMES]]
    ratio = np.array(means) / np.array(usual)
    assert (ratio[0] < 0.85).all()
    assert (ratio[1] > 1.02).all()
    assert ratio[2][0] > ratio[2][2] + 0.1
    assert ratio[3][2] > ratio[3][0] + 0.1
    np.testing.assert_allclose(ratio[4], ratio[0], atol=0.02)


def test_it_goes_on_where_it_was_stopped_and_ends_with_its_episodes(recorded):
    store, _ = recorded
    source = ChangedSceneSource(store, "light", 3)
    whole = list(source.frames(None))
    assert {f.episode for f in whole} == set(SEEDS[:3])
    rest = list(source.frames((SEEDS[1], 0)))
    assert [(f.episode, f.frame) for f in rest] == [(f.episode, f.frame) for f in whole[3:]]
    for ours, theirs in zip(rest, whole[3:], strict=True):
        for name, image in images(ours.observation).items():
            np.testing.assert_array_equal(image, images(theirs.observation)[name])


def test_episodes_that_the_simulator_does_not_show_so_are_refused(recorded):
    store, _ = recorded
    other = [StoredFrame(f.episode + 1, f.frame, f.observation) for f in store.frames]
    with pytest.raises(SaeError, match="only episodes collected with --sim"):
        next(ChangedSceneSource(Episodes(other), "light", 1).frames(None))
    blind = [
        StoredFrame(f.episode, f.frame, {"observation.images.top": np.zeros((4, 4, 3), np.uint8)})
        for f in store.frames
    ]
    with pytest.raises(SaeError, match="is not of the demo arm"):
        next(ChangedSceneSource(Episodes(blind), "light", 1).frames(None))
    with pytest.raises(SaeError, match="cube_colour, light"):
        ChangedSceneSource(store, "rain", 1)


def test_a_changed_scene_leaves_the_next_one_as_it_was():
    with Scene() as scene:
        before = scene.model.light_diffuse.copy()
        change_scene(scene, "light", 0)
        assert (scene.model.light_diffuse < before).all()
    with Scene() as scene:
        np.testing.assert_array_equal(scene.model.light_diffuse, before)
