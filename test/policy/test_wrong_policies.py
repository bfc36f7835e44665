# SPDX-License-Identifier: Apache-2.0
"""load_policy of something that is no name says what to do; policies without abilities say so."""

from __future__ import annotations

import pytest
from blind_policy import write_blind

from pam_ros.policy import PolicyError, load_policy, look, run_with_cache, wrap
from pam_ros.policy.observation import empty_observation


def test_a_policy_in_memory_is_to_be_wrapped(reference_policy):
    theirs = reference_policy()
    with pytest.raises(PolicyError, match="of type ACTPolicy: for a policy in memory use wrap"):
        load_policy(theirs.policy)
    ours = wrap(theirs.policy, theirs.preprocessor, theirs.postprocessor, engine="eager")
    with pytest.raises(PolicyError, match="this ActPolicy is loaded already: use it as it is"):
        load_policy(ours)
    with pytest.raises(
        PolicyError, match="a folder or a hub id, and this is of type int: write load_policy"
    ):
        load_policy(3)


class Bare:
    """Steps, and has no ability."""

    def __init__(self, policy):
        self.spec = policy.spec


def test_a_policy_without_an_ability_says_so_in_a_sentence(saved):
    policy = load_policy(saved, device="cpu", engine="eager")
    given = empty_observation(policy.spec)
    with pytest.raises(PolicyError, match="does not allow this: its activations have no names"):
        run_with_cache(Bare(policy), given)
    with pytest.raises(PolicyError, match="it has no passes that leave its state as it is"):
        look(Bare(policy), given, "rollout")
    with pytest.raises(PolicyError, match=r"it has no passes that leave its state"):
        look(Bare(policy), given, "contribution")


def test_a_policy_without_cameras_is_looked_at_all_the_same(tmp_path):
    folder, _ = write_blind(tmp_path)
    policy = load_policy(folder, device="cpu", engine="eager")
    found = policy.look(empty_observation(policy.spec))
    assert found.method == "rollout"
    assert sum(found.shares.values()) == pytest.approx(1, abs=1e-5)
    assert found.maps == {}
    assert found.picture().shape[2] == 3
    assert "<img" in found._repr_html_()  # of the colours alone
