# SPDX-License-Identifier: Apache-2.0
"""What each camera and each other group did: Shapley values between the training mean and now."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
from lerobot.configs.types import NormalizationMode

from pam_ros.attention.attribution import CHUNK, Target
from pam_ros.attention.contribution import ContributionRequest
from pam_ros.policy import PolicyError, wrap
from pam_ros.policy.act.group_parts import AT_A_TIME, Group, group_parts, orders

TOP, WRIST, SIDE = (f"observation.images.{name}" for name in ("top", "wrist", "side"))
STATE = "joint_state"
TWO = {TOP: (64, 96), WRIST: (33, 48)}
JOINTS = ("pan", "lift", "flex", "grip")


def make(reference_policy, seed=1, **options):
    reference = reference_policy(**{"cameras": TWO, **options})
    policy = wrap(reference.policy, reference.preprocessor, reference.postprocessor)
    return policy, reference.observation(np.random.default_rng(seed)), reference


def request(target=CHUNK, method="contribution", **more):
    return ContributionRequest(method, target, complete=True, **more)


def chunk_with(policy, observation, present):
    """The policy's chunk in its own unit, inputs that are not present at their training mean."""
    prepared = policy.prepare([observation])
    images = tuple(
        image if camera.feature in present else image * 0
        for camera, image in zip(policy.spec.cameras, prepared.images, strict=True)
    )
    state = prepared.state
    if state is not None and STATE not in present:
        state = state * 0
    edited = prepared._replace(images=images, state=state)
    return policy.forward(edited).chunks[0].astype(np.float64)


def shapley(names, value):
    """By the sum over coalitions that defines it."""
    count = len(names)
    found = {}
    for name in names:
        others = [other for other in names if other != name]
        found[name] = sum(
            math.factorial(size) * math.factorial(count - size - 1) / math.factorial(count)
            * (value({*some, name}) - value(set(some)))
            for size in range(count)
            for some in combinations(others, size)
        )  # fmt: skip
    return found


@pytest.mark.parametrize("method", ["contribution", "token_contribution"])
@pytest.mark.parametrize("target", [Target(2, 7), Target(1, 2, 6), Target(0)])
def test_parts_are_shapley_values_of_the_joint_in_its_own_unit(reference_policy, method, target):
    policy, observation, _ = make(reference_policy)
    found = policy.contribute(observation, request(target, method, joints=JOINTS))
    steps = slice(*{None: (0, 10), 7: (7, 8), 2: (2, 6)}[target.step])

    def value(present):
        return chunk_with(policy, observation, present)[steps, target.joint].mean()

    names = [STATE, TOP, WRIST]
    for name, part in shapley(names, value).items():
        assert found.parts[name] == pytest.approx(part, abs=1e-5)
    assert set(found.parts) == set(names)
    assert sum(found.parts.values()) == pytest.approx(value(names) - value([]), abs=1e-5)
    now = policy.explain(observation).chunk[steps, target.joint].mean()
    assert sum(found.parts.values()) == pytest.approx(now - value([]), abs=1e-5)
    assert found.unit == "action"


def test_parts_of_the_chunk_are_along_its_way_from_mean_pictures(reference_policy):
    policy, observation, reference = make(reference_policy)
    found = policy.contribute(observation, request())
    names = [STATE, TOP, WRIST]

    def normalised(present):
        return chunk_with(policy, observation, present) / reference.action_std

    way = normalised(names) - normalised([STATE])
    direction = way / np.linalg.norm(way)

    def value(present):
        return float((normalised(present) * direction).sum())

    for name, part in shapley(names, value).items():
        assert found.parts[name] == pytest.approx(part, abs=1e-5)
    assert sum(found.parts.values()) == pytest.approx(value(names) - value([]), abs=1e-5)
    assert found.unit == "normalised action"
    # Of the cells the sum is another matter: pictures alone, from another baseline.
    assert found.total == pytest.approx(
        sum(float(image.sum(dtype=np.float64)) for image in found.images.values()), rel=1e-5
    )


def test_a_passs_own_tokens_and_chunk_give_the_same_parts(reference_policy):
    policy, observation, _ = make(reference_policy)
    policy.keep_inputs(keep=True)
    output = policy.explain(observation)
    for target in (CHUNK, Target(3)):
        alone = policy.contribute(observation, request(target))
        beside = policy.contribute(observation, request(target), output)
        for name, part in alone.parts.items():
            assert beside.parts[name] == pytest.approx(part, abs=1e-5)


