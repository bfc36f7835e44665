# SPDX-License-Identifier: Apache-2.0
"""Replay, report and SAE collection with a Diffusion Policy."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from recorded_robot import ATTENTION, difference, picture, read

from pam_ros.cli import main
from pam_ros.policy import load_policy
from pam_ros.replay.one_bag import replay_bag
from pam_ros.sae.store.token_store import TokenStore
from pam_ros.show.report.packed import read_data

TOP, SIDE, STATE = "observation.images.top", "observation.images.side", "observation.state"
CELLS = 2 * 3


@pytest.fixture
def folder(diffusion_policy, tmp_path):
    cameras = {TOP: (64, 96), SIDE: (64, 96)}
    return diffusion_policy(tmp_path / "diffusion", cameras, joints=2, actions=2)


@pytest.fixture
def replayed(bag, settings, folder, tmp_path):
    settings = replace(settings, policy=str(folder), method="rollout")
    report = replay_bag(bag, tmp_path / "out", settings)
    assert (report.ticks, report.valid) == (11, 11)
    return tmp_path / "out", replace(settings, method="")


def test_its_maps_are_those_of_its_own_passes(replayed, folder):
    maps = read(replayed[0], ATTENTION)
    policy = load_policy(folder, device="cpu")
    from pam_ros.attention.selection import make_selection

    make_selection("spatial_softmax", -1, "mean", "mean", policy.spec).apply_to(policy)
    for frame, message in enumerate(maps):
        state = np.array([0.01 * frame, -0.02 * frame], np.float32)
        seen = {TOP: picture(2 * frame), SIDE: picture(2 * frame + 1), STATE: state}
        mass = policy.explain(seen).weights["spatial_softmax", 0, 0].mean(axis=(0, 1))
        np.testing.assert_allclose(message.cameras[0].cells, mass[:CELLS], atol=1e-6)
        np.testing.assert_allclose(message.cameras[1].cells, mass[CELLS:], atol=1e-6)
        assert (message.method, message.method_asked) == ("spatial_softmax", "rollout")
        assert "has no attention" in message.method_reason


def test_a_replay_of_the_replay_gives_the_same_maps(replayed, tmp_path):
    first, settings = replayed
    report = replay_bag(first, tmp_path / "again", settings)
    assert (report.ticks, report.valid) == (11, 11)
    told = frozenset({"method_asked", "method_reason"})  # it is what the recording shows now
    again = read(tmp_path / "again", ATTENTION)
    assert difference(again, read(first, ATTENTION), told) < 1e-6


def test_contributions_of_a_replay_of_the_replay_are_the_same(bag, settings, folder, tmp_path):
    asked = replace(settings, policy=str(folder), method="contribution")
    first = tmp_path / "first"
    assert replay_bag(bag, first, asked).valid == 11
    # In other batches, and from what the recording says.
    again = replace(asked, method="", batch=2)
    assert replay_bag(first, tmp_path / "again", again).valid == 11
    maps = read(first, ATTENTION)
    assert {message.method for message in maps} == {"contribution"}
    assert difference(read(tmp_path / "again", ATTENTION), maps) < 1e-5


def test_a_report_shows_it(replayed, tmp_path):
    page = tmp_path / "report.html"
    assert main(["report", str(replayed[0]), "--out", str(page)]) == 0
    assert "spatial_softmax" in json.dumps(read_data(page))


def test_its_tokens_are_collected(replayed, folder, contract, tmp_path):
    store = tmp_path / "store"
    arguments = ["--policy", str(folder), "--bag", str(replayed[0]), "--contract", contract]
    assert main(["sae", "collect", *arguments, "--out", str(store), "--observations"]) == 0
    info = TokenStore(store).info
    assert (info.tokens, info.width, info.layer) == (1 + 2 * CELLS, 512, "encoder")
