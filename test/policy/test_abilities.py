# SPDX-License-Identifier: Apache-2.0
"""A policy without optional abilities runs; what needs one says so in a sentence."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pam_ros.attention.errors import AttentionError
from pam_ros.faithfulness.methods import Method, maps_of
from pam_ros.faithfulness.subject import Subject
from pam_ros.policy import Policy, PolicyError
from pam_ros.policy.abilities import (
    Batching,
    GradientExplaining,
    Hooking,
    LookingAhead,
    PrecisionMeasuring,
    TokenEditing,
    TokenReading,
    take_tokens,
)
from pam_ros.sae.describe.signals import JointSignals
from pam_ros.sae.errors import SaeError

ABILITIES = (
    Batching,
    GradientExplaining,
    Hooking,
    LookingAhead,
    PrecisionMeasuring,
    TokenEditing,
    TokenReading,
)
POLICY = (
    "spec", "engine", "step", "pop_action", "explain", "skip", "show", "reset",
)  # fmt: skip


def only(policy, *members):
    """An object that has these members of a policy and no other."""
    return SimpleNamespace(**{name: getattr(policy, name) for name in (*POLICY, *members)})


def test_act_has_every_ability(reference_policy, tmp_path):
    from pam_ros.policy import load_policy

    policy = load_policy(reference_policy().save(tmp_path / "act"), device="cpu", engine="eager")
    assert isinstance(policy, Policy)
    for ability in ABILITIES:
        assert isinstance(policy, ability), ability


@pytest.fixture
def bare(reference_policy, tmp_path):
    from pam_ros.policy import load_policy

    reference = reference_policy()
    policy = load_policy(reference.save(tmp_path / "act"), device="cpu", engine="eager")
    observation = reference.observation(np.random.default_rng(0))
    return policy, only(policy), observation


def test_a_bare_policy_steps_and_has_no_ability(bare):
    _, policy, observation = bare
    assert isinstance(policy, Policy)
    assert not any(isinstance(policy, ability) for ability in ABILITIES)
    assert policy.step(observation).chunk_executed


def test_tokens_by_name_are_refused_but_the_default_is_not(bare):
    _, policy, _ = bare
    take_tokens(policy, "encoder")
    with pytest.raises(PolicyError, match="it gives no hidden tokens"):
        take_tokens(policy, "encoder_input")


def test_measurements_say_which_ability_they_lack(bare):
    whole, policy, observation = bare
    with pytest.raises(AttentionError, match="no passes of several observations"):
        Subject(policy, ())
    batching = only(whole, "prepare", "forward")
    methods = (Method("cross_attention", 0), Method("grad_cam", baseline="blur"))
    assert list(maps_of(batching, observation, methods[:1])) == ["cross_attention:0"]
    for measure in (
        lambda: maps_of(batching, observation, methods),
        lambda: Subject(batching, methods),
    ):
        with pytest.raises(
            AttentionError, match="gives no gradients, so grad_cam must be left out"
        ):
            measure()


def test_described_actions_need_passes_of_their_own(bare):
    _, policy, _ = bare
    JointSignals(SimpleNamespace(), (), None)
    with pytest.raises(SaeError, match="no --actions"):
        JointSignals(SimpleNamespace(), (), policy)