def test_they_are_computed_where_they_are_asked_for(reference_policy):
    policy, observation, _ = make(reference_policy)
    for method in ("contribution", "token_contribution"):
        found = policy.contribute(observation, ContributionRequest(method))
        assert not found.parts
        maps = found.maps(policy.spec.layout)
        assert all(np.isnan(camera.contribution) for camera in maps.cameras)
        assert all(np.isnan(camera.part_share) for camera in maps.cameras)
        assert np.isnan(maps.joint_state_share)


def test_a_state_that_the_policy_does_not_heed_has_exactly_nothing(reference_policy):
    reference = reference_policy(cameras=TWO)
    reference.policy.model.encoder_robot_state_input_proj.weight.data.zero_()
    policy = wrap(reference.policy, reference.preprocessor, reference.postprocessor)
    observation = reference.observation(np.random.default_rng(1))
    policy.keep_inputs(keep=True)
    for output in (None, policy.explain(observation)):
        for target in (CHUNK, Target(2)):
            found = policy.contribute(observation, request(target), output)
            assert found.parts[STATE] == 0.0
            assert abs(found.parts[TOP]) > 1e-4
            maps = found.maps(policy.spec.layout)
            assert maps.joint_state_share == 0.0
            assert sum(camera.part_share for camera in maps.cameras) == pytest.approx(1)


def test_a_camera_whose_tokens_are_at_their_mean_has_exactly_nothing(reference_policy):
    policy, observation, _ = make(reference_policy)
    policy.keep_inputs(keep=True)
    output = policy.explain(observation)
    graph, reference = policy._contributor._graphs.get()
    tokens = torch.tensor(output.inputs)[None]
    (wrist,) = (group for group in reference.groups if group.name == WRIST)
    tokens[:, wrist.start : wrist.start + wrist.mean.shape[1]] = wrist.mean
    with torch.no_grad():
        chunk = graph.chunk_of(tokens)[0]
    as_if = replace(output, inputs=tokens[0].numpy(), normalised=chunk.numpy())
    for target in (CHUNK, Target(2)):
        found = policy.contribute(observation, request(target), as_if)
        assert found.parts[WRIST] == 0.0
        assert abs(found.parts[TOP]) > 1e-4 and abs(found.parts[STATE]) > 1e-4
        maps = found.maps(policy.spec.layout)
        assert [camera.part_share for camera in maps.cameras][1] == 0.0


def test_a_group_whose_mean_is_not_known_stays_and_has_no_part(reference_policy):
    modes = dict.fromkeys(("VISUAL", "ACTION"), NormalizationMode.MEAN_STD)
    policy, observation, _ = make(
        reference_policy, normalization_mapping={**modes, "STATE": NormalizationMode.IDENTITY}
    )
    found = policy.contribute(observation, request(Target(1)))

    def value(present):
        return chunk_with(policy, observation, {*present, STATE})[:, 1].mean()

    assert set(found.parts) == {TOP, WRIST}
    for name, part in shapley([TOP, WRIST], value).items():
        assert found.parts[name] == pytest.approx(part, abs=1e-5)
    maps = found.maps(policy.spec.layout)
    assert np.isnan(maps.joint_state_share)
    (state,) = (group for group in maps.groups if group.kind == STATE)
    assert np.isnan(state.contribution)
    assert sum(camera.part_share for camera in maps.cameras) == pytest.approx(1)


def test_four_groups_come_in_in_one_order_and_its_reverse(reference_policy):
    policy, observation, _ = make(reference_policy, cameras={**TWO, SIDE: (64, 64)})
    found = policy.contribute(observation, request(Target(0)))
    names = [STATE, *(camera.feature for camera in policy.spec.cameras)]

    def value(present):
        return chunk_with(policy, observation, present)[:, 0].mean()

    for place, name in enumerate(names):
        changes = [
            value([*before, name]) - value(before) for before in (names[:place], names[place + 1 :])
        ]
        assert found.parts[name] == pytest.approx(sum(changes) / 2, abs=1e-5)
    assert sum(found.parts.values()) == pytest.approx(value(names) - value([]), abs=1e-5)


