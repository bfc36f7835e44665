# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from pam_ros.attention.errors import AttentionError
from pam_ros.faithfulness.methods import Method, maps_of, parse
from pam_ros.policy.act.spec import stacks

SPEC = SimpleNamespace(stacks=stacks(10, 6, 3, decoder=1, encoder=2))


def names(text):
    return [method.name for method in parse(text, SPEC)]


def test_groups_stand_for_all_that_the_policy_has():
    assert names("cross_attention") == ["cross_attention:0"]
    assert names("attention") == [
        "cross_attention:0", "encoder_attention:0", "encoder_attention:1", "rollout",
    ]  # fmt: skip
    assert len(names("heads")) == 9
    assert names("heads")[-1] == "encoder_attention:1:2"
    assert names("gradients") == ["input_gradients", "integrated_gradients", "grad_cam"]


def test_a_name_gives_its_method_back_and_twice_is_once():
    text = "encoder_attention:1:2, rollout,grad_cam:mean,integrated_gradients:black"
    assert ",".join(names(text)) == text.replace(" ", "")
    assert names("rollout,attention").count("rollout") == 1
    assert names("grad_cam,grad_cam:blur") == ["grad_cam"]


def test_gradient_methods_and_contributions_alone_need_an_extra_pass():
    every = parse("attention,gradients,contributions", SPEC)
    extra = {method.name: method.extra_pass for method in every}
    assert [name for name, needed in extra.items() if needed] == names("gradients,contributions")


def test_contributions_are_named_by_their_baseline():
    assert names("contributions") == ["contribution", "token_contribution"]
    assert names("contribution:mean,contribution:blur") == ["contribution:mean", "contribution"]
    with pytest.raises(AttentionError, match="no method"):
        parse("token_contribution:mean", SPEC)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rolout", "'rolout' is no method"),
        ("", "'' is no method"),
        ("encoder_attention:2", "layer 2 must be from 0 to 1"),
        ("cross_attention:0:3", "head 3 must be from 0 to 2"),
        ("cross_attention:-1", "no method"),
        ("integrated_gradients:white", "no method"),
        ("rollout:1", "no method"),
    ],
)
def test_what_is_no_method_is_refused_with_what_there_is(text, said):
    with pytest.raises(AttentionError, match=said):
        parse(text, SPEC)


@dataclass
class RandomWeights:
    """Stands for a policy: one pass with known weights, counted."""

    layout: object
    passes: int = 0

    @property
    def spec(self):
        found = stacks(self.layout.size, 6, 3, decoder=1, encoder=2)
        return SimpleNamespace(
            layout=self.layout,
            stacks=found,
            denoising_steps=0,
            stack={stack.name: stack for stack in found}.get,
        )

    def prepare(self, observations):
        return len(observations)

    def forward(self, prepared, *, looks):
        self.passes += 1
        rng = np.random.default_rng(0)
        size = self.layout.size

        def softmax(*shape):
            weights = rng.random((*shape, size)).astype(np.float32)
            return weights / weights.sum(axis=-1, keepdims=True)

        self.cross, self.encoder = softmax(1, 1, 3, 6), softmax(2, 1, 3, size)
        # Every layer's with all heads: one look wants the encoder's heads, another their mean.
        assert [(look.stack, look.layer, look.through) for look in looks] == [
            ("decoder", 0, None), ("encoder", 1, None), ("encoder", 1, None),
            ("decoder", 0, "encoder"),
        ]  # fmt: skip
        kept = {("encoder", layer, 0): self.encoder[layer] for layer in (0, 1)}
        return SimpleNamespace(weights={("decoder", 0, 0): self.cross[:, 0], **kept})


def test_all_attention_maps_come_from_one_pass(layout, toy):
    policy = RandomWeights(layout)
    wanted = [
        Method("cross_attention", 0), Method("encoder_attention", 1, 2),
        Method("encoder_attention", 1), Method("rollout"),
    ]  # fmt: skip
    found = maps_of(policy, {}, wanted)
    assert policy.passes == 1
    row = toy.cells.of(found["cross_attention:0"])
    assert np.allclose(row, policy.cross[0, 0].mean(axis=(0, 1))[2:], atol=1e-6)
    row = toy.cells.of(found["encoder_attention:1:2"])
    assert np.allclose(row, policy.encoder[1, 0, 2].mean(axis=0)[2:], atol=1e-6)
    # Rollout by hand: half the residual connection, layer after layer, then the decoder's rows.
    eye = np.eye(layout.size)
    layers = [(eye + policy.encoder[k, 0].mean(axis=0)) / 2 for k in (0, 1)]
    expected = policy.cross[0, 0].mean(axis=(0, 1)) @ layers[1] @ layers[0]
    assert np.allclose(toy.cells.of(found["rollout"]), expected[2:], atol=1e-5)
