# SPDX-License-Identifier: Apache-2.0
"""Its actions are lerobot's own, whether or not anybody looks."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pam_ros.attention.look import Look
from pam_ros.policy import PolicyError, load_policy
from pam_ros.policy.abilities import NoiseNumbered
from pam_ros.policy.noise import noise_generator
from pam_ros.tick.loop import TickLoop
from pam_ros.tick.plan import Plan

TASK = "reach the red cube"
LOOKS = [
    None,
    Look("expert", 1),
    Look("expert_joint", 0, denoising_step=None),
    Look("prefix", 2, queries=3),
    Look("expert", 1, head=2, queries=(0, 3), denoising_step=0, through="prefix"),
]


@pytest.fixture
def policy(saved_smolvla):
    policy = load_policy(saved_smolvla, device="cpu", seed=5)
    policy.instruct(TASK)
    return policy


def run(policy, observations):
    """One tick each, as the node runs them: commands from the queue, maps beside them."""
    actions = []
    for index, observation in enumerate(observations):
        queued = policy.pop_action()
        if queued is None:
            actions.append(policy.step(observation).action)
        else:
            actions.append(queued.action)
            if index % 3:
                policy.explain(observation)
            else:
                policy.skip()
    return np.array(actions)


def drawn(policy, step):
    shape = (1, policy.spec.chunk_size, 6)
    return torch.randn(shape, generator=noise_generator(policy.seed, 0, step, "commands"))


@pytest.mark.parametrize("look", LOOKS)
def test_fifty_ticks_are_lerobot_s_with_the_same_noise(reference, policy, look):
    theirs = reference()
    observations = [theirs.observation(np.random.default_rng(k)) for k in range(50)]
    if look is not None:
        policy.show(look)
    expected = [
        theirs.select_action(observation, TASK, drawn(policy, step))
        for step, observation in enumerate(observations)
    ]
    assert np.array_equal(run(policy, observations), np.array(expected))


def test_the_same_seed_gives_the_same_actions_and_another_others(reference, saved_smolvla):
    observations = [reference().observation(np.random.default_rng(k)) for k in range(10)]
    found = []
    for seed in (5, 5, 6):
        policy = load_policy(saved_smolvla, device="cpu", seed=seed)
        policy.instruct(TASK)
        found.append(run(policy, observations))
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


def test_torch_s_global_generator_stays_as_it_was(reference, saved_smolvla):
    observation = reference().observation(np.random.default_rng(0))
    before = torch.random.get_rng_state()
    policy = load_policy(saved_smolvla, device="cpu")
    policy.instruct(TASK)
    policy.step(observation)
    policy.explain(observation)
    policy.forward(policy.prepare([observation, observation]))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_pass_that_only_explains_draws_other_noise_and_shifts_none(reference, policy):
    observation = reference().observation(np.random.default_rng(0))
    explained = policy.explain(observation).chunk
    policy.reset()
    stepped = policy.step(observation).chunk
    assert not np.array_equal(explained, stepped)


def test_a_pass_whose_chunk_may_move_the_robot_draws_a_command_s_noise(reference, policy):
    """As the tick loop has it where chunks are computed beside the commands."""
    observation = reference().observation(np.random.default_rng(0))
    policy.draw_as(3, 7)
    stepped = policy.step(observation)
    policy.reset()
    policy.draw_as(3, 7, moves=True)
    later = policy.explain_later(observation)
    moving = later()
    assert np.array_equal(moving.chunk, stepped.chunk)
    assert moving.noise_seed == stepped.noise_seed != 0
    policy.draw_as(3, 7)
    explained = policy.explain(observation)
    assert explained.noise_seed != stepped.noise_seed
    assert not np.array_equal(explained.chunk, stepped.chunk)


def test_noise_is_that_of_the_seed_that_is_told(reference, policy):
    theirs = reference()
    observation = theirs.observation(np.random.default_rng(0))
    output = policy.explain(observation)
    generator = torch.Generator().manual_seed(output.noise_seed)
    noise = torch.randn(1, 12, 6, generator=generator)
    with torch.inference_mode():
        chunk = theirs.policy.predict_action_chunk(theirs.batch(observation, TASK), noise=noise)
    assert np.array_equal(output.normalised, chunk[0].numpy())


def test_an_async_loop_s_chunks_draw_what_its_replay_draws(reference, policy):
    observations = [reference().observation(np.random.default_rng(k)) for k in range(9)]
    plan = Plan(policy.spec.n_action_steps, 1000.0)  # a period in which any pass ends
    loop = TickLoop(policy, beside=SimpleNamespace(), plan=plan)
    ended = []
    for observation in observations:
        outcome = loop.run(observation, lambda *_: True, lambda: 1.0)
        loop.finish(outcome, ended.append)
    moved = {one.tick for one in ended if one.chunk_executed}
    assert moved == {0, 4}
    replayed = TickLoop(load_again(policy))
    found = {one.tick: one for one in ended}
    for tick, observation in enumerate(observations):
        again = replayed.run(
            observation, lambda *_: True, lambda: 1.0, commanding=False, moves=tick in moved
        )
        if tick not in found:
            continue  # a chunk that is still to be followed
        assert again.output.noise_seed == found[tick].output.noise_seed
        assert np.array_equal(again.output.chunk, found[tick].output.chunk)


def test_an_episode_draws_noise_of_its_own_and_an_idle_reset_begins_none(reference, policy):
    observation = reference().observation(np.random.default_rng(0))
    policy.reset()
    policy.reset()
    assert policy.episode == 0
    first = policy.step(observation).chunk
    policy.reset()
    assert (policy.episode, policy.queued) == (1, 0)
    second = policy.step(observation).chunk
    assert not np.array_equal(first, second)


def test_noise_is_that_of_the_numbers_that_are_told(reference, policy):
    """As the tick loop tells them, live and in a replay."""
    assert isinstance(policy, NoiseNumbered)
    observation = reference().observation(np.random.default_rng(0))
    chunks = []
    for episode, step, before in ((2, 5, 0), (2, 5, 3), (2, 6, 0), (3, 5, 0)):
        policy.reset()
        for _ in range(before):
            policy.skip()
        policy.draw_as(episode, step)
        chunks.append(policy.step(observation).chunk)
    np.testing.assert_array_equal(chunks[0], chunks[1])
    assert not np.array_equal(chunks[0], chunks[2])
    assert not np.array_equal(chunks[0], chunks[3])
    policy.reset()
    policy.draw_as(2, 5)
    policy.skip()
    np.testing.assert_array_equal(policy.step(observation).chunk, chunks[2])


def test_held_noise_is_common_to_different_observations(reference, policy):
    one, other = (reference().observation(np.random.default_rng(k)) for k in range(2))
    own = [policy.prepare([each]).noise for each in (one, other)]
    assert not torch.equal(*own)
    policy.hold_noise(one)
    held = policy.prepare([one, other]).noise
    assert torch.equal(held, torch.cat([own[0], own[0]]))
    explained = policy.explain(one).chunk
    assert np.array_equal(explained, policy.explain(one).chunk)
    assert np.allclose(explained, policy.forward(policy.prepare([one])).chunks[0], atol=1e-5)
    policy.hold_noise(None)
    assert torch.equal(policy.prepare([other]).noise, own[1])


def test_a_batch_gives_what_single_passes_give(reference, policy):
    observations = [reference().observation(np.random.default_rng(k)) for k in range(3)]
    look = Look("expert", 1, denoising_step=0)
    batch = policy.forward(policy.prepare(observations), looks=[look])
    for index, observation in enumerate(observations):
        single = policy.forward(policy.prepare([observation]), looks=[look])
        assert np.allclose(batch.chunks[index], single.chunks[0], atol=1e-5)
        for key, weights in single.weights.items():
            assert np.allclose(batch.weights[key][index], weights[0], atol=1e-5)


def test_other_words_empty_the_queue_and_the_same_ones_do_not(reference, policy):
    observation = reference().observation(np.random.default_rng(0))
    first = policy.step(observation)
    assert policy.queued == 6
    policy.instruct(TASK)
    assert policy.queued == 6
    policy.instruct("reach the blue cube")
    assert (policy.queued, policy.pop_action()) == (0, None)
    assert policy.instruction == "reach the blue cube"
    policy.reset()
    policy.reset()
    policy.instruct(TASK)
    assert policy.explain(observation).chunk.shape == first.chunk.shape


def test_words_reach_the_actions(reference, policy):
    observation = reference().observation(np.random.default_rng(0))
    policy.hold_noise(observation)
    first = policy.explain(observation).chunk
    policy.instruct("put the block in the bowl")
    assert np.abs(policy.explain(observation).chunk - first).max() > 1e-4


def test_a_later_pass_is_that_of_its_moment(reference, policy):
    """Whatever is set until it runs: words, look, edit, step and episode."""
    observation = reference().observation(np.random.default_rng(0))
    policy.show(Look("expert", 0))
    expected = policy.explain(observation)
    policy.reset()
    policy.instruct("reach the blue cube")
    policy.instruct(TASK)
    again = load_again(policy)
    later = again.explain_later(observation)
    again.instruct("put the block in the bowl")
    again.show(Look("prefix", 0))
    again.edit_tokens(torch.zeros_like)
    again.reset()
    found = later()
    assert np.array_equal(found.chunk, expected.chunk)
    assert set(found.weights) == set(expected.weights)
    for key, weights in expected.weights.items():
        assert np.array_equal(found.weights[key], weights)


def load_again(policy):
    """The same policy as it was loaded, with its words and a look."""
    again = load_policy(policy.spec.name, device="cpu", seed=policy.seed)
    again.instruct(TASK)
    again.show(Look("expert", 0))
    return again


def test_passes_of_another_thread_change_no_action(reference, saved_smolvla, policy):
    from threading import Thread

    observations = [reference().observation(np.random.default_rng(k)) for k in range(15)]
    expected = run(load_again(policy), observations)
    policy.show(Look("expert", 0))
    actions, threads, outputs = [], [], []
    for index, observation in enumerate(observations):
        queued = policy.pop_action()
        if queued is None:
            actions.append(policy.step(observation).action)
            continue
        actions.append(queued.action)
        later = policy.explain_later(observation)
        threads.append(Thread(target=lambda later=later: outputs.append(later())))
        threads[-1].start()
        assert index == policy._step - 1
    for thread in threads:
        thread.join()
    assert np.array_equal(np.array(actions), expected)
    assert len(outputs) == len(threads)


def test_its_abilities(policy):
    from pam_ros.policy import Policy
    from pam_ros.policy import abilities as able

    assert isinstance(policy, Policy)
    for ability in (
        able.Batching, able.TokenReading, able.TokenEditing, able.ExplainingLater,
        able.NoiseHolding, able.Instructed, able.Contributing,
    ):  # fmt: skip
        assert isinstance(policy, ability), ability


@pytest.mark.parametrize("layer", ["encoder_input", "prefix.layers.1", "encoder"])
def test_tokens_are_those_of_lerobot_s_prefix(reference, policy, layer):
    theirs = reference()
    observation = theirs.observation(np.random.default_rng(0))
    inner, seen = theirs.policy.model.vlm_with_expert, []
    forward = inner.forward_attn_layer

    def watching(models, embeds, number, *args, **keywords):
        if embeds[0] is not None:
            seen.append(embeds[0].clone())
        return forward(models, embeds, number, *args, **keywords)

    inner.forward_attn_layer = watching
    prepared = policy.prepare([observation])
    with torch.inference_mode():
        theirs.policy.predict_action_chunk(theirs.batch(observation, TASK), noise=prepared.noise)
    policy.take_tokens(layer)
    found = policy.forward(prepared).tokens[0]
    expected = seen[{"encoder_input": 0, "prefix.layers.1": 2, "encoder": 3}[layer]][0].numpy()
    assert len(found) == policy.spec.layout.size
    words = len(policy.spec.layout.of_kind("language")[0].labels)
    assert np.array_equal(found[: 32 + words], expected[: 32 + words])
    (state,) = policy.spec.layout.of_kind("joint_state")
    assert np.array_equal(found[state.start], expected[32 + words])
    assert (found[32 + words : state.start] == 0).all()
    assert (found[state.stop :] == 0).all()


def test_an_edit_is_what_the_rest_of_the_pass_reads(reference, policy):
    """Against lerobot's own model whose embedding of the prefix is changed alike."""
    theirs = reference()
    observation = theirs.observation(np.random.default_rng(0))
    model = theirs.policy.model
    embed = model.embed_prefix

    def other(*args, **keywords):
        embeds, *masks = embed(*args, **keywords)
        embeds[:, 5] += 1
        return (embeds, *masks)

    model.embed_prefix = other
    prepared = policy.prepare([observation])
    with torch.inference_mode():
        expected = theirs.policy.predict_action_chunk(
            theirs.batch(observation, TASK), noise=prepared.noise
        )

    def edit(tokens):
        changed = tokens.clone()
        changed[:, 5] += 1
        return changed

    plain = policy.forward(prepared, tokens_layer="encoder_input")
    found = policy.forward(prepared, tokens_layer="encoder_input", edit=edit)
    assert np.array_equal(found.normalised, expected.numpy())
    assert not np.array_equal(plain.normalised, found.normalised)
    assert np.array_equal(found.tokens[0], edit(torch.from_numpy(plain.tokens.copy()))[0])
    same = policy.forward(prepared, edit=lambda tokens: tokens)
    assert np.array_equal(same.normalised, plain.normalised)
    policy.take_tokens("encoder")
    policy.edit_tokens(torch.zeros_like)
    assert not policy.explain(observation).tokens.any()


