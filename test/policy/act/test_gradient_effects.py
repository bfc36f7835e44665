# SPDX-License-Identifier: Apache-2.0
"""What gradient methods leave as it was, take of options, and refuse."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from gradient_policies import (
    METHODS,
    ONE_CAMERA,
    SEVENTH,
    STATE,
    TOP,
    TWO_SIZES,
    WRIST,
    chunk,
    wrapped,
)
from lerobot.configs.types import NormalizationMode

from pam_ros.policy import ObservationError, PolicyError
from pam_ros.policy.act.gradients import (
    Target,
    attribute,
    grad_cam,
    input_gradients,
    integrated_gradients,
)
from pam_ros.policy.act.path import blurred, path_to


@pytest.mark.parametrize("method", METHODS)
def test_observation_weights_and_the_policys_state_stay_as_they_were(reference_policy, method):
    for options in ({"n_action_steps": 4}, {"n_action_steps": 1, "temporal_ensemble_coeff": 0.01}):
        reference = reference_policy(cameras=ONE_CAMERA, **options)
        asked, plain = wrapped(reference), wrapped(reference)
        rng = np.random.default_rng(4)
        weights = {k: v.clone() for k, v in asked.model.state_dict().items()}
        for _ in range(6):
            observation = reference.observation(rng)
            before = copy.deepcopy(observation)
            for array in observation.values():
                array.flags.writeable = False
            with torch.inference_mode():
                attribute(asked, observation, method, steps=2)
            for name, array in before.items():
                np.testing.assert_array_equal(observation[name], array)
            ours, expected = asked.step(observation), plain.step(observation)
            np.testing.assert_array_equal(ours.action, expected.action)
            assert (ours.step, ours.action_source_step, ours.chunk_executed) == (
                expected.step,
                expected.action_source_step,
                expected.chunk_executed,
            )
        for name, weight in asked.model.state_dict().items():
            assert torch.equal(weight, weights[name])
        assert all(p.grad is None and not p.requires_grad for p in asked.model.parameters())


def test_no_hook_stays_and_tf32_is_as_before_also_after_an_exception(act, monkeypatch):
    policy, observation = act
    module = policy.model

    def hooks():
        return sum(
            len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks)
            for m in module.modules()
        )

    before = hooks()
    allowed = torch.backends.cudnn.allow_tf32
    grad_cam(policy, observation)
    assert hooks() == before
    asked = []

    def fails(*_inputs, **_options):
        asked.append(hooks())
        raise RuntimeError("the decoder broke")

    for method in METHODS:
        calls = []
        original = module.decoder.forward

        def second_call_fails(*inputs, calls=calls, original=original, **options):
            calls.append(None)
            return original(*inputs, **options) if len(calls) == 1 else fails()

        with monkeypatch.context() as patch:
            patch.setattr(module.decoder, "forward", second_call_fails)
            with pytest.raises(RuntimeError, match="the decoder broke"):
                attribute(policy, observation, method, steps=2)
        assert hooks() == before
        assert torch.backends.cudnn.allow_tf32 == allowed
    assert asked == [before, before, before + 1]  # Grad-CAM's hook was there, and is gone


@pytest.mark.parametrize(
    "options",
    [
        {"state_dim": 0},
        {"environment_dim": 3},
        {"pre_norm": True, "n_decoder_layers": 2},
        {"vision_backbone": "resnet50", "replace_final_stride_with_dilation": True},
    ],
)
def test_all_of_acts_options_work(reference_policy, options):
    reference = reference_policy(cameras=ONE_CAMERA, **options)
    policy = wrapped(reference)
    observation = reference.observation(np.random.default_rng(5))
    expected = chunk(policy, policy.prepare([observation]))
    path = path_to(policy, observation, "black")
    np.testing.assert_allclose(path.chunks(path.at([1.0]))[0].detach(), expected, atol=1e-5)
    for method in METHODS:
        found = attribute(policy, observation, method, steps=2)
        assert found.state.shape == (policy.spec.state_dim,)
        assert all(np.isfinite(cells).all() for cells in found.cells.values())
    if not policy.spec.state_dim:
        with pytest.raises(PolicyError, match="reads no joint state"):
            integrated_gradients(policy, observation, joint_state="mean")


def test_baselines_are_what_they_say(act):
    policy, observation = act
    black = {name: np.zeros_like(array) for name, array in observation.items()}
    for start, image in zip(
        path_to(policy, observation, "black").starts, policy.prepare([black]).images, strict=True
    ):
        assert torch.equal(start, image)
    assert not any(start.any() for start in path_to(policy, observation, "mean").starts)

    point = torch.zeros(1, 3, 81, 120)
    point[0, 1, 40, 60] = 1.0
    blob = blurred(point)
    assert float(blob[0, 1].sum()) == pytest.approx(1, abs=1e-2)
    assert not blob[0, [0, 2]].any()
    y, x = np.mgrid[:81, :120]
    gauss = np.exp(-((y - 40) ** 2 + (x - 60) ** 2) / (2 * 12.0**2))
    np.testing.assert_allclose(blob[0, 1].numpy() / float(blob.max()), gauss, atol=0.03)
    flat = torch.full((1, 3, 20, 150), 0.7)
    torch.testing.assert_close(blurred(flat), flat)


def test_bad_input_is_named_with_what_would_be_right(act):
    policy, observation = act
    with pytest.raises(PolicyError, match="joint 4 is out of range: it must be from 0 to 3"):
        input_gradients(policy, observation, Target(joint=4, step=0))
    with pytest.raises(PolicyError, match="step -1 is out of range: it must be from 0 to 9"):
        grad_cam(policy, observation, Target(joint=0, step=-1))
    with pytest.raises(PolicyError, match=r"joint True is out of range: .* or None for all"):
        grad_cam(policy, observation, Target(joint=True))
    with pytest.raises(PolicyError, match="stop 11 is out of range: it must be from 0 to 10"):
        grad_cam(policy, observation, Target(step=2, stop=11))
    with pytest.raises(PolicyError, match=r"steps 2:2 are none: stop must be above step"):
        grad_cam(policy, observation, Target(step=2, stop=2))
    with pytest.raises(PolicyError, match="stop 3 needs a step to begin with"):
        grad_cam(policy, observation, Target(stop=3))
    with pytest.raises(PolicyError, match=r"method 'smooth' is unknown: .*integrated_gradients"):
        attribute(policy, observation, "smooth")
    with pytest.raises(PolicyError, match=r"baseline 'white' is unknown: .*black, mean, blur"):
        integrated_gradients(policy, observation, baseline="white")
    with pytest.raises(PolicyError, match=r"joint_state 'zero' is unknown: .*held, mean"):
        integrated_gradients(policy, observation, joint_state="zero")
    for setting in ({"steps": 0}, {"batch": 0}, {"steps": 2.5}, {"batch": True}):
        with pytest.raises(PolicyError, match="must be an integer of 1 or more"):
            integrated_gradients(policy, observation, **setting)
    with pytest.raises(PolicyError, match="joints has 1 names: it must have 4"):
        input_gradients(policy, observation, joints=["pan"])
    with pytest.raises(ObservationError, match=r"lacks observation\.state"):
        input_gradients(policy, {k: v for k, v in observation.items() if k != STATE})
    found = input_gradients(policy, observation, SEVENTH, joints=["pan", "lift", "flex", "grip"])
    assert found.target == "flex[7]"


def test_a_mean_that_the_policy_does_not_know_is_refused(reference_policy):
    modes = {
        kind: NormalizationMode.IDENTITY if kind == "VISUAL" else NormalizationMode.MEAN_STD
        for kind in ("VISUAL", "STATE", "ACTION")
    }
    reference = reference_policy(cameras=ONE_CAMERA, normalization_mapping=modes)
    policy = wrapped(reference)
    observation = reference.observation(np.random.default_rng(6))
    with pytest.raises(PolicyError, match=r"baseline 'mean' .* VISUAL .* IDENTITY"):
        integrated_gradients(policy, observation, baseline="mean")
    integrated_gradients(policy, observation, baseline="black", steps=1)


def test_a_policy_without_cameras_is_refused(reference_policy):
    reference = reference_policy(cameras={}, environment_dim=3)
    observation = reference.observation(np.random.default_rng(7))
    with pytest.raises(PolicyError, match="reads no camera"):
        input_gradients(wrapped(reference), observation)


def test_gradients_that_are_not_finite_are_refused(linear):
    policy, observation = linear
    policy.model.weights[TOP][7 * 4 + 2, 5] = math.inf
    with pytest.raises(PolicyError, match="not finite"):
        input_gradients(policy, observation, SEVENTH)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("method", METHODS)
def test_a_gpu_gives_what_the_cpu_gives(reference_policy, tmp_path, method):
    from pam_ros.policy import load_policy

    reference = reference_policy(cameras=TWO_SIZES)
    folder = reference.save(tmp_path)
    observation = reference.observation(np.random.default_rng(8))
    found = [
        attribute(load_policy(folder, device=device), observation, method, target=SEVENTH, steps=4)
        for device in ("cpu", "cuda")
    ]
    for name in (TOP, WRIST):
        cells = found[0].cells[name]
        np.testing.assert_allclose(found[1].cells[name], cells, atol=1e-3 * np.abs(cells).max())
