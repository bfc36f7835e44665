# SPDX-License-Identifier: Apache-2.0
"""Contributions: cells that sum up, geometry by probes, and actions that stay lerobot's own."""

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch

from pam_ros.attention.attribution import Target
from pam_ros.attention.contribution import ContributionRequest, parse_target
from pam_ros.attention.errors import AttentionError
from pam_ros.policy import ObservationError, PolicyError, wrap
from pam_ros.policy.abilities import Contributing
from pam_ros.policy.act.gradients import integrated_gradients

TOP, WRIST = "observation.images.top", "observation.images.wrist"
STATE = "observation.state"
TWO_SIZES = {TOP: (64, 96), WRIST: (33, 48)}
PIXELS = ContributionRequest("contribution")
TOKENS = ContributionRequest("token_contribution")
JOINTS = ("pan", "lift", "flex", "grip")


def wrapped(reference, **settings):
    return wrap(reference.policy, reference.preprocessor, reference.postprocessor, **settings)


@pytest.fixture
def act(reference_policy):
    reference = reference_policy(cameras=TWO_SIZES)
    return wrapped(reference), reference.observation(np.random.default_rng(1))


def asked(request, **changes):
    return ContributionRequest(**{**vars(request), **changes})


def test_the_cells_sum_to_the_change_of_the_pictures_with_many_points(act):
    policy, observation = act
    assert isinstance(policy, Contributing)
    for request in (
        asked(PIXELS, baseline="mean"),
        asked(PIXELS, baseline="blur", complete=True),
        TOKENS,
    ):
        few = policy.contribute(observation, request)
        many = policy.contribute(observation, asked(request, points=60))
        assert many.total == pytest.approx(many.change, abs=6e-3)
        assert many.completeness_error < 0.02
        assert many.completeness_error <= few.completeness_error + 1e-6
        assert many.total == pytest.approx(
            sum(float(grid.sum()) for grid in (many.images or many.cells).values()), abs=1e-4
        )


def test_without_a_pass_of_its_own_the_sum_is_not_checked(act):
    policy, observation = act
    assert np.isnan(policy.contribute(observation, PIXELS).completeness_error)
    assert np.isfinite(
        policy.contribute(observation, asked(PIXELS, complete=True)).completeness_error
    )
    assert np.isfinite(policy.contribute(observation, TOKENS).completeness_error)


@pytest.mark.parametrize("baseline", ["blur", "mean", "black"])
def test_pixels_are_integrated_gradients_of_lerobots_own_module_for_a_joint(act, baseline):
    policy, observation = act
    target = Target(joint=2, step=7)
    ours = policy.contribute(observation, asked(PIXELS, target=target, baseline=baseline, points=3))
    theirs = integrated_gradients(policy, observation, target, baseline=baseline, steps=3)
    zero, one = policy._preparation.unnormalised(torch.tensor([[0.0] * 4, [1.0] * 4]))
    unit = (one - zero)[2]
    assert (ours.unit, theirs.unit) == ("action", "normalised action")
    for name in (TOP, WRIST):
        np.testing.assert_allclose(ours.images[name], unit * theirs.images[name], atol=2e-5)


def test_a_passs_own_tokens_spare_the_resnet_and_change_nothing(act):
    policy, observation = act
    assert policy.explain(observation).inputs is None
    policy.keep_inputs(keep=True)
    output = policy.explain(observation)
    for request in (PIXELS, TOKENS):
        alone = policy.contribute(observation, request)
        beside = policy.contribute(observation, request, output)
        for name in (TOP, WRIST):
            grids = [found.images or found.cells for found in (alone, beside)]
            np.testing.assert_allclose(grids[0][name], grids[1][name], atol=1e-5)


def test_tokens_are_compared_with_their_mean(act, reference_policy):
    policy, observation = act
    rng = np.random.default_rng(5)
    others = [reference_policy(cameras=TWO_SIZES).observation(rng) for _ in range(4)]
    means = policy.mean_tokens([*others, observation])
    policy.compare_with(means)
    assert policy.contribute(observation, TOKENS).baseline == "fitted"
    # Nothing is contributed by what is as always.
    policy.compare_with(policy.mean_tokens([observation]))
    found = policy.contribute(observation, TOKENS)
    assert max(float(np.abs(cells).max()) for cells in found.magnitudes.values()) < 1e-6
    policy.compare_with(None)
    names = [policy.contribute(one, TOKENS).baseline for one in 3 * others]
    assert names == 9 * ["mean"] + 3 * ["running"]
    with pytest.raises(PolicyError, match=r"mean tokens of shape \(3, 2\) must have"):
        policy.compare_with(np.zeros((3, 2), np.float32))


