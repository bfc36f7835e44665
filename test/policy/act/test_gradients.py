# SPDX-License-Identifier: Apache-2.0
"""Gradient methods against finite differences, closed forms and a pass built by hand."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from gradient_policies import METHODS, SEVENTH, STATE, TOP, WRIST, chunk

from pam_ros.policy.act.gradients import (
    BASELINES,
    Target,
    attribute,
    grad_cam,
    input_gradients,
    integrated_gradients,
)
from pam_ros.policy.act.path import path_to


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
