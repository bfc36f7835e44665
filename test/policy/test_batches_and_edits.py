# SPDX-License-Identifier: Apache-2.0
"""prepare, forward, edits and the choice of tokens, against single passes and lerobot's modules."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pam_ros.policy import ObservationError, PolicyError, load_policy, wrap
from pam_ros.policy.act.hooks import HookedForward
from pam_ros.policy.act.passes import Edit, place_names

TOP, WRIST = "observation.images.top", "observation.images.wrist"


@pytest.fixture
def made(reference_policy):
    reference = reference_policy(
        cameras={TOP: (48, 64), WRIST: (32, 40)}, environment_dim=2, n_decoder_layers=2
    )
    return reference, wrap(reference.policy, reference.preprocessor, reference.postprocessor)


@pytest.mark.parametrize("engine", ["eager", "hooks"])
def test_a_batch_is_its_observations_one_by_one(made, engine):
    reference, policy = made
    if engine == "hooks":
        policy._engine = policy._forward = HookedForward(policy.model)
    rng = np.random.default_rng(0)
    observations = [reference.observation(rng) for _ in range(3)]
    batch = policy.forward(policy.prepare(observations), encoder_layers=[1])
    tokens = policy.spec.layout.size
    assert batch.normalised.shape == batch.chunks.shape == (3, 10, 4)
    assert batch.attention.shape == (3, 2, 4, 10, tokens)
    assert batch.tokens.shape == (3, tokens, 32)
    assert batch.encoder_attention[1].shape == (3, 4, tokens, tokens)
    policy.show_encoder_layers([1])
    for index, observation in enumerate(observations):
        one = policy.explain(observation)
        assert reference.normalised_difference(batch.chunks[index], one.chunk) <= 1e-5
        assert np.abs(batch.attention[index] - one.attention).max() <= 1e-6
        np.testing.assert_allclose(batch.tokens[index], one.tokens, atol=1e-4)
        np.testing.assert_allclose(
            batch.encoder_attention[1][index], one.encoder_attention[1], atol=1e-5
        )
    unnormalised = reference.postprocessor(torch.tensor(batch.normalised[2])).numpy()
    np.testing.assert_allclose(batch.chunks[2], unnormalised, atol=1e-6)


def test_prepared_tensors_are_lerobots(made):
    reference, policy = made
    rng = np.random.default_rng(1)
    observations = [reference.observation(rng) for _ in range(2)]
    prepared = policy.prepare(observations)
    assert prepared.batch_size == 2
    for index, observation in enumerate(observations):
        expected = reference.batch(observation)
        for camera, images in zip(policy.spec.cameras, prepared.images, strict=True):
            assert (images[index] - expected[camera.feature][0]).abs().max() <= 1e-6
        assert torch.equal(prepared.state[index], expected["observation.state"][0])
        environment = expected["observation.environment_state"][0]
        assert torch.equal(prepared.environment[index], environment)
    # So that a gradient method can ask for gradients of them.
    prepared.images[0].requires_grad_()


def test_prepare_refuses_what_step_refuses(made):
    reference, policy = made
    good = reference.observation(np.random.default_rng(0))
    with pytest.raises(ObservationError, match=f"lacks {TOP}"):
        policy.prepare([good, {k: v for k, v in good.items() if k != TOP}])
    with pytest.raises(PolicyError, match="at least one observation"):
        policy.prepare([])


def test_forward_leaves_queue_step_and_settings(made):
    reference, policy = made
    rng = np.random.default_rng(2)
    for step in range(9):
        observation = reference.observation(rng)
        policy.forward(policy.prepare([reference.observation(rng)] * 2), tokens_layer="encoder")
        policy.precision_error(reference.observation(rng))
        expected = reference.select_action(observation)
        output = policy.step(observation)
        assert output.step == step
        assert output.encoder_attention == {}
        assert reference.normalised_difference(output.action, expected) <= 1e-5


@pytest.mark.parametrize("engine", ["eager", "hooks"])
@pytest.mark.parametrize("pre_norm", [False, True])
def test_tokens_of_every_layer_are_what_lerobots_layers_read_and_make(
    reference_policy, engine, pre_norm
):
    reference = reference_policy(cameras={TOP: (32, 40)}, pre_norm=pre_norm, n_encoder_layers=2)
    policy = wrap(reference.policy, reference.preprocessor, reference.postprocessor)
    if engine == "hooks":
        policy._engine = policy._forward = HookedForward(policy.model)
    encoder, seen = reference.policy.model.encoder, {}
    encoder.register_forward_hook(
        lambda _m, inputs, output: seen.update(encoder_input=inputs[0], encoder=output)
    )
    for index, layer in enumerate(encoder.layers):
        layer.register_forward_hook(
            lambda _m, _i, output, index=index: seen.update({f"encoder.layers.{index}": output})
        )
    observation = reference.observation(np.random.default_rng(3))
    reference.select_action(observation)
    assert policy.tokens_layer == "encoder"
    names = place_names(2)
    assert set(names) == set(seen)
    for name in names:
        policy.take_tokens(name)
        assert policy.tokens_layer == name
        expected = seen[name][:, 0].detach().numpy()
        np.testing.assert_allclose(policy.explain(observation).tokens, expected, atol=2e-5)
    with pytest.raises(PolicyError, match=r"'encoder.layers.2': it must be encoder_input, .* or e"):
        policy.take_tokens("encoder.layers.2")
    assert policy.tokens_layer == "encoder"


@pytest.mark.parametrize("layer", place_names(2))
def test_an_edit_replaces_what_the_rest_of_the_pass_reads(made, layer):
    """Against lerobot's own modules with the same edit made by hooks."""
    reference, policy = made
    rng = np.random.default_rng(4)
    prepared = policy.prepare([reference.observation(rng) for _ in range(2)])

    def edit(tokens):
        changed = tokens.clone()
        changed[:, 3:7] = 0.5 - changed[:, 3:7]
        return changed

    plain = policy.forward(prepared, tokens_layer=layer)
    edited = policy.forward(prepared, tokens_layer=layer, edit=edit)
    place = place_names(2).index(layer)
    expected = HookedForward(reference.policy.model)(prepared, (), Edit(place, edit))
    assert np.abs(edited.normalised - plain.normalised).max() > 1e-3
    assert np.abs(edited.normalised - expected.chunk.numpy()).max() <= 1e-5
    np.testing.assert_allclose(edited.tokens, edit(torch.tensor(plain.tokens)), atol=1e-5)
    same = policy.forward(prepared, tokens_layer=layer, edit=lambda tokens: tokens)
    np.testing.assert_allclose(same.normalised, plain.normalised, atol=1e-6)


