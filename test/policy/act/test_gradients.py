# SPDX-License-Identifier: Apache-2.0
"""Gradient methods against finite differences, closed forms and a pass built by hand."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from lerobot.configs.types import NormalizationMode

from pam_ros.policy import ObservationError, PolicyError, wrap
from pam_ros.policy.act.gradients import (
    BASELINES,
    Target,
    attribute,
    grad_cam,
    input_gradients,
    integrated_gradients,
)
from pam_ros.policy.act.path import blurred, path_to

TOP, WRIST = "observation.images.top", "observation.images.wrist"
STATE = "observation.state"
METHODS = ("input_gradients", "integrated_gradients", "grad_cam")
TWO_SIZES = {TOP: (40, 64), WRIST: (33, 48)}
ONE_CAMERA = {TOP: (40, 64)}
SEVENTH = Target(joint=2, step=7)


def wrapped(reference):
    return wrap(reference.policy, reference.preprocessor, reference.postprocessor)


@pytest.fixture
def act(reference_policy):
    reference = reference_policy(cameras=TWO_SIZES)
    return wrapped(reference), reference.observation(np.random.default_rng(1))


def chunk(policy, prepared):
    """(C, A) float64 of the policy's own stateless pass, which is not the gradients' pass."""
    return policy.forward(prepared).normalised[0].astype(np.float64)


class Linear(torch.nn.Module):
    """Stands for ACT: every action is a fixed weighing of all inputs."""

    def __init__(self, act_module, observation, chunk_shape):
        super().__init__()
        self.config = act_module.config
        self.backbone = act_module.backbone
        self.chunk_shape = chunk_shape
        generator = torch.Generator().manual_seed(3)
        size = math.prod(chunk_shape)
        self.weights = {
            name: torch.randn(size, array.size, generator=generator)
            for name, array in observation.items()
        }

    def forward(self, batch):
        names = [name for name in self.weights if "image" in name]
        total = batch[STATE].flatten(1) @ self.weights[STATE].T
        for name, image in zip(names, batch["observation.images"], strict=True):
            total = total + image.flatten(1) @ self.weights[name].T
        return total.view(-1, *self.chunk_shape), (None, None)


@pytest.fixture
def linear(act):
    policy, observation = act
    spec = policy.spec
    policy._model = Linear(policy.model, observation, (spec.chunk_size, spec.action_dim))
    return policy, observation


def test_input_gradients_agree_with_finite_differences(act):
    policy, observation = act
    prepared = policy.prepare([observation])
    # In float64, so that differences mean something; the gradients under test are float32.
    model = copy.deepcopy(policy.model).double()
    wide = [image.double() for image in prepared.images]

    def value(camera=None, way=None, state=None):
        images = [image + way if index == camera else image for index, image in enumerate(wide)]
        batch = {
            "observation.images": images,
            STATE: prepared.state.double() if state is None else state,
        }
        with torch.no_grad():
            return float(model(batch)[0][0, SEVENTH.step, SEVENTH.joint])

    # lerobot makes its latent in float32 whatever the model is.
    latent = model.encoder_latent_input_proj
    latent.register_forward_pre_hook(lambda _module, inputs: (inputs[0].double(),))
    found = input_gradients(policy, observation, SEVENTH)
    step = 1e-5
    for camera, name in enumerate((TOP, WRIST)):
        for y, x in [(0, 0), (17, 30), (32, 47)]:
            size = 0.0
            for channel in range(3):
                way = torch.zeros_like(wide[camera])
                way[0, channel, y, x] = step
                size += abs(value(camera, way) - value(camera, -way)) / (2 * step)
            assert found.images[name][y, x] == pytest.approx(size, rel=2e-3, abs=1e-6)
    for joint in range(6):
        way = torch.zeros(1, 6, dtype=torch.float64)
        way[0, joint] = step
        state = prepared.state.double()
        difference = (value(state=state + way) - value(state=state - way)) / (2 * step)
        assert found.state[joint] == pytest.approx(difference, rel=2e-3, abs=1e-6)
    assert (found.method, found.target, found.layer) == ("input_gradients", "2[7]", "images")
    assert math.isnan(found.completeness_error)


def test_the_default_target_is_the_projection_on_the_change_from_the_baseline(act):
    policy, observation = act
    black = {k: v * 0 if "image" in k else v for k, v in observation.items()}
    way = chunk(policy, policy.prepare([observation])) - chunk(policy, policy.prepare([black]))
    found = integrated_gradients(policy, observation, baseline="black", steps=1)
    assert found.change == pytest.approx(np.linalg.norm(way), rel=1e-4)
    assert (found.target, found.baseline) == ("chunk", "black")

    # The gradient along a fixed direction is the directions' sum of each action's gradient.
    unit = torch.from_numpy(way / np.linalg.norm(way)).float()
    path = path_to(policy, observation, "black")
    images = path.at([1.0])
    gradients = torch.autograd.grad((path.chunks(images)[0] * unit).sum(), images)
    for name, gradient in zip((TOP, WRIST), gradients, strict=True):
        expected = gradient[0].abs().sum(0).numpy()
        simple = input_gradients(policy, observation, baseline="black").images[name]
        np.testing.assert_allclose(simple, expected, rtol=1e-3, atol=1e-5 * expected.max())


@pytest.mark.parametrize("baseline", BASELINES)
def test_integrated_gradients_come_closer_to_complete_with_more_steps(act, baseline):
    policy, observation = act
    errors = []
    for steps in (1, 64):
        found = integrated_gradients(policy, observation, baseline=baseline, steps=steps)
        total = sum(image.sum(dtype=np.float64) for image in found.images.values())
        assert found.total == pytest.approx(total)
        assert found.completeness_error == pytest.approx(abs(total - found.change))
        errors.append(found.completeness_error / abs(found.change))
    assert errors[1] < 0.02
    assert errors[1] < 0.5 * errors[0]


@pytest.mark.parametrize("baseline", BASELINES)
@pytest.mark.parametrize("target", [SEVENTH, Target()])
def test_integrated_gradients_of_a_linear_policy_are_weight_times_way(linear, baseline, target):
    policy, observation = linear
    model = policy.model
    path = path_to(policy, observation, baseline)
    start, end = (path.chunks(path.at([point]))[0].detach().double() for point in (0.0, 1.0))
    way = (end - start).flatten()
    direction = way / way.norm()
    if target.joint is not None:
        direction = torch.zeros_like(way).view(model.chunk_shape)
        direction[target.step, target.joint] = 1
        direction = direction.flatten()
    found = integrated_gradients(policy, observation, target, baseline=baseline, steps=3, batch=2)
    for index, name in enumerate((TOP, WRIST)):
        weight = (direction @ model.weights[name].double()).view(path.ends[index].shape[1:])
        moved = (path.ends[index] - path.starts[index])[0].detach().double()
        expected = (weight * moved).sum(0).numpy()
        np.testing.assert_allclose(
            found.images[name], expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max()
        )
    assert found.change == pytest.approx(float(direction @ way), rel=1e-4, abs=1e-2)
    assert found.completeness_error < 1e-3 * np.abs(found.images[TOP]).sum()
    assert np.isnan(found.state).all()


def test_a_moving_joint_state_has_its_part(linear):
    policy, observation = linear
    weight = policy.model.weights[STATE].view(*policy.model.chunk_shape, 6)[7, 2]
    found = integrated_gradients(policy, observation, SEVENTH, joint_state="mean", steps=2)
    expected = (weight * policy.prepare([observation]).state[0]).numpy()
    np.testing.assert_allclose(found.state, expected, rtol=1e-4, atol=1e-5)
    parts = [*found.images.values(), found.state]
    assert found.total == pytest.approx(sum(part.sum(dtype=np.float64) for part in parts))
    assert found.completeness_error < 1e-3 * np.abs(found.images[TOP]).sum()


def test_batches_change_nothing(act):
    policy, observation = act
    alone = integrated_gradients(policy, observation, SEVENTH, steps=7, batch=1)
    for batch in (3, 7, 100):
        together = integrated_gradients(policy, observation, SEVENTH, steps=7, batch=batch)
        for name in (TOP, WRIST):
            # Rounding differs with the batch and turns a ReLU here and there; a wrong weight of one
            # of the seven points would be a seventh.
            difference = np.abs(together.images[name] - alone.images[name]).sum()
            assert difference < 0.02 * np.abs(alone.images[name]).sum()


def test_grad_cam_is_that_of_a_pass_built_by_hand(act):
    policy, observation = act
    model, prepared = policy.model, policy.prepare([observation])
    features = [model.backbone(image)["feature_map"].detach() for image in prepared.images]
    for feature in features:
        feature.requires_grad_()
    tokens = [
        model.encoder_latent_input_proj(torch.zeros(1, model.config.latent_dim)),
        model.encoder_robot_state_input_proj(prepared.state),
    ]
    positions = list(model.encoder_1d_feature_pos_embed.weight.unsqueeze(1))
    for feature in features:
        projected = model.encoder_img_feat_input_proj(feature)
        tokens.extend(projected.flatten(2).permute(2, 0, 1))
        positions.extend(model.encoder_cam_feat_pos_embed(feature).flatten(2).permute(2, 0, 1))
    encoded = model.encoder(torch.stack(tokens), pos_embed=torch.stack(positions))
    queries = model.decoder_pos_embed.weight.unsqueeze(1)
    decoded = model.decoder(
        torch.zeros_like(queries),
        encoded,
        encoder_pos_embed=torch.stack(positions),
        decoder_pos_embed=queries,
    )
    actions = model.action_head(decoded)[:, 0]
    np.testing.assert_allclose(actions.detach(), chunk(policy, prepared), atol=1e-5)

    shown = 0
    for joint in range(4):
        found = grad_cam(policy, observation, Target(joint, step=7))
        assert found.images is None
        assert found.layer == "backbone.layer4"
        gradients = torch.autograd.grad(actions[7, joint], features, retain_graph=True)
        for name, feature, gradient in zip((TOP, WRIST), features, gradients, strict=True):
            weights = gradient[0].mean(dim=(1, 2))
            cam = torch.einsum("k,khw->hw", weights, feature[0]).clamp(min=0).detach().numpy()
            np.testing.assert_allclose(found.cells[name], cam, rtol=1e-3, atol=1e-5)
            shown += bool(cam.max() > 1e-3)
    assert shown  # not only zeros were compared


def test_cells_are_the_pixels_pooled_and_make_the_maps(act):
    policy, observation = act
    for method in METHODS:
        found = attribute(policy, observation, method, target=SEVENTH, baseline="blur", steps=2)
        for camera in policy.spec.layout.cameras:
            cells = found.cells[camera.feature]
            assert cells.shape == (camera.rows, camera.cols)
            assert cells.dtype == np.float32
            if found.images is not None:
                image = found.images[camera.feature]
                assert image.shape == (camera.height, camera.width)
                tolerance = 1e-5 * np.abs(image).sum()
                assert abs(cells.sum() - image.sum()) < tolerance
        maps = found.maps(policy.spec.layout)
        assert (maps.method, maps.target) == (method, "2[7]")
        assert maps.query == "baseline blur"
        # Grad-CAM cuts off all that pulls the target down, which may be everything.
        some = method != "grad_cam" or any(cells.any() for cells in found.cells.values())
        assert sum(camera.share for camera in maps.cameras) == pytest.approx(float(some))


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
    with pytest.raises(PolicyError, match=r"step None .* both joint and step None"):
        grad_cam(policy, observation, Target(joint=0))
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
