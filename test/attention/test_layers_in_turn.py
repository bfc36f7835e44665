# SPDX-License-Identifier: Apache-2.0
"""A stack whose layers take turns with another's, and read the tokens on their way."""

import numpy as np
import pytest

from pam_ros.attention.layout import TokenGroup
from pam_ros.attention.look import Look, Stack
from pam_ros.attention.selection import Selection
from pam_ros.policy import PolicySpec

TOKENS = 5


@pytest.fixture
def spec():
    expert = Stack(
        "expert", "e.{layer}.attn", "cross", 2, 1, 1, (0, TOKENS), numbers=(0, 3), depths=(0, 2)
    )
    prefix = Stack("prefix", "p.{layer}.attn", "self", 4, 1, TOKENS, (0, TOKENS))
    return PolicySpec(
        name="p", sha256="", cameras=(), state_feature=None, state_dim=0,
        environment_feature=None, environment_dim=0, action_dim=1, chunk_size=1,
        n_action_steps=1, chunk_mode="queue", device="cpu",
        groups=(TokenGroup("other", 0, TOKENS),), stacks=(expert, prefix),
    )  # fmt: skip


def weights(rng, rows):
    return rng.dirichlet(np.ones(TOKENS), (1, rows)).astype(np.float32)


def test_a_label_has_the_layer_s_number_in_its_module(spec):
    assert spec.stack("expert").label(1) == "e.3.attn"
    assert spec.stack("prefix").label(1) == "p.1.attn"


def test_rollout_goes_through_the_layers_below_and_no_other(spec):
    rng = np.random.default_rng(0)
    own = weights(rng, 1)
    below = [weights(rng, TOKENS) for _ in range(2)]
    kept = {("expert", 1, 0): own, **{("prefix", k, 0): w for k, w in enumerate(below)}}
    maps = Selection("rollout", Look("expert", 1, through="prefix")).maps_of(kept, spec)
    expected = own[0, 0]
    for layer in reversed(below):
        expected = 0.5 * expected + 0.5 * expected @ layer[0]
    assert maps.groups[0].mass == pytest.approx(expected, abs=1e-6)
    assert maps.layer == "e.3.attn, p.0:2"


def test_a_layer_that_reads_the_tokens_as_they_come_in_is_shown_as_it_is(spec):
    own = weights(np.random.default_rng(0), 1)
    maps = Selection("rollout", Look("expert", 0, through="prefix")).maps_of(
        {("expert", 0, 0): own}, spec
    )
    assert maps.groups[0].mass == pytest.approx(own[0, 0], abs=1e-6)
    assert (maps.method, maps.layer) == ("rollout", "e.0.attn")