def test_an_edit_holds_in_steps_until_it_is_taken_back(made):
    reference, policy = made
    observation = reference.observation(np.random.default_rng(5))
    policy.take_tokens("encoder.layers.0")
    before = policy.explain(observation)
    policy.edit_tokens(torch.zeros_like)
    edited = policy.explain(observation)
    assert not edited.tokens.any()
    assert np.abs(edited.chunk - before.chunk).max() > 1e-3
    policy.edit_tokens(None)
    np.testing.assert_array_equal(policy.explain(observation).chunk, before.chunk)


def test_an_edit_of_another_shape_is_refused(made):
    reference, policy = made
    prepared = policy.prepare([reference.observation(np.random.default_rng(6))])
    with pytest.raises(PolicyError, match=r"the edit .* \(1, 3, 32\): it must keep \(1, \d+, 32\)"):
        policy.forward(prepared, edit=lambda tokens: tokens[:, :3])


def test_the_model_is_lerobots_and_takes_gradients_of_prepared_images(saved, reference_policy):
    policy = load_policy(saved, device="cpu")
    observation = reference_policy().observation(np.random.default_rng(7))
    prepared = policy.prepare([observation])
    images = [image.requires_grad_() for image in prepared.images]
    chunk = policy.model({"observation.state": prepared.state, "observation.images": images})[0]
    chunk.sum().backward()
    assert all(image.grad.abs().max() > 0 for image in images)
    assert not policy.model.training
    assert not any(p.requires_grad or p.grad is not None for p in policy.model.parameters())
