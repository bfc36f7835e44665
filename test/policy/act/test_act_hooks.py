# SPDX-License-Identifier: Apache-2.0
"""ACT's activations: lerobot's pass to the bit, each attention from a second route."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hook_checks import (
    check_activations_are_ones_own,
    check_contributions_have_no_hooks,
    check_every_point_matters,
    check_points,
    check_sentences,
    check_two_hooks_on_one_point,
)

from pam_ros.policy import PolicyError, load_policy, wrap
from pam_ros.policy.act.hooks import HookedForward

TOP, WRIST, STATE = "observation.images.top", "observation.images.wrist", "observation.state"


@pytest.fixture(scope="module")
def policy(saved):
    return load_policy(saved, device="cpu", engine="eager")


def observation(seed=0):
    rng = np.random.default_rng(seed)
    pictures = {name: rng.integers(0, 256, (64, 96, 3), dtype=np.uint8) for name in (TOP, WRIST)}
    return {**pictures, STATE: rng.normal(size=6).astype(np.float32)}


def test_every_point_is_read_and_patched(policy):
    check_points(policy, observation(0), observation(1))
    check_sentences(policy, observation(0))


def test_every_point_matters(policy):
    last = len(policy.model.decoder.layers) - 1
    # The first decoder layer's queries are the same for each action's zeros but for their places.
    names = [
        name for name in policy.hook_points if not name.startswith(f"decoder.{last}.self_attn")
    ]
    check_every_point_matters(policy, observation(0), names)


def test_hooks_that_read_everything_change_no_bit_of_lerobots_modules(reference_policy):
    """On the same normalised inputs; before and after, the engine is as it was."""
    theirs = reference_policy()
    ours = wrap(theirs.policy, theirs.preprocessor, theirs.postprocessor, engine="eager")
    for seed in range(3):
        prepared = ours.prepare([observation(seed)])
        with torch.inference_mode():
            expected = theirs.policy.model(HookedForward(None)._batch(prepared))[0][0]
            whole = theirs.policy.predict_action_chunk(theirs.batch(observation(seed)))[0]
        torch.testing.assert_close(expected, whole, atol=2e-6, rtol=1e-5)

        def chunk(prepared=prepared):
            return torch.tensor(ours.forward(prepared).normalised[0])

        before = chunk()
        with ours.hooks([(name, lambda a, here: None) for name in ours.hook_points]):
            assert torch.equal(chunk(), expected)
        assert torch.equal(chunk(), before)
        with ours.hooks([("actions", lambda a, here: a + 1)]):
            assert torch.equal(chunk(), expected + 1)


def test_hooks_off_is_an_engine_that_never_had_any(reference_policy):
    theirs = reference_policy()
    never, had = (
        wrap(theirs.policy, theirs.preprocessor, theirs.postprocessor, engine="eager")
        for _ in range(2)
    )
    had.run_with_cache(observation(0))
    for seed in range(5):
        actions = [torch.tensor(one.step(observation(seed)).action) for one in (never, had)]
        assert torch.equal(*actions)
        expected = torch.tensor(theirs.select_action(observation(seed)))
        torch.testing.assert_close(actions[0], expected, atol=2e-6, rtol=1e-5)


def test_patterns_are_the_weights_that_a_look_shows(policy):
    output = policy.step(observation())
    _, cache = policy.run_with_cache(observation(), "*.pattern")
    shown = torch.tensor(output.attention[-1])
    torch.testing.assert_close(cache["decoder.0.attn.pattern"][0], shown, atol=1e-6, rtol=1e-5)
    assert set(cache) == {name for name in policy.hook_points if name.endswith(".pattern")}


def test_tokens_are_those_that_take_tokens_gives(policy):
    places = {
        "encoder_input": "encoder_input",
        "encoder.0": "encoder.layers.0",
        "encoder": "encoder",
    }
    _, cache = policy.run_with_cache(observation(), list(places))
    for name, layer in places.items():
        tokens = policy.forward(policy.prepare([observation()]), tokens_layer=layer).tokens
        # Two routes: the hooks run in lerobot's modules, tokens in the engine.
        np.testing.assert_allclose(cache[name].numpy(), tokens, atol=5e-6, rtol=1e-5)


def test_heads_times_the_output_matrix_are_what_the_attention_adds(policy):
    """And so is the sum over heads of what each does alone: a second route to an ablation."""
    name = "encoder.1.attn"
    module = policy.model.encoder.layers[1].self_attn
    _, cache = policy.run_with_cache(observation(), [name, f"{name}.heads"])
    heads = cache[f"{name}.heads"]
    weight = module.out_proj.weight.unflatten(1, (module.num_heads, -1))  # (D, H, d)
    parts = torch.einsum("bhtd,ohd->bhto", heads, weight)
    whole = parts.sum(1) + module.out_proj.bias
    torch.testing.assert_close(cache[name], whole, atol=1e-5, rtol=1e-4)
    kept = {}
    with (
        policy.heads_ablated({"encoder.1": [0, 2]}),
        policy.hooks([(name, lambda a, here: kept.update(a=a.clone()))]),
    ):
        policy.step(observation())
    torch.testing.assert_close(kept["a"], whole - parts[:, [0, 2]].sum(1), atol=1e-5, rtol=1e-4)


def test_heads_can_be_ablated_to_their_mean(policy):
    seen = []
    with (
        policy.heads_ablated({"decoder.0.attn": [1]}, "mean"),
        policy.hooks([("decoder.0.attn.heads", lambda a, here: seen.append(a.clone()))]),
    ):
        policy.step(observation())
    _, cache = policy.run_with_cache(observation(), "decoder.0.attn.heads")
    plain = cache["decoder.0.attn.heads"]
    mean = plain[:, 1].mean(1, keepdim=True).expand_as(plain[:, 1])
    torch.testing.assert_close(seen[0][:, 1], mean)
    assert torch.equal(seen[0][:, 0], plain[:, 0])


def test_a_patch_of_some_tokens_leaves_the_others(policy):
    _, cache = policy.run_with_cache(observation(1), "encoder_input")
    groups = policy.spec.layout.cameras
    rows = range(groups[0].start, groups[0].stop)
    seen = []
    with (
        policy.patched(cache, rows=rows),
        policy.hooks([("encoder_input", lambda a, here: seen.append(a.clone()))]),
    ):
        policy.look(observation(0), "cross_attention")
    _, own = policy.run_with_cache(observation(0), "encoder_input")
    wanted = own["encoder_input"].clone()
    wanted[:, rows] = cache["encoder_input"][:, rows]
    assert torch.equal(seen[0], wanted)


def test_patching_the_input_brings_the_whole_pass_back(policy):
    """encoder_input is all that the transformer reads, but for places."""
    found = policy.activation_patching(
        observation(0), observation(1), ["encoder_input", "backbone.*", "encoder.0.mlp"]
    )
    assert found["encoder_input"] == pytest.approx(1, abs=1e-4)
    assert 0 < abs(found["backbone.top"]) < 1
    assert "encoder_input 100%" in repr(found)
    assert "encoder.0.mlp" in found._repr_html_()


def test_edits_come_back_off(policy):
    layer = policy.tokens_layer
    plain = policy.explain(observation()).chunk
    with policy.edited(lambda tokens: tokens * 0, "encoder.layers.0"):
        assert np.abs(policy.explain(observation()).chunk - plain).max() > 1e-4
        with (
            pytest.raises(PolicyError, match="edited already: join the two edits in one function"),
            policy.edited(lambda tokens: tokens, "encoder"),
        ):
            pass
        # The outer one is still there, in what a notebook runs too.
        chunks = [
            policy.explain(observation()).chunk,
            policy.look(observation()).chunk,
            policy.run_with_hooks(observation()),
            policy.run_with_cache(observation(), "actions")[0],
        ]
        for chunk in chunks:
            np.testing.assert_allclose(chunk, chunks[0], atol=2e-6, rtol=1e-5)
            assert np.abs(chunk - plain).max() > 1e-4
        assert policy.look(observation()).method == "rollout"
        with pytest.raises(PolicyError, match="contribution is of the policy as it is: ask for it"):
            policy.look(observation(), "contribution")
    assert policy.tokens_layer == layer
    np.testing.assert_array_equal(policy.explain(observation()).chunk, plain)


@pytest.mark.parametrize(
    ("heads", "sentence"),
    [
        ({"encoder.0.mlp": [0]}, "'encoder.0.mlp' is no attention with heads: use encoder.0.attn"),
        ({"encoder.0": [9]}, "encoder.0 has no head 9: it has 0 to 3"),
        ({"encoder.0": 9}, "encoder.0 has no head 9: it has 0 to 3"),
        ({"encoder.0": "first"}, "heads of encoder.0 is 'first': it must be a whole number or"),
    ],
)
def test_a_wrong_head_is_named(policy, heads, sentence):
    with pytest.raises(PolicyError, match=sentence), policy.heads_ablated(heads):
        pass


def test_one_head_and_one_row_may_be_numbers(policy):
    with policy.heads_ablated({"encoder.0": 1}):
        one = policy.look(observation(), "rollout").chunk
    with policy.heads_ablated({"encoder.0": [1]}):
        np.testing.assert_array_equal(policy.look(observation(), "rollout").chunk, one)
    _, cache = policy.run_with_cache(observation(1), ["encoder_input", "backbone.top"])
    with policy.patched(cache, "encoder_input", rows=3):
        one = policy.look(observation(), "rollout").chunk
    with policy.patched(cache, "encoder_input", rows=[3]):
        np.testing.assert_array_equal(policy.look(observation(), "rollout").chunk, one)
    with (
        pytest.raises(PolicyError, match=r"backbone\.top has no rows, its second axis is channels"),
        policy.patched(cache, rows=3),
    ):
        pass


def test_two_of_a_batch_are_patched_by_their_index(policy):
    both = [observation(seed) for seed in (0, 1)]
    batch = {name: np.stack([one[name] for one in both]) for name in both[0]}
    expected = policy.activation_patching(*both, "encoder.0.mlp")
    for given in ((batch, batch, (0, 1)), (batch, both[1], (0, None)), (both[0], batch, (None, 1))):
        *two, index = given
        found = policy.activation_patching(*two, "encoder.0.mlp", index=index)
        assert found.recovered == expected.recovered


def test_cameras_that_end_alike_have_points_of_their_own(reference_policy):
    left, right = "observation.images.left.wrist", "observation.images.right.wrist"
    theirs = reference_policy(cameras={left: (64, 64), right: (64, 64), TOP: (64, 64)})
    ours = wrap(theirs.policy, theirs.preprocessor, theirs.postprocessor, engine="eager")
    found = [name for name in ours.hook_points if name.startswith("backbone.")]
    assert sorted(found) == ["backbone.left.wrist", "backbone.right.wrist", "backbone.top"]
    assert "left.wrist 64x64, right.wrist 64x64" in repr(ours)
    seen = theirs.observation(np.random.default_rng(0))
    short = {name.removeprefix("observation.images."): array for name, array in seen.items()}
    expected = ours.run_with_hooks(seen)
    np.testing.assert_array_equal(ours.run_with_hooks(short), expected)


def test_short_reprs(policy):
    _, cache = policy.run_with_cache(observation(), "encoder.?")
    assert repr(cache).startswith("<2 activations, 0.0 MiB: encoder.0, encoder.1>")
    assert repr(policy.hook_points["encoder.0.attn"]) == "<encoder.0.attn (batch, tokens, dim)>"
    assert repr(policy).endswith(
        "act: reads top 96x64, wrist 96x64, state 6; writes chunks of 10 x 4; eager float32 on cpu>"
    )


def test_hooks_on_one_point_do_not_replace_each_other(policy):
    check_two_hooks_on_one_point(policy, observation(0))


def test_activations_are_ones_own(policy):
    check_activations_are_ones_own(policy, observation(0), "encoder.0.attn")


def test_contributions_are_made_of_the_policy_without_hooks(saved):
    fresh = load_policy(saved, device="cpu", engine="eager")
    check_contributions_have_no_hooks(fresh, observation(0))