def test_the_grid_of_pixels_is_its_own(act):
    policy, observation = act
    found = policy.contribute(observation, asked(PIXELS, complete=True))
    maps = found.maps(policy.spec.layout, 16)
    top, wrist = maps.cameras
    assert (top.cells.shape, wrist.cells.shape) == ((4, 6), (3, 3))
    assert (top.x0, top.y0, top.dx, top.dy) == (7.5, 7.5, 16.0, 16.0)
    assert (maps.layer, maps.baseline, maps.tokens) == ("images/16", "blur", 33)
    pixels = np.abs(found.images[TOP])
    whole = sum(np.abs(image).sum() for image in found.images.values())
    assert top.cells[1, 2] == pytest.approx(pixels[16:32, 32:48].sum() / whole, rel=1e-4)
    assert top.signed[1, 2] == pytest.approx(found.images[TOP][16:32, 32:48].sum(), abs=1e-5)
    assert float(top.cells.sum() + wrist.cells.sum()) == pytest.approx(1, abs=1e-5)
    parts = [camera.contribution for camera in maps.cameras]
    parts += [group.contribution for group in maps.groups if group.kind == "joint_state"]
    assert parts == [found.parts[name] for name in (TOP, WRIST, "joint_state")]
    shares = [abs(part) / sum(map(abs, parts)) for part in parts]
    assert [top.part_share, wrist.part_share, maps.joint_state_share] == pytest.approx(shares)
    tokens = policy.contribute(observation, TOKENS).maps(policy.spec.layout, 16)
    assert [one.cells.shape for one in tokens.cameras] == [(2, 3), (2, 2)]
    with pytest.raises(AttentionError, match="cell of 0 pixels is finer than the picture"):
        found.maps(policy.spec.layout, 0)


@pytest.mark.parametrize("place", [(20, 70), (50, 10)])
def test_what_differs_from_the_baseline_at_one_place_is_found_there(act, place):
    policy, observation = act
    flat = {**observation, TOP: np.full_like(observation[TOP], 128)}
    flat[WRIST] = np.full_like(observation[WRIST], 128)
    y, x = place
    flat[TOP][y - 1 : y + 2, x - 1 : x + 2] = (255, 0, 0)
    found = policy.contribute(flat, PIXELS)
    top = found.maps(policy.spec.layout, 16).cameras[0]
    row, col = top.peak
    assert abs(top.x0 + col * top.dx - x) <= top.dx / 2 + 1
    assert abs(top.y0 + row * top.dy - y) <= top.dy / 2 + 1


def test_actions_stay_lerobots_while_another_thread_explains(reference_policy):
    reference = reference_policy(cameras=TWO_SIZES, n_action_steps=3)
    policy = wrapped(reference)
    policy.keep_inputs(keep=True)
    rng, ended, failed = np.random.default_rng(2), threading.Event(), []
    observations = [reference.observation(rng) for _ in range(9)]

    def explain():
        try:
            while not ended.is_set():
                for request in (PIXELS, TOKENS):
                    policy.contribute(observations[0], request)
        except Exception as error:  # noqa: BLE001
            failed.append(error)

    thread = threading.Thread(target=explain)
    thread.start()
    try:
        for observation in observations:
            expected = reference.select_action(observation)
            output = policy.step(observation)
            policy.contribute(observation, TOKENS, output)
            assert reference.normalised_difference(output.action, expected) <= 1e-5
    finally:
        ended.set()
        thread.join()
    assert not failed


def test_targets_as_people_write_them():
    for text, target in (
        ("chunk", Target()),
        ("chunk[3]", Target(step=3)),
        (" chunk[0:10] ", Target(step=0, stop=10)),
        ("grip", Target(joint=3)),
        ("lift[9]", Target(joint=1, step=9)),
        ("lift[2:4]", Target(1, 2, 4)),
        ("change", Target(change=True)),
        ("change[0:3]", Target(None, 0, 3, change=True)),
    ):
        assert parse_target(text, JOINTS, 10) == target
        assert target.label(JOINTS) == text.strip()
    for text in ("gripper", "chunk[10]", "grip[4:4]", "grip[2:11]", "", "grip[a]", "[3]"):
        with pytest.raises(
            AttentionError, match=r"use chunk, change or a joint of pan, lift, flex, grip"
        ):
            parse_target(text, JOINTS, 10)


def test_a_joint_over_steps_is_its_mean(act):
    policy, observation = act
    several = policy.contribute(observation, asked(PIXELS, target=Target(0, 2, 4)))
    single = [
        policy.contribute(observation, asked(PIXELS, target=Target(0, step))) for step in (2, 3)
    ]
    mean = sum(found.images[TOP] for found in single) / 2
    np.testing.assert_allclose(several.images[TOP], mean, atol=1e-5)


