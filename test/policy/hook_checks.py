# SPDX-License-Identifier: Apache-2.0
"""What holds of the hook points of every adapter, for the tests of each."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
import torch

from pam_ros.attention.contribution import ContributionRequest
from pam_ros.attention.selection import METHODS, methods_of
from pam_ros.policy import PolicyError
from pam_ros.policy.abilities import Hooking


def check_points(policy: Any, observation: Any, other: Any) -> None:
    """Reading changes no bit, patches bring the other pass back, and nothing stays."""
    assert isinstance(policy, cast("Any", Hooking))
    free = policy.forward(policy.prepare([observation])).chunks[0]
    chunk, cache = policy.run_with_cache(observation, noise_of=other)
    assert list(cache) == list(policy.hook_points)
    for name, point in policy.hook_points.items():
        axes = len(point.axes) + (point.steps > 1)
        assert cache[name].ndim == axes, name
        assert torch.isfinite(cache[name]).all(), name
    plain = policy.run_with_hooks(observation, noise_of=other)
    np.testing.assert_array_equal(chunk, plain)  # written out or not
    # What the last point gives is the chunk, so it brings all of the other pass back.
    found = policy.activation_patching(observation, other, [list(policy.hook_points)[-1]])
    assert list(found.recovered.values()) == [pytest.approx(1, abs=1e-4)]
    np.testing.assert_array_equal(policy.forward(policy.prepare([observation])).chunks[0], free)
    _check_modules_are_bare(policy)


def check_every_point_matters(policy: Any, observation: Any, names: list[str]) -> None:
    """Another activation at each of these points makes another chunk."""
    plain = policy.run_with_hooks(observation)
    for name in names:
        changed = policy.run_with_hooks(observation, [(name, lambda a, here: a * 0.5 + 0.1)])
        assert np.abs(changed - plain).max() > 1e-6, name


def check_two_hooks_on_one_point(policy: Any, observation: Any) -> None:
    """Each is called, in their order; what one keeps stays as it was; nothing stays behind."""
    for name in policy.hook_points:
        kept: list[tuple[Any, Any]] = []

        def read(activation: Any, _here: Any, kept: Any = kept) -> None:
            kept.append((activation, activation.clone()))

        def zero(activation: Any, _here: Any) -> Any:
            return activation * 0

        alone = policy.run_with_hooks(observation, [(name, zero)])
        after = policy.run_with_hooks(observation, [(name, zero), (name, read)])
        np.testing.assert_array_equal(after, alone, err_msg=name)
        assert kept, name
        for given, then in kept:
            assert torch.equal(given, then), name
            assert not given.any(), name
    _check_modules_are_bare(policy)


def check_activations_are_ones_own(policy: Any, observation: Any, name: str) -> None:
    """A probe can be trained on them, and a change of one changes nothing in the cache."""
    _, cache = policy.run_with_cache(observation, name)
    activation = cache[name]
    probe = torch.nn.Linear(activation.shape[-1], 1)
    probe(activation).square().mean().backward()
    assert probe.weight.grad is not None
    assert probe.weight.grad.abs().max() > 0
    before = activation.clone()
    activation.zero_()
    cache.at(name, 0).zero_()
    assert torch.equal(cache[name], before)
    with pytest.raises(PolicyError, match=rf"'x' is not cached: the cache has {name}"):
        cache["x"]


def check_contributions_have_no_hooks(policy: Any, observation: Any) -> None:
    """Of a policy that gave none before: inside hooks none is made, and afterwards it is bare."""
    last = list(policy.hook_points)[-1]
    request = ContributionRequest()
    with policy.hooks([(last, lambda a, here: a * 0)]):
        assert "ask for them outside of hooks" in policy.why_no_contribution(request)
        for refused in (
            lambda: policy.mean_tokens([observation]),
            lambda: policy.compare_with(None),
            lambda: policy.look(observation, "contribution"),
        ):
            with pytest.raises(PolicyError, match="of the policy as it is: ask for them outside"):
                refused()
        if methods_of(policy.spec):
            assert policy.look(observation).method in METHODS
    total = policy.contribute(observation, request).total
    assert np.isfinite(total)
    assert abs(total) > 0


def check_sentences(policy: Any, observation: Any) -> None:
    """A wrong name, shape or row is named, and leaves the modules as they were."""
    first = next(iter(policy.hook_points))
    with pytest.raises(PolicyError, match=r"there is no activation 'x\.mind': hook"):
        policy.run_with_hooks(observation, [("x.mind", lambda a, here: None)])
    with pytest.raises(
        PolicyError, match=rf"the hook at {first} returned \(1,\): it must return None"
    ):
        policy.run_with_hooks(observation, [(first, lambda a, here: torch.zeros(1))])
    with pytest.raises(PolicyError, match=f"the hook at {first} returned int: it must return"):
        policy.run_with_hooks(observation, [(first, lambda a, here: 3)])
    with (
        policy.hooks([(first, lambda a, here: None)]),
        pytest.raises(
            PolicyError,
            match="contributions are of the policy as it is: ask for them outside of hook",
        ),
    ):
        policy.look(observation, "contribution")
    _check_modules_are_bare(policy)


def _check_modules_are_bare(policy: Any) -> None:
    model = policy._model
    for module in model.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
        assert "forward" not in vars(module)
        assert "_prepare_global_conditioning" not in vars(module)