def test_environment_alone_beside_a_camera(reference_policy):
    policy, observation, _ = make(
        reference_policy,
        cameras={TOP: (64, 96)},
        state_dim=0,
        environment_dim=3,
        normalization_mapping=dict.fromkeys(
            ("VISUAL", "ENV", "ACTION"), NormalizationMode.MEAN_STD
        ),
    )
    found = policy.contribute(observation, request(Target(0)))
    prepared = policy.prepare([observation])

    def value(top, environment):
        edited = prepared._replace(
            images=(prepared.images[0] * top,), environment=prepared.environment * environment
        )
        return float(policy.forward(edited).chunks[0, :, 0].astype(np.float64).mean())

    both, top, environment, none = value(1, 1), value(1, 0), value(0, 1), value(0, 0)
    assert found.parts == {
        "environment": pytest.approx((both - top + environment - none) / 2, abs=1e-5),
        TOP: pytest.approx((both - environment + top - none) / 2, abs=1e-5),
    }
    maps = found.maps(policy.spec.layout)
    assert maps.environment_share + maps.cameras[0].part_share == pytest.approx(1)
    assert maps.environment_share > 0 and np.isnan(maps.joint_state_share)


def test_parts_that_are_not_finite_are_refused(reference_policy):
    policy, observation, _ = make(reference_policy)
    policy.contribute(observation, request())
    graph, reference = policy._contributor._graphs._made[False]
    broken = tuple(
        group._replace(mean=group.mean * math.nan) if group.name == STATE else group
        for group in reference.groups
    )
    policy._contributor._graphs._made[False] = graph, reference._replace(groups=broken)
    policy.contribute(observation, replace(request(), complete=False))
    with pytest.raises(PolicyError, match="not finite on this observation"):
        policy.contribute(observation, request())


def pairs_game(seed, count):
    """A chunk of one number in which groups act alone and two by two."""
    rng = np.random.default_rng(seed)
    alone = torch.tensor(rng.normal(size=count))
    together = torch.tensor(rng.normal(size=(count, count)))
    batches = []

    def chunk_of(tokens):
        batches.append(len(tokens))
        x = tokens[:, :, 0].double()
        return (x @ alone + ((x @ together) * x).sum(1))[:, None, None]

    return chunk_of, batches


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 9])
def test_one_order_and_its_reverse_are_exact_where_two_at_most_act_together(count):
    chunk_of, batches = pairs_game(count, count)
    rng = np.random.default_rng(0)
    tokens = torch.tensor(rng.normal(size=(1, count, 1)))
    names = [str(index) for index in range(count)]
    groups = [
        Group(name, index, torch.tensor(rng.normal(size=(1, 1, 1))))
        for index, name in enumerate(names)
    ]

    def value(present):
        mixed = tokens.clone()
        for group in groups:
            if group.name not in present:
                mixed[:, group.start] = group.mean[:, 0]
        return float(chunk_of(mixed))

    expected = shapley(names, value) if count < 9 else {}
    everybody = chunk_of(tokens)[0]
    batches.clear()
    parts = group_parts(chunk_of, tokens, groups, float, {frozenset(names): everybody})
    for name, part in expected.items():
        assert parts[name] == pytest.approx(part, abs=1e-9)
    passes = 2**count if count <= 3 else 2 * count
    assert sum(batches) == passes - 1  # that of everybody is known
    assert max(batches) <= AT_A_TIME
    assert sum(parts.values()) == pytest.approx(value(names) - value([]), abs=1e-9)


def test_what_does_not_move_costs_no_pass():
    chunk_of, batches = pairs_game(0, 3)
    tokens = torch.ones(1, 3, 1, dtype=torch.float64)
    groups = [Group(name, place, tokens[:, :1] * 1) for place, name in enumerate("abc")]
    known = {frozenset("abc"): chunk_of(tokens)[0]}
    batches.clear()
    assert group_parts(chunk_of, tokens, groups, float, known) == {"a": 0.0, "b": 0.0, "c": 0.0}
    assert not batches
    groups[0] = groups[0]._replace(mean=tokens[:, :1] * 2)
    parts = group_parts(chunk_of, tokens, groups, float, known)
    assert batches == [1] and parts["a"] != 0.0 and parts["b"] == parts["c"] == 0.0


def test_orders():
    assert orders([]) == [()]
    assert len(orders("abc")) == 6
    assert orders("abcd") == [tuple("abcd"), tuple("dcba")]
