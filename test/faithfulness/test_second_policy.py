# SPDX-License-Identifier: Apache-2.0
"""Faithfulness of a policy class that pam_ros does not know, in processes of its own."""

import numpy as np
import pytest

from pam_ros.cli import main
from pam_ros.faithfulness.methods import parse
from pam_ros.faithfulness.probe import Probe
from pam_ros.faithfulness.subject import Work, measured
from pam_ros.policy import load_policy

CAMERAS = {"observation.images.top": (240, 320), "observation.images.wrist": (240, 320)}


@pytest.fixture
def folder(second_policy, tmp_path):
    return second_policy(tmp_path / "second", CAMERAS, joints=6)


def test_its_attention_is_measured_in_another_process(folder):
    rng = np.random.default_rng(0)
    observation = {
        name: rng.integers(0, 256, (*size, 3), np.uint8) for name, size in CAMERAS.items()
    }
    observation["observation.state"] = np.zeros(6, np.float32)
    methods = parse("joint_attention:1,rollout", load_policy(folder, device="cpu").spec)
    work = Work(
        policy=str(folder),
        device="cpu",
        methods=methods,
        pictures={},
        replace=("blur",),
        baselines=True,
        bfloat16=False,
        jobs=1,
    )
    (moment,) = measured([Probe(0, 0, observation)], work)
    assert {"joint_attention:1", "rollout", "random", "centre"} <= set(moment.pairs)
    assert {"deletion_blur", "insertion_blur"} <= set(moment.pairs["rollout"])


def test_gradients_that_it_lacks_are_told_before_anything_is_simulated(folder, capsys):
    arguments = ["--policy", str(folder), "--episodes", "2", "--methods", "grad_cam"]
    assert main(["faithfulness", *arguments]) == 1
    assert "gives no gradients, so grad_cam must be left out" in capsys.readouterr().err
