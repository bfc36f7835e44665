# SPDX-License-Identifier: Apache-2.0
"""`pam_ros quantise`: which observations it takes, and a sentence where there are none."""

from __future__ import annotations

import importlib.util
from types import SimpleNamespace

import pytest

from pam_ros import cli
from pam_ros.commands import quantise
from pam_ros.policy.engines import quantise as engine


class Recorded:
    """A RecordedSource of episodes of these lengths, whose observations are their places."""

    dataset = "a recording"

    def __init__(self, lengths):
        self._lengths = lengths

    def lengths(self):
        return self._lengths

    def chosen(self, places):
        for place in places:
            yield SimpleNamespace(observation=place)


@pytest.fixture
def quantised(monkeypatch, tmp_path):
    """What the command hands over, where policy and recordings are planted."""
    calls = []

    def made(policy, observations, source, path):
        calls.append((policy, observations, source, path))
        return engine.Quantised(path or tmp_path / "form.zip", 0.031, 0.027)

    monkeypatch.setattr("pam_ros.policy.load_policy", lambda *_, **__: "the policy", raising=False)
    monkeypatch.setattr(engine, "check_quantisable", lambda policy: policy)
    monkeypatch.setattr(engine, "quantise", made)

    def plant(lengths):
        monkeypatch.setattr(quantise, "open_recorded", lambda *_: Recorded(lengths))
        return calls

    return plant


def test_it_takes_observations_evenly_and_says_how_near_float32_is(quantised, capsys, tmp_path):
    calls = quantised({0: 60, 7: 100})
    out = tmp_path / "copy.zip"
    assert cli.main(["quantise", "--bag", "b", "--observations", "16", "--out", str(out)]) == 0
    ((policy, observations, source, path),) = calls
    assert (policy, source, path) == ("the policy", "a recording", out)
    assert observations == [
        *((0, f) for f in range(0, 60, 10)),
        *((7, f) for f in range(0, 100, 10)),
    ]
    said = capsys.readouterr().out
    assert "16 observations of a recording" in said
    assert (
        "actions differ by up to 0.031 (normalised units), attention weights by up to 0.027" in said
    )


def test_of_a_short_recording_it_takes_each_observation_once(quantised):
    calls = quantised({0: 20})
    assert cli.main(["quantise", "--bag", "b"]) == 0
    assert calls[0][1] == [(0, frame) for frame in range(20)]


@pytest.mark.parametrize("lengths", [{}, {0: 0, 1: 0}])
def test_a_recording_without_an_observation_is_told(quantised, complaint, lengths):
    quantised(lengths)
    assert cli.main(["quantise", "--bag", "b"]) == 1
    assert complaint() == (
        "pam_ros quantise: a recording: there is no observation to measure ranges on\n"
    )


@pytest.mark.skipif(importlib.util.find_spec("mujoco") is None, reason="mujoco is not installed")
def test_the_simulators_observations_fit_the_demo_policy_and_are_of_its_training_scenes():
    from pam_ros.policy import load_policy
    from pam_ros.share.folders import share_directory

    policy = load_policy(share_directory() / "models" / "demo_act", device="cpu", engine="eager")
    first, second = quantise._simulated(2, policy)
    assert set(first) == set(policy.spec.features)
    policy.prepare([first, second])
    assert (first["observation.state"] != second["observation.state"]).any()


def test_too_few_observations_are_refused_before_the_policy_is_loaded(capsys):
    assert cli.main(["quantise", "--sim", "--observations", "3", "--policy", "nowhere"]) == 1
    assert capsys.readouterr().err == "pam_ros quantise: --observations 3 must be at least 16\n"
