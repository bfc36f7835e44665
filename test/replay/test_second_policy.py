# SPDX-License-Identifier: Apache-2.0
"""Replay, report and SAE collection with a policy class that pam_ros does not know."""

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


@pytest.fixture
def folder(second_policy, tmp_path):
    return second_policy(tmp_path / "second", {TOP: (64, 96), SIDE: (64, 96)})


@pytest.fixture
def replayed(bag, settings, folder, tmp_path):
    settings = replace(settings, policy=str(folder), method="joint_attention")
    report = replay_bag(bag, tmp_path / "out", settings)
    assert (report.ticks, report.valid) == (11, 11)
    return tmp_path / "out", replace(settings, method="")


def test_its_maps_are_those_of_its_own_passes(replayed, folder):
    maps = read(replayed[0], ATTENTION)
    policy = load_policy(folder, device="cpu")
    from pam_ros.attention.selection import make_selection

    make_selection("joint_attention", -1, "mean", "mean", policy.spec).apply_to(policy)
    for frame, message in enumerate(maps):
        state = np.array([0.01 * frame, -0.02 * frame], np.float32)
        seen = {TOP: picture(2 * frame), SIDE: picture(2 * frame + 1), STATE: state}
        mass = policy.explain(seen).weights["expert", 1, 2].mean(axis=(0, 1))
        np.testing.assert_allclose(message.cameras[0].cells, mass[:24], atol=1e-6)
        np.testing.assert_allclose(message.cameras[1].cells, mass[24:48], atol=1e-6)


def test_a_replay_of_the_replay_gives_the_same_maps_and_history(replayed, tmp_path):
    first, settings = replayed
    report = replay_bag(first, tmp_path / "again", settings)
    assert (report.ticks, report.valid) == (11, 11)
    assert difference(read(tmp_path / "again", ATTENTION), read(first, ATTENTION)) < 1e-6


def test_a_step_that_was_asked_for_is_the_one_that_a_replay_of_it_shows(
    bag, settings, folder, tmp_path
):
    asked = replace(settings, policy=str(folder), method="joint_attention", step="0")
    assert replay_bag(bag, tmp_path / "asked", asked).valid == 11
    as_recorded = replace(asked, method="", step="last")
    assert replay_bag(tmp_path / "asked", tmp_path / "again", as_recorded).valid == 11
    first, again = read(tmp_path / "asked", ATTENTION), read(tmp_path / "again", ATTENTION)
    assert {message.denoising_step for message in [*first, *again]} == {0}
    assert difference(again, first) < 1e-6


def test_a_report_shows_it(replayed, tmp_path):
    page = tmp_path / "report.html"
    assert main(["report", str(replayed[0]), "--out", str(page)]) == 0
    assert "joint_attention" in json.dumps(read_data(page))


def test_its_tokens_are_collected(replayed, folder, contract, tmp_path):
    store = tmp_path / "store"
    arguments = ["--policy", str(folder), "--bag", str(replayed[0]), "--contract", contract]
    assert main(["sae", "collect", *arguments, "--out", str(store), "--observations"]) == 0
    info = TokenStore(store).info
    assert (info.tokens, info.width, info.layer) == (48 + 5 + 6, 32, "encoder")
