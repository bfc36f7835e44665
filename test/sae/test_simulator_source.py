# SPDX-License-Identifier: Apache-2.0
"""The simulated robot as a source of tokens."""

from __future__ import annotations

import sys
from importlib.util import find_spec

import pytest
from fake_sources import FakePolicy, make_spec

from pam_ros.observations.simulator import RolloutSource
from pam_ros.sim.errors import SimError


def test_roll_outs_are_the_same_again(tmp_path):
    # Not by import: the scene chooses MuJoCo's OpenGL before that.
    if find_spec("mujoco") is None:
        pytest.skip("mujoco is not installed")
    from pam_ros.sim.scene import CAMERA_NAMES

    cameras = tuple((f"observation.images.{name}", 224, 320) for name in CAMERA_NAMES)

    class Cropped(FakePolicy):
        def explain(self, observation):
            return super().explain(
                {n: v[:224] if v.ndim == 3 else v for n, v in observation.items()}
            )

        step = explain

    def frames(after, count):
        source = RolloutSource(Cropped(make_spec(cameras, 6)), range(500_000, 500_002))
        assert source.dataset == "demo arm driven by the policy, seeds 500000 to 500001"
        found = []
        for frame in source.frames(after):
            found.append(frame)
            if len(found) == count:
                break
        return found

    first = frames(None, 6)
    later = frames((500_000, 2), 3)
    assert [(f.episode, f.frame) for f in first] == [(500_000, i) for i in range(6)]
    assert [(f.episode, f.frame) for f in later] == [(500_000, i) for i in (3, 4, 5)]
    for ours, theirs in zip(first[3:], later, strict=True):
        assert (ours.tokens == theirs.tokens).all()
        for name, value in ours.observation.items():
            assert (theirs.observation[name] == value).all()


def test_a_simulator_that_is_missing_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "mujoco", None)
    with pytest.raises(SimError, match="the demo robot needs MuJoCo"):
        next(RolloutSource(FakePolicy(), range(2)).frames(None))