def test_bad_input_is_named(act):
    policy, observation = act
    for changes, match in (
        ({"target": Target(joint=4)}, "joint 4 is out of range"),
        ({"target": Target(step=10)}, "step 10 is out of range"),
        ({"method": "rollout"}, "method 'rollout' is unknown: use contribution or"),
        ({"baseline": "white"}, "baseline 'white' is unknown: use black, mean, blur"),
        ({"points": 0}, "points 0 must be 1 or more"),
        ({"cell": 0}, "cell 0 must be 1 or more"),
        ({"joints": ("pan",)}, "joints has 1 names: it must have 4"),
    ):
        request = asked(PIXELS, **changes)
        assert policy.why_no_contribution(request)
        with pytest.raises(PolicyError, match=match):
            policy.contribute(observation, request)
    with pytest.raises(ObservationError, match=r"lacks observation\.state"):
        policy.contribute({k: v for k, v in observation.items() if k != STATE}, PIXELS)
    assert not policy.why_no_contribution(PIXELS)


def test_a_contribution_that_is_not_finite_is_refused(act):
    policy, observation = act
    policy.contribute(observation, PIXELS)
    explaining, _ = policy._contributor._graphs._made[False]
    explaining.graph.head.weight.fill_(np.inf)
    for request in (PIXELS, TOKENS):
        with pytest.raises(PolicyError, match="not finite on this observation"):
            policy.contribute(observation, request)


def test_environment_and_no_state(reference_policy):
    reference = reference_policy(cameras={TOP: (64, 96)}, state_dim=0, environment_dim=3)
    policy, observation = wrapped(reference), reference.observation(np.random.default_rng(3))
    found = policy.contribute(observation, asked(PIXELS, baseline="mean", points=40))
    assert found.completeness_error < 0.02
    maps = policy.contribute(observation, asked(TOKENS, complete=True)).maps(policy.spec.layout)
    # lerobot's ACT normalises no environment state: there is no mean to compare it with.
    assert np.isnan(maps.joint_state_share) and np.isnan(maps.environment_share)
    assert maps.cameras[0].part_share == pytest.approx(1)


def test_bfloat16_is_near_float32(reference_policy):
    reference = reference_policy(cameras=TWO_SIZES)
    observation = reference.observation(np.random.default_rng(1))
    exact = wrapped(reference).contribute(observation, PIXELS).maps(wrapped(reference).spec.layout)
    policy = wrapped(reference, engine="eager", dtype="bfloat16")
    coarse = policy.contribute(observation, PIXELS).maps(policy.spec.layout)
    both = [np.concatenate([c.cells.ravel() for c in one.cameras]) for one in (exact, coarse)]
    assert np.corrcoef(both)[0, 1] > 0.98


def test_whatever_commands_waits_for_no_lock_that_a_contribution_holds(act, monkeypatch):
    policy, observation = act
    policy.keep_inputs(keep=True)
    output = policy.explain(observation)
    begun, go, found = threading.Event(), threading.Event(), []
    derive = torch.autograd.grad

    def waits(*given, **settings):
        begun.set()
        assert go.wait(60.0)
        return derive(*given, **settings)

    monkeypatch.setattr(torch.autograd, "grad", waits)
    beside = threading.Thread(
        target=lambda: found.append(policy.contribute(observation, PIXELS, output)), daemon=True
    )
    beside.start()
    assert begun.wait(60.0)
    ended = threading.Event()

    def commands():
        policy.reset()
        policy.step(observation)
        policy.explain_later(observation)()
        policy.precision_error(observation)
        policy.forward(policy.prepare([observation]))
        assert policy.why_no_contribution(PIXELS) == ""
        ended.set()

    threading.Thread(target=commands, daemon=True).start()
    assert ended.wait(60.0)
    assert found == []
    go.set()
    beside.join(60.0)
    assert len(found) == 1


@pytest.mark.parametrize("request_", [PIXELS, TOKENS], ids=["pixels", "tokens"])
def test_further_targets_are_what_each_is_alone(act, request_, monkeypatch):
    policy, observation = act
    targets = (Target(1), Target(2, 3), Target(None, 0, 4))
    alone = [
        policy.contribute(observation, asked(request_, target=target, points=2, complete=True))
        for target in targets
    ]
    explaining, _ = policy._contributor._graphs.get()
    passes = []
    explaining.graph.register_forward_hook(lambda *_: passes.append(1))
    found = policy.contribute(
        observation, asked(request_, also=targets, points=2, complete=True, joints=JOINTS)
    )
    # One for each point, and that of the baseline; tokens go past the module's forward.
    assert len(passes) in {0, 3}
    assert [one.target for one in found.also] == ["lift", "flex[3]", "chunk[0:4]"]
    for one, other in zip(found.also, alone, strict=True):
        grids, wanted = one.images or one.cells, other.images or other.cells
        for name in grids:
            np.testing.assert_allclose(grids[name], wanted[name], atol=1e-6)
        assert one.total == pytest.approx(other.total, abs=1e-5)
        assert one.completeness_error == pytest.approx(other.completeness_error, abs=1e-5)
    maps = found.maps(policy.spec.layout, 16)
    assert [one.target for one in maps.also] == [one.target for one in found.also]
