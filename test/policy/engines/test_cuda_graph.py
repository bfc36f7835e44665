# SPDX-License-Identifier: Apache-2.0
"""The CUDA graph's engine; all of it but the capture itself runs without a GPU."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from engine_checks import (
    CONFIGURATIONS,
    TOP,
    needs_cuda,
    wrapped,
)

from pam_ros.policy import load_policy
from pam_ros.policy.act.hooks import HookedForward
from pam_ros.policy.engines.cuda_graph import CudaGraphEngine
from pam_ros.policy.engines.workshop import EngineFactory, noise_inputs
from pam_ros.policy.full_float32 import full_float32


def recomputed_into_place(run):
    """As a CUDA graph: each replay writes what the inputs now give into the first results."""
    results = run()

    def replay():
        again = run()
        for kept, new in zip(
            (results.chunk, results.attention, *results.places),
            (again.chunk, again.attention, *again.places),
            strict=True,
        ):
            kept.copy_(new)

    return results, replay


def test_a_replayed_graph_reads_new_inputs_and_gives_away_copies(reference_policy):
    """All of the CUDA graph's engine but the capture itself."""
    reference = reference_policy(cameras={TOP: (32, 40)}, environment_dim=2)
    policy = wrapped(reference, "eager")
    workshop = EngineFactory(policy.model, policy.spec)
    example = noise_inputs(policy.spec)
    graph = workshop.plain("float32")
    engine = CudaGraphEngine(
        graph, workshop.exact, example, "cpu", "float32", recomputed_into_place
    )
    rng = np.random.default_rng(0)
    first, second = (policy.prepare([reference.observation(rng)]) for _ in range(2))
    kept = engine(first, [1])
    chunk = kept.chunk.clone()
    other = engine(second)
    assert torch.equal(kept.chunk, chunk)
    for result, inputs in ((kept, first), (other, second)):
        expected = HookedForward(reference.policy.model)(inputs, [1])
        assert (result.chunk - expected.chunk).abs().max() <= 1e-5
        assert (result.attention - expected.attention).abs().max() <= 1e-6
    assert list(kept.encoder_attention) == [1]


def test_a_float32_graph_is_captured_without_tf32_and_the_switch_goes_back(
    reference_policy, monkeypatch
):
    reference = reference_policy(cameras={}, environment_dim=2)
    policy = wrapped(reference, "eager")
    workshop = EngineFactory(policy.model, policy.spec)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    seen = []

    def capture(run):
        seen.append(torch.backends.cudnn.allow_tf32)
        return recomputed_into_place(run)

    for dtype in ("float32", "bfloat16"):
        graph, example = workshop.plain(dtype), noise_inputs(policy.spec)
        CudaGraphEngine(graph, workshop.exact, example, "cpu", dtype, capture)
        assert torch.backends.cudnn.allow_tf32
    assert seen == [False, True]


def test_a_graph_is_captured_and_replayed_on_its_own_device(reference_policy, monkeypatch):
    reference = reference_policy(cameras={}, environment_dim=2)
    policy = wrapped(reference, "eager")
    workshop = EngineFactory(policy.model, policy.spec)
    current = []
    seen = []

    @contextmanager
    def device(which):
        current.append(str(which))
        yield
        current.pop()

    def capture(run):
        results, replay = recomputed_into_place(run)
        seen.append(list(current))

        def watched():
            seen.append(list(current))
            replay()

        return results, watched

    monkeypatch.setattr(torch.cuda, "device", device)
    graph, example = workshop.plain("float32"), noise_inputs(policy.spec)
    engine = CudaGraphEngine(graph, workshop.exact, example, "cuda:1", "float32", capture)
    engine(example)
    assert seen == [["cuda:1"], ["cuda:1"]]
    assert current == []


@needs_cuda
@pytest.mark.parametrize("tf32", [True, False])
@pytest.mark.parametrize("options", CONFIGURATIONS[:3], ids=range(3))
def test_cuda_graph_agrees_with_lerobot(reference_policy, tmp_path, monkeypatch, options, tf32):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", tf32)
    reference = reference_policy(**options)
    policy = load_policy(reference.save(tmp_path), device="cuda", engine="cuda_graph")
    assert policy.engine.name == "cuda_graph"
    rng = np.random.default_rng(0)
    for _ in range(3):
        observation = reference.observation(rng)
        inputs = policy.prepare([observation])
        result = policy.forward(inputs)
        with full_float32():
            expected = HookedForward(policy.model)(inputs)
        assert np.abs(result.normalised - expected.chunk.cpu().numpy()).max() <= 1e-5
        assert np.abs(result.attention - expected.attention.cpu().numpy()).max() <= 1e-6
