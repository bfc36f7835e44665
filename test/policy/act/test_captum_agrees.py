# SPDX-License-Identifier: Apache-2.0
"""Captum's integrated gradients are ours; it is a library that no part of this package needs."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from pam_ros.policy.act.gradients import CHUNK, integrated_gradients
from pam_ros.policy.act.path import gradients
from pam_ros.policy.act.target import make_question

sys.path.insert(0, str(Path(__file__).parent))
from gradient_policies import SEVENTH

STEPS = 6


@pytest.mark.parametrize("target", [CHUNK, SEVENTH])
@pytest.mark.parametrize("baseline", ["blur", "mean"])
def test_its_midpoint_sum_is_ours(act, target, baseline):
    attr = pytest.importorskip("captum.attr")
    policy, observation = act
    ours = integrated_gradients(policy, observation, target, baseline=baseline, steps=STEPS)
    with gradients("cpu"):
        question = make_question(policy, observation, target, baseline, ())
        theirs = attr.IntegratedGradients(lambda *moving: question.values(moving)).attribute(
            question.path.ends,
            baselines=question.path.starts,
            n_steps=STEPS,
            method="riemann_middle",
        )
    for image, found in zip(ours.images.values(), theirs, strict=True):
        expected = found[0].sum(0).numpy()
        np.testing.assert_allclose(image, expected, atol=1e-5 * np.abs(expected).max())
