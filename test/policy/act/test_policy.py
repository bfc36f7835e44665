# SPDX-License-Identifier: Apache-2.0
"""Actions, attention and tokens against lerobot's own policy and PyTorch's own attention."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pam_ros.policy import Policy, PolicyError, load_policy, wrap

ONE_CAMERA = {"observation.images.top": (32, 40)}


@pytest.mark.parametrize(("n_action_steps", "steps"), [(7, 300), (1, 30), (10, 45)])
def test_queue_mode_gives_lerobots_actions(reference_policy, tmp_path, n_action_steps, steps):
    reference = reference_policy(n_action_steps=n_action_steps, cameras=ONE_CAMERA)
    policy = load_policy(reference.save(tmp_path), device="cpu")
    rng = np.random.default_rng(1)
    for episode_steps in (steps - 17, 17):
        reference.policy.reset()
        policy.reset()
        for step in range(episode_steps):
            observation = reference.observation(rng)
            expected = reference.select_action(observation)
            output = policy.step(observation)
            assert reference.normalised_difference(output.action, expected) <= 1e-5
            assert output.step == step
            assert output.chunk_mode == "queue"
            assert output.action_source_step == step - step % n_action_steps
            assert output.chunk_executed == (step % n_action_steps == 0)


@pytest.mark.parametrize(("coefficient", "steps"), [(0.01, 300), (0.0, 40), (-0.2, 40)])
def test_temporal_ensemble_gives_lerobots_actions(reference_policy, tmp_path, coefficient, steps):
    reference = reference_policy(
        n_action_steps=1, temporal_ensemble_coeff=coefficient, cameras=ONE_CAMERA
    )
    policy = load_policy(reference.save(tmp_path), device="cpu")
    rng = np.random.default_rng(2)
    for episode_steps in (steps - 17, 17):
        reference.policy.reset()
        policy.reset()
        for step in range(episode_steps):
            observation = reference.observation(rng)
            expected = reference.select_action(observation)
            assert policy.pop_action() is None
            output = policy.step(observation)
            assert reference.normalised_difference(output.action, expected) <= 1e-5
            assert output.chunk_mode == "temporal_ensemble"
            assert output.chunk_executed
            assert output.action_source_step == output.step == step


def test_execution_settings_replace_the_checkpoints(reference_policy, tmp_path):
    folder = reference_policy(n_action_steps=7).save(tmp_path)
    ensembled = reference_policy(n_action_steps=1, temporal_ensemble_coeff=0.05)
    policy = load_policy(folder, device="cpu", temporal_ensemble_coeff=0.05)
    assert policy.spec.chunk_mode == "temporal_ensemble"
    rng = np.random.default_rng(3)
    for _ in range(15):
        observation = ensembled.observation(rng)
        expected = ensembled.select_action(observation)
        output = policy.step(observation)
        assert ensembled.normalised_difference(output.action, expected) <= 1e-5
    ensembled_folder = ensembled.save(tmp_path / "ensembled")
    queued = load_policy(ensembled_folder, device="cpu", n_action_steps=3)
    assert (queued.spec.chunk_mode, queued.spec.n_action_steps) == ("queue", 3)
    with pytest.raises(PolicyError, match=r"n_action_steps 11 .* from 1 to the chunk's 10"):
        load_policy(folder, n_action_steps=11)
    with pytest.raises(PolicyError, match="n_action_steps 2 must be 1"):
        load_policy(folder, n_action_steps=2, temporal_ensemble_coeff=0.01)
    with pytest.raises(PolicyError, match="temporal_ensemble_coeff nan"):
        load_policy(folder, temporal_ensemble_coeff=float("nan"))


def test_popping_then_explaining_is_the_same_as_stepping(reference_policy, tmp_path):
    reference = reference_policy(n_action_steps=4, cameras=ONE_CAMERA)
    folder = reference.save(tmp_path)
    stepping, popping = load_policy(folder, device="cpu"), load_policy(folder, device="cpu")
    assert isinstance(stepping, Policy)
    rng = np.random.default_rng(4)
    for _ in range(14):
        observation = reference.observation(rng)
        expected = stepping.step(observation)
        queued = popping.pop_action()
        output = popping.step(observation) if queued is None else popping.explain(observation)
        if queued is not None:
            np.testing.assert_array_equal(queued.action, expected.action)
            assert queued.source_step == expected.action_source_step
        np.testing.assert_array_equal(output.action, expected.action)
        np.testing.assert_array_equal(output.chunk, expected.chunk)
        assert output.step == expected.step
        assert output.action_source_step == expected.action_source_step
        assert output.chunk_executed == expected.chunk_executed == (queued is None)


def test_explaining_moves_neither_queue_nor_ensemble(reference_policy, tmp_path):
    rng = np.random.default_rng(5)
    for options in ({}, {"n_action_steps": 1, "temporal_ensemble_coeff": 0.01}):
        reference = reference_policy(**options, cameras=ONE_CAMERA)
        policy = load_policy(reference.save(tmp_path), device="cpu")
        for step in range(12):
            observation = reference.observation(rng)
            explained = policy.explain(reference.observation(rng))
            assert not explained.chunk_executed
            np.testing.assert_array_equal(explained.action, explained.chunk[0])
            output = policy.step(observation)
            expected = reference.select_action(observation)
            assert reference.normalised_difference(output.action, expected) <= 1e-5
            assert output.step == 2 * step + 1  # explaining is a step too


def test_skipping_counts_a_step_and_leaves_the_queue(reference_policy, tmp_path):
    reference = reference_policy(n_action_steps=5)
    policy = load_policy(reference.save(tmp_path), device="cpu")
    observation = reference.observation(np.random.default_rng(6))
    first = policy.step(observation)
    for row in range(1, 5):
        queued = policy.pop_action()
        np.testing.assert_array_equal(queued.action, first.chunk[row])
        assert queued.source_step == 0
        policy.skip()
    assert policy.pop_action() is None
    assert policy.step(observation).step == 5


@pytest.mark.parametrize("layers", [1, 3])
def test_attention_is_multihead_attentions_own(reference_policy, tmp_path, layers):
    reference = reference_policy(n_decoder_layers=layers, n_action_steps=1)
    policy = load_policy(reference.save(tmp_path), device="cpu")
    calls = []
    for layer in reference.policy.model.decoder.layers:
        layer.multihead_attn.register_forward_pre_hook(
            lambda module, args, kwargs: calls.append((module.forward, kwargs)), with_kwargs=True
        )
    rng = np.random.default_rng(7)
    for _ in range(20):
        observation = reference.observation(rng)
        calls.clear()
        reference.select_action(observation)
        with torch.inference_mode():
            expected = np.stack(
                [
                    attend(**kwargs, need_weights=True, average_attn_weights=False)[1][0].numpy()
                    for attend, kwargs in calls
                ]
            )
        output = policy.step(observation)
        assert output.attention.shape == (layers, 4, 10, policy.spec.layout.size)
        assert output.attention.dtype == np.float32
        assert np.abs(output.attention - expected).max() <= 1e-6
        assert expected.max() > 3 * expected.mean()  # not the uniform case, which is easy


def test_encoder_attention_is_multihead_attentions_own(reference_policy, tmp_path):
    reference = reference_policy(n_encoder_layers=2, n_action_steps=1)
    policy = load_policy(reference.save(tmp_path), device="cpu")
    calls = []
    for layer in reference.policy.model.encoder.layers:
        layer.self_attn.register_forward_pre_hook(
            lambda module, args, kwargs: calls.append((module.forward, args, kwargs)),
            with_kwargs=True,
        )
    observation = reference.observation(np.random.default_rng(11))
    reference.select_action(observation)
    assert policy.step(observation).encoder_attention == {}
    for index, (attend, args, kwargs) in enumerate(list(calls)):
        with torch.inference_mode():
            asked = {**kwargs, "need_weights": True, "average_attn_weights": False}
            expected = attend(*args, **asked)[1][0].numpy()
        policy.show_encoder_layers([index])
        output = policy.step(observation)
        tokens = policy.spec.layout.size
        assert list(output.encoder_attention) == [index]
        assert output.encoder_attention[index].shape == (4, tokens, tokens)
        # The folded ResNet rounds its features differently, and softmax passes that on.
        assert np.abs(output.encoder_attention[index] - expected).max() <= 1e-5
    policy.show_encoder_layers({1, 0})
    assert list(policy.step(observation).encoder_attention) == [0, 1]
    policy.show_encoder_layers([])
    assert policy.step(observation).encoder_attention == {}


def test_an_encoder_layer_out_of_range_is_refused_with_the_range(reference_policy, tmp_path):
    reference = reference_policy(n_encoder_layers=2)
    policy = load_policy(reference.save(tmp_path), device="cpu")
    policy.show_encoder_layers([1])
    for layers in ([2], [0, -1]):
        with pytest.raises(PolicyError, match="0 to 1"):
            policy.show_encoder_layers(layers)
    output = policy.step(reference.observation(np.random.default_rng(0)))
    assert list(output.encoder_attention) == [1]


def test_tokens_are_the_encoders_output_in_the_layouts_order(reference_policy, tmp_path):
    reference = reference_policy(environment_dim=3, n_action_steps=1)
    policy = load_policy(reference.save(tmp_path), device="cpu")
    seen = []
    reference.policy.model.encoder.register_forward_hook(
        lambda _module, inputs, output: seen.append((inputs[0], output))
    )
    observation = reference.observation(np.random.default_rng(8))
    reference.select_action(observation)
    output = policy.step(observation)
    encoder_input, encoder_output = (tensor[:, 0].detach() for tensor in seen[0])
    np.testing.assert_allclose(output.tokens, encoder_output.numpy(), atol=1e-5)
    layout = policy.spec.layout
    singles = [(group.kind, group.start) for group in layout.groups if group.camera is None]
    assert singles == [("latent", 0), ("joint_state", 1), ("environment", 2)]
    assert [camera.feature for camera in layout.cameras] == [c.feature for c in policy.spec.cameras]
    batch, model = reference.batch(observation), reference.policy.model
    with torch.inference_mode():
        state = model.encoder_robot_state_input_proj(batch["observation.state"])[0]
        torch.testing.assert_close(encoder_input[1], state)
        for camera in layout.cameras:
            features = model.backbone(batch[camera.feature])["feature_map"]
            assert features.shape[-2:] == (camera.rows, camera.cols)
            cells = model.encoder_img_feat_input_proj(features)[0].flatten(1).T
            torch.testing.assert_close(encoder_input[camera.start : camera.stop], cells)


def test_a_chunk_that_is_not_finite_is_refused_and_forgotten(reference_policy):
    for options in ({}, {"n_action_steps": 1, "temporal_ensemble_coeff": 0.01}):
        reference = reference_policy(**options, cameras={}, environment_dim=3)
        broken = {"now": False}

        def postprocess(actions, postprocessor=reference.postprocessor, broken=broken):
            return postprocessor(actions * float("nan") if broken["now"] else actions)

        policy = wrap(reference.policy, reference.preprocessor, postprocess)
        rng = np.random.default_rng(9)
        for step in range(10):
            observation = reference.observation(rng)
            broken["now"] = True
            # The copy that wrap makes of a plain function is the function itself.
            with pytest.raises(PolicyError, match="not finite"):
                policy.step(reference.observation(rng))
            broken["now"] = False
            output = policy.step(observation)
            assert output.step == step
            expected = reference.select_action(observation)
            assert reference.normalised_difference(output.action, expected) <= 1e-5


@pytest.mark.parametrize("where", ["attention", "encoder attention"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_attention_that_is_not_finite_is_refused_and_its_chunk_forgotten(
    reference_policy, where, value
):
    for options in ({}, {"n_action_steps": 1, "temporal_ensemble_coeff": 0.01}):
        reference = reference_policy(**options, cameras={}, environment_dim=3)
        policy = wrap(reference.policy, reference.preprocessor, reference.postprocessor)
        policy.show_encoder_layers([1])
        engine, broken = policy._engine, {"now": False}

        def spoiled(prepared, layers=(), engine=engine, broken=broken, **options):
            result = engine(prepared, layers, **options)
            if broken["now"]:
                wrong = (
                    result.attention if where == "attention" else result.encoder_attention[1]
                ).clone()
                wrong[0, ..., -1, -1] = value
                if where == "attention":
                    return result._replace(attention=wrong)
                return result._replace(encoder_attention={1: wrong})
            return result

        policy._engine = spoiled
        rng = np.random.default_rng(9)
        for step in range(9):
            broken["now"] = True
            message = "attention that is not finite"
            if where != "attention":
                message = "attention of encoder layer 1 that is not finite"
            with pytest.raises(PolicyError, match=message):
                policy.step(reference.observation(rng))
            with pytest.raises(PolicyError, match=message):
                policy.explain(reference.observation(rng))
            broken["now"] = False
            observation = reference.observation(rng)
            output = policy.step(observation)
            assert output.step == step
            expected = reference.select_action(observation)
            assert reference.normalised_difference(output.action, expected) <= 1e-5


def test_outputs_are_read_only(reference_policy, saved):
    output = load_policy(saved, device="cpu").step(
        reference_policy().observation(np.random.default_rng(0))
    )
    for array in (output.action, output.chunk, output.attention, output.tokens):
        assert not array.flags.writeable
    assert output.forward_seconds > 0


def test_images_may_be_views_or_read_only(reference_policy, saved):
    policy = load_policy(saved, device="cpu")
    observation = reference_policy().observation(np.random.default_rng(0))
    expected = policy.step(observation)
    policy.reset()
    views = {
        name: np.ascontiguousarray(array[..., ::-1])[..., ::-1]
        for name, array in observation.items()
    }
    for array in views.values():
        array.flags.writeable = False
    np.testing.assert_array_equal(policy.step(views).chunk, expected.chunk)
