# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np

from pam_ros.faithfulness.patches import ordinary
from pam_ros.faithfulness.perturbation import mean_pictures
from pam_ros.faithfulness.probe import Probe


def scenes(toy, places):
    """A grey table with a bright object in one cell, another one in each episode."""
    found = []
    for episode, place in enumerate(places):
        observation = {name: np.full_like(p, 80) for name, p in toy.observation().items()}
        observation["front"][toy.cells.of_pixels("front") == place] = 250
        observation["front"][0, 0] = episode  # tells whose patch the first cell is
        found.append(Probe(episode, 0, observation))
    return found


def patches(toy, probes):
    pictures = mean_pictures((probe.observation for probe in probes), toy.cells)
    return ordinary(probes, toy.cells, pictures)


def test_objects_of_other_episodes_are_not_brought_along(toy):
    probes = scenes(toy, [7, 8, 9, 3])
    for found in patches(toy, probes):
        assert found["front"].max() == 80
        assert np.array_equal(found["wrist"], probes[0].observation["wrist"])


def test_what_is_there_in_most_episodes_is(toy):
    for found in patches(toy, scenes(toy, [7, 7, 7, 3])):
        chosen = toy.cells.of_pixels("front") == 7
        assert (found["front"][chosen] == 250).all()


def test_a_patch_is_of_another_episode_and_whole(toy):
    probes = scenes(toy, [7, 8, 9])
    for episode, found in enumerate(patches(toy, probes)):
        owner = int(found["front"][0, 0, 0])
        assert owner != episode
        cell = toy.cells.of_pixels("front") == 0
        assert np.array_equal(found["front"][cell], probes[owner].observation["front"][cell])
