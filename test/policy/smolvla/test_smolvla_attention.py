# SPDX-License-Identifier: Apache-2.0
"""Weights are those that lerobot computes, in the layout's order, and their masses sum to 1."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch

from pam_ros.attention.look import Look
from pam_ros.attention.scale import UniformScale
from pam_ros.attention.selection import make_selection, methods_of
from pam_ros.policy import PolicyError, load_policy

TASK = "reach the red cube"
WORDS = 6
FRONT, WRIST = "observation.images.front", "observation.images.wrist"
CONFIGURATIONS = {
    "as lerobot makes it": {},
    "words filled up": {"pad_language_to": "max_length"},
    "prefix filled up": {"prefix_length": 60},
    "special tokens round images": {"add_image_special_tokens": True},
    "an empty camera": {"empty_cameras": 1},
    "pictures padded on the left": {"cameras": {FRONT: (128, 96), WRIST: (96, 128)}},
    "joint layers alone": {"attention_mode": "self_attn"},
    "cross layers alone": {"self_attn_every_n_layers": -1},
    "half as many expert layers": {"num_expert_layers": 2, "self_attn_every_n_layers": -1},
}


@pytest.fixture(params=CONFIGURATIONS)
def pair(request, reference, tmp_path):
    """lerobot's policy, and ours of its checkpoint, which reads TASK."""
    theirs = reference(**CONFIGURATIONS[request.param])
    policy = load_policy(theirs.save(tmp_path / "smolvla"), device="cpu")
    policy.instruct(TASK)
    return theirs, policy


@contextmanager
def recorded(monkeypatch):
    """What lerobot's attention makes of its scores, in the order of its calls."""
    probabilities = []
    softmax = torch.nn.functional.softmax

    def recording(*args, **keywords):
        probabilities.append(softmax(*args, **keywords))
        return probabilities[-1]

    with monkeypatch.context() as patch:
        patch.setattr(torch.nn.functional, "softmax", recording)
        yield probabilities


def raw_order(policy, theirs, observation):
    """For each of lerobot's prefix tokens, which of the layout's it is; by the groups alone."""
    groups = [group for group in policy.spec.groups if group.kind != "action"]
    tokens = theirs.batch(observation, TASK)["observation.language.tokens"].shape[1]
    config = theirs.policy.config
    around = (2, 1) if config.add_image_special_tokens else (0, 0)
    order, start = [], 0
    for camera in policy.spec.layout.cameras:
        whole = np.arange(start + around[0], start + around[0] + 16)
        grid = np.zeros((4, 4), bool)
        grid[4 - camera.rows :, 4 - camera.cols :] = True
        order += range(start, start + around[0])
        placed = np.empty(16, int)
        placed[~grid.ravel()] = whole[: 16 - grid.sum()]
        placed[grid.ravel()] = whole[16 - grid.sum() :]
        order += placed.tolist()
        order += range(start + around[0] + 16, start + sum(around) + 16)
        start += sum(around) + 16
    order += range(start, start + config.empty_cameras * 16)
    start += config.empty_cameras * 16
    order += range(start, start + tokens)
    (state,) = (group.start for group in groups if group.kind == "joint_state")
    order.append(state)
    end = max(0, config.prefix_length - len(order))
    return np.array(order + list(range(state + 1, state + 1 + end)))


