# SPDX-License-Identifier: Apache-2.0
"""A recording of a robot that sees nothing, through a policy without cameras."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from recorded_robot import ATTENTION, MESSAGES, MS, START_NS, TYPES, joints, read, write_bag

from pam_ros.attention.look import Look
from pam_ros.cli import main
from pam_ros.policy import load_policy
from pam_ros.replay.one_bag import replay_bag

ARRAY = "std_msgs/msg/Float64MultiArray"


def observed(count):
    for frame in range(count):
        stamp = START_NS + frame * 250 * MS
        message = MESSAGES.new(ARRAY)
        message.data = np.array([0.1, 0.2, 0.1 * frame])
        yield "/environment", stamp, stamp + 4 * MS, bytes(MESSAGES.encode(message, ARRAY))
        yield "/joint_states", stamp, stamp + 5 * MS, joints(stamp, (0.01 * frame, 0.0))


def test_it_is_replayed_and_reported(blind_policy, settings, tmp_path, capsys):
    policy, contract = blind_policy
    kinds = {"/environment": ARRAY, "/joint_states": TYPES["/joint_states"]}
    bag = write_bag(tmp_path / "blind_bag", observed(6), kinds)
    settings = replace(settings, policy=str(policy), contract=str(contract))
    report = replay_bag(bag, tmp_path / "out", settings)
    assert (report.ticks, report.valid) == (6, 6)
    loaded = load_policy(policy, device="cpu")
    loaded.show(Look("decoder", 0, through="encoder"))
    for frame, message in enumerate(read(tmp_path / "out", ATTENTION)):
        assert message.valid and not message.cameras
        observation = {
            "observation.state": np.array([0.01 * frame, 0], np.float32),
            "observation.environment_state": np.array([0.1, 0.2, 0.1 * frame], np.float32),
        }
        weights = loaded.explain(observation).weights
        mass = weights["decoder", 0, 0].mean(axis=(0, 1))
        carried = (mass + mass @ weights["encoder", 0, 0][0]) / 2
        shares = (message.latent_share, message.joint_state_share, message.environment_share)
        assert shares == pytest.approx(carried, abs=1e-5)
    assert main(["report", str(tmp_path / "out"), "--out", str(tmp_path / "page.html")]) == 0
    assert "6 ticks" in capsys.readouterr().out