def test_a_wrong_layer_and_an_edit_of_another_shape_are_refused(reference, policy):
    observation = reference().observation(np.random.default_rng(0))
    sentence = "no tokens layer 'decoder': it must be one of encoder_input, prefix.layers.0"
    with pytest.raises(PolicyError, match=sentence):
        policy.take_tokens("decoder")
    assert policy.tokens_layer == "encoder"
    with pytest.raises(PolicyError, match="the edit gives tokens of shape"):
        policy.forward(policy.prepare([observation]), edit=lambda tokens: tokens[:, 1:])
    with pytest.raises(PolicyError, match="needs at least one observation"):
        policy.prepare([])


def test_weights_keep_their_dtypes(reference, tmp_path, caplog):
    """As lerobot loads a policy whose language model is in bfloat16: no tensor is widened."""
    theirs = reference()
    theirs.policy.model.vlm_with_expert.vlm.to(torch.bfloat16)
    theirs.policy.config.load_vlm_weights = True
    folder = theirs.save(tmp_path / "half")
    policy = load_policy(folder, device="cpu")
    policy.instruct(TASK)
    assert (policy.engine.name, policy.engine.dtype) == ("eager", "bfloat16")
    observation = theirs.observation(np.random.default_rng(0))
    noise = drawn(policy, 0)
    expected = theirs.select_action(observation, TASK, noise)
    assert np.array_equal(policy.step(observation).action, expected)
    assert "slightly other actions" not in caplog.text