def test_weights_are_what_lerobot_s_attention_computes(pair, monkeypatch):
    theirs, policy = pair
    spec = policy.spec
    observation = theirs.observation(np.random.default_rng(1))
    prepared = policy.prepare([observation])
    looks = [
        Look(stack.name, layer, denoising_step=None)
        for stack in spec.stacks
        for layer in range(stack.layers)
    ]
    found = policy.forward(prepared, looks=looks)
    with recorded(monkeypatch) as probabilities, torch.inference_mode():
        chunk = theirs.policy.predict_action_chunk(
            theirs.batch(observation, TASK), noise=prepared.noise
        )
    assert np.array_equal(found.normalised, chunk.numpy())
    order = raw_order(policy, theirs, observation)
    depths = {
        number: (stack.name, index)
        for stack in spec.stacks
        for index, number in enumerate(stack.depths)
    }
    keys = [("prefix", layer, 0) for layer in range(4)]
    for step in range(spec.denoising_steps):
        keys += [(*depths[layer], step) for layer in sorted(depths)]
    assert sorted(found.weights) == sorted(keys)
    groups = {group.kind: group for group in spec.groups}
    prefix = groups["action"].start
    for key, raw in zip(keys, probabilities, strict=True):
        ours = found.weights[key][0]
        theirs_here = raw[0].numpy()
        columns = np.concatenate([order, np.arange(prefix, groups["action"].stop)])
        columns = columns[: theirs_here.shape[-1]]
        expected = np.zeros_like(ours)
        if key[0] == "prefix":
            masked = ~np.isclose(ours[0].diagonal(), 1)
            rows = np.ix_(range(ours.shape[0]), order, order)
            expected[rows] = theirs_here
            real = np.zeros(prefix, bool)
            real[order] = True
            real &= masked
            assert np.allclose(ours[:, real], expected[:, real], atol=1e-6)
            # A token that none reads is its own: it has no part in anybody's mass.
            others = ours[:, real][:, :, ~real]
            assert (others == 0).all()
        else:
            expected[..., columns] = theirs_here
            assert np.allclose(ours, expected, atol=1e-6)
        assert np.allclose(ours.sum(-1), 1, atol=1e-5)


def test_masses_of_cells_and_groups_sum_to_one_in_every_method(pair):
    theirs, policy = pair
    observation = theirs.observation(np.random.default_rng(2))
    kinds = {stack.kind for stack in policy.spec.stacks}
    shown = 0
    for method in methods_of(policy.spec):
        if method == "cross_attention" and "cross" not in kinds:
            continue
        if method == "joint_attention" and "joint" not in kinds:
            continue
        for layer in (0, -1):
            for head, query in (("mean", "mean"), ("1", "2:4")):
                chosen = make_selection(method, layer, head, query, policy.spec)
                chosen.apply_to(policy)
                maps = chosen.maps(policy.explain(observation), policy.spec)
                masses = [camera.share for camera in maps.cameras]
                masses += [group.share for group in maps.groups]
                assert sum(masses) == pytest.approx(1, abs=1e-5)
                assert maps.total == pytest.approx(1, abs=1e-5)
                shown += 1
    assert shown >= 12


def test_tokens_are_those_that_something_reads(pair):
    theirs, policy = pair
    observation = theirs.observation(np.random.default_rng(3))
    for method in methods_of(policy.spec):
        chosen = make_selection(method, -1, "mean", "mean", policy.spec)
        chosen.apply_to(policy)
        output = policy.explain(observation)
        maps = chosen.maps(output, policy.spec)
        (first,) = [each for key, each in output.weights.items() if key[0] == chosen.look.stack]
        size = policy.spec.layout.size
        if method == "encoder_attention":  # a masked token's row is its own alone
            first = first[:, ~np.isclose(first[0].diagonal(), 1)]
            size = first.shape[-1]
        read = (first > 0).any(axis=(0, 1))
        assert maps.tokens == read.sum() < size
        beside = sum(len(group.mass) for group in maps.groups)
        assert beside + sum(camera.cells.size for camera in maps.cameras) == maps.tokens
        assert UniformScale(1.0).scale(maps) == pytest.approx(1 / read.sum())


