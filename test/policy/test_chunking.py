# SPDX-License-Identifier: Apache-2.0
"""The queue and the temporal ensemble against their definitions."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from lerobot.policies.act.modeling_act import ACTTemporalEnsembler

from pam_ros.policy.chunking import ActionQueue, TemporalEnsemble


@settings(deadline=None)
@given(
    coefficient=st.floats(-0.5, 0.5),
    chunk_size=st.integers(1, 8),
    steps=st.integers(1, 25),
    seed=st.integers(0, 100),
)
def test_the_ensemble_is_the_weighted_mean_of_what_all_chunks_say(
    coefficient, chunk_size, steps, seed
):
    chunks = np.random.default_rng(seed).normal(size=(steps, chunk_size, 3)).astype(np.float32)
    ensemble = TemporalEnsemble(coefficient, chunk_size)
    lerobots = ACTTemporalEnsembler(coefficient, chunk_size)
    for step in range(steps):
        action = ensemble.update(chunks[step])
        # Oldest first: the chunk of step s says chunks[s][step - s] about this step.
        opinions = np.array(
            [chunks[s][step - s] for s in range(max(0, step - chunk_size + 1), step + 1)]
        )
        weights = np.exp(-coefficient * np.arange(len(opinions)))
        expected = weights @ opinions / weights.sum()
        np.testing.assert_allclose(action, expected, atol=1e-6)
        theirs = lerobots.update(torch.from_numpy(chunks[step])[None])[0].numpy()
        np.testing.assert_allclose(action, theirs, atol=1e-5)


def test_the_queue_hands_out_the_executed_part_of_each_chunk():
    queue = ActionQueue(3)
    assert queue.pop() is None
    first, second = np.arange(20, dtype=np.float32).reshape(2, 5, 2)
    queue.fill(first, step=0)
    assert [queue.pop().action.tolist() for _ in range(3)] == first[:3].tolist()
    assert queue.pop() is None
    queue.fill(second, step=3)
    assert queue.pop().source_step == 3
    queue.reset()
    assert len(queue) == 0
