# SPDX-License-Identifier: Apache-2.0
"""ACT of random weights, and a policy that is linear."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from gradient_policies import TWO_SIZES, Linear, wrapped


@pytest.fixture
def act(reference_policy):
    reference = reference_policy(cameras=TWO_SIZES)
    return wrapped(reference), reference.observation(np.random.default_rng(1))


@pytest.fixture
def linear(act):
    policy, observation = act
    spec = policy.spec
    policy._model = Linear(policy.model, observation, (spec.chunk_size, spec.action_dim))
    return policy, observation