def test_the_mean_of_a_prefix_is_over_tokens_that_are_there(pair):
    theirs, policy = pair
    observation = theirs.observation(np.random.default_rng(4))
    chosen = make_selection("encoder_attention", 1, "mean", "mean", policy.spec)
    chosen.apply_to(policy)
    output = policy.explain(observation)
    (weights,) = output.weights.values()
    real = ~np.isclose(weights[0].diagonal(), 1)
    assert 0 < real.sum() < len(real)
    expected = weights[:, real].mean(axis=(0, 1))
    maps = chosen.maps(output, policy.spec)
    camera, grid = maps.cameras[0], policy.spec.layout.cameras[0]
    np.testing.assert_allclose(camera.cells.ravel(), expected[grid.start : grid.stop], atol=1e-6)
    assert sum(group.share for group in maps.groups if not len(group.mass)) == 0
    masked = int(np.flatnonzero(~real)[0])
    alone = make_selection("encoder_attention", 1, "mean", str(masked), policy.spec)
    assert alone.maps(output, policy.spec).total == pytest.approx(1)


def test_groups_are_in_the_prefix_s_order(pair):
    spec = pair[1].spec
    kinds = [group.kind for group in spec.groups if group.kind not in {"padding", "other"}]
    assert kinds == ["image", "image", "language", "joint_state", "action"]
    (language,) = spec.layout.of_kind("language")
    assert "".join(language.labels) == f"{TASK}\\n"
    assert [camera.feature for camera in spec.layout.cameras] == [FRONT, WRIST]
    (action,) = spec.layout.of_kind("action")
    assert action.stop - action.start == spec.chunk_size


def test_words_have_their_own_mass(reference, saved_smolvla):
    policy = load_policy(saved_smolvla, device="cpu")
    policy.instruct(TASK)
    chosen = make_selection("cross_attention", 1, "mean", "mean", policy.spec)
    chosen.apply_to(policy)
    observation = reference().observation(np.random.default_rng(0))
    maps = chosen.maps(policy.explain(observation), policy.spec)
    (words,) = (group for group in maps.groups if group.kind == "language")
    assert len(words.mass) == len(words.labels)
    assert (words.mass > 0).all()
    assert words.labels[0] == "reach"
    assert maps.denoising_step == policy.spec.denoising_steps - 1
    assert maps.layer == "vlm_with_expert.lm_expert.layers.3.self_attn"


def test_a_layout_s_size_does_not_depend_on_the_instruction(reference, saved_smolvla):
    policy = load_policy(saved_smolvla, device="cpu")
    before = policy.spec
    policy.instruct("reach")
    sizes = {policy.spec.layout.size}
    policy.instruct("put the block in the bowl")
    sizes.add(policy.spec.layout.size)
    assert sizes == {before.layout.size}
    assert policy.spec.stacks == before.stacks


def test_an_output_holds_what_is_shown_and_nothing_else(reference, saved_smolvla):
    policy = load_policy(saved_smolvla, device="cpu")
    policy.instruct(TASK)
    observation = reference().observation(np.random.default_rng(0))
    assert policy.explain(observation).weights == {}
    policy.show(Look("expert", 1, denoising_step=0, through="prefix"))
    weights = policy.explain(observation).weights
    heads = {key: found.shape[0] for key, found in weights.items()}
    assert heads == {("expert", 1, 0): 4, **{("prefix", layer, 0): 1 for layer in range(3)}}
    with pytest.raises(PolicyError, match="has no attention stack 'decoder'"):
        policy.show(Look("decoder", 0))
    assert set(policy.explain(observation).weights) == set(weights)


def test_pictures_alone_are_cells_and_bars_are_padding(saved_smolvla):
    """96 x 128 pixels in 128 x 128: a quarter of the cells is bar."""
    policy = load_policy(saved_smolvla, device="cpu")
    first, second, *_ = policy.spec.groups
    assert (first.kind, first.start, first.stop) == ("padding", 0, 4)
    assert (second.kind, second.camera.rows, second.camera.cols) == ("image", 3, 4)
    assert (second.camera.x0, second.camera.y0) == (15.5, 15.5)
    assert (second.camera.dx, second.camera.dy) == (32, 32)
