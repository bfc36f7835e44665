# SPDX-License-Identifier: Apache-2.0
"""cfg.json of older SAELens: what it says is computed, or refused by key and value."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import save_file

from pam_ros.sae.disk import CONFIG, WEIGHTS, load_sae
from pam_ros.sae.errors import SaeError

WIDTH, FEATURES, K = 12, 40, 4

# As version 5 wrote it; 3 and 4 wrote fewer of these keys.
VERSION_5 = {
    "architecture": "standard",
    "d_in": WIDTH,
    "d_sae": FEATURES,
    "dtype": "float32",
    "device": "cpu",
    "model_name": "act",
    "hook_name": "encoder",
    "hook_layer": 0,
    "hook_head_index": None,
    "activation_fn_str": "relu",
    "activation_fn_kwargs": {},
    "apply_b_dec_to_input": True,
    "finetuning_scaling_factor": False,
    "sae_lens_training_version": "5.11.0",
    "prepend_bos": True,
    "dataset_path": "",
    "context_size": 128,
    "normalize_activations": "none",
    "seqpos_slice": [None],
}
# As version 1 wrote it: all of the training's settings, no architecture.
VERSION_1 = {
    "d_in": WIDTH,
    "d_sae": FEATURES,
    "dtype": "torch.float32",
    "hook_point": "encoder",
    "hook_point_head_index": None,
    "activation_fn": "relu",
    "normalize_activations": False,
    "apply_b_dec_to_input": True,
    "noise_scale": 0.0,
    "normalize_sae_decoder": True,
    "sae_lens_version": "1.8.0",
}
TOPK = {"activation_fn_str": "topk", "activation_fn_kwargs": {"k": K}}


@pytest.fixture
def weights() -> dict[str, torch.Tensor]:
    rng = torch.Generator().manual_seed(0)
    return {
        "W_enc": torch.randn(WIDTH, FEATURES, generator=rng),
        # Low, so that some of a token's four largest pre-activations are negative.
        "b_enc": torch.randn(FEATURES, generator=rng) - 6,
        "W_dec": torch.randn(FEATURES, WIDTH, generator=rng),
        "b_dec": torch.randn(WIDTH, generator=rng),
    }


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(200, WIDTH, generator=torch.Generator().manual_seed(1))


def written(folder, weights, version=VERSION_5, **changes):
    (folder / CONFIG).write_text(json.dumps({**version, **changes}))
    save_file(weights, folder / WEIGHTS)
    return folder


def pre_activations(weights, x) -> torch.Tensor:
    return (x - weights["b_dec"]) @ weights["W_enc"] + weights["b_enc"]


@pytest.mark.parametrize(
    "changes",
    [
        TOPK,
        {**TOPK, "architecture": "topk"},
        {"activation_fn_str": None, "activation_fn": "topk", "activation_fn_kwargs": {"k": K}},
        {**TOPK, "k": K},
    ],
)
def test_a_topk_of_an_old_sae_lens_keeps_its_k_largest(tmp_path, weights, x, changes):
    sae = load_sae(written(tmp_path, weights, **changes))
    pre = pre_activations(weights, x)
    by_hand = torch.zeros_like(pre)
    for row, values in enumerate(pre.tolist()):
        for feature in sorted(range(FEATURES), key=lambda each: -values[each])[:K]:
            by_hand[row, feature] = max(values[feature], 0.0)
    active = (by_hand > 0).sum(dim=1)
    assert active.max() == K
    assert active.min() < K  # the rectifier counts
    assert torch.allclose(sae.encode(x), by_hand, atol=1e-5)
    assert torch.allclose(
        sae.decode(by_hand), by_hand @ weights["W_dec"] + weights["b_dec"], atol=1e-5
    )


@pytest.mark.parametrize("version", [VERSION_5, VERSION_1])
def test_a_relu_of_an_old_sae_lens_keeps_what_is_positive(tmp_path, weights, x, version):
    sae = load_sae(written(tmp_path, weights, version))
    assert torch.allclose(sae.encode(x), pre_activations(weights, x).clamp_min(0), atol=1e-5)


@pytest.mark.parametrize("without", ["normalize_activations", "apply_b_dec_to_input"])
def test_what_is_not_said_is_as_in_the_plain_sae(tmp_path, weights, x, without):
    config = {key: value for key, value in VERSION_5.items() if key != without}
    sae = load_sae(written(tmp_path, weights, config))
    assert torch.allclose(sae.encode(x), pre_activations(weights, x).clamp_min(0), atol=1e-5)


@pytest.mark.parametrize(
    ("version", "name", "said"),
    [
        (VERSION_1, "scaling_factor", {}),
        (VERSION_5, "finetuning_scaling_factor", {"finetuning_scaling_factor": True}),
    ],
)
def test_a_scaling_factor_scales_what_is_decoded(tmp_path, weights, x, version, name, said):
    factor = torch.rand(FEATURES, generator=torch.Generator().manual_seed(2)) + 0.5
    sae = load_sae(written(tmp_path, {**weights, name: factor}, version, **said))
    found = sae.encode(x)
    assert torch.allclose(found, pre_activations(weights, x).clamp_min(0), atol=1e-5)
    decoded = (found * factor) @ weights["W_dec"] + weights["b_dec"]
    assert torch.allclose(sae.decode(found), decoded, atol=1e-4)


def test_a_scaling_factor_and_a_config_that_disagree_are_refused(tmp_path, weights):
    ones, twos = torch.ones(FEATURES), torch.full((FEATURES,), 2.0)
    load_sae(written(tmp_path, {**weights, "scaling_factor": ones}))
    written(tmp_path, {**weights, "scaling_factor": twos})
    with pytest.raises(SaeError, match=r"factor False, but .* a scaling_factor that is not 1"):
        load_sae(tmp_path)
    written(tmp_path, weights, finetuning_scaling_factor=True)
    with pytest.raises(SaeError, match=r"factor True, but .* holds no such factor"):
        load_sae(tmp_path)
    written(tmp_path, {**weights, "scaling_factor": torch.ones(3)})
    with pytest.raises(SaeError, match=r"scaling_factor is F32 of shape \[3\]"):
        load_sae(tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"activation_fn_kwargs": {"k": K}},
            "activation_fn_kwargs {'k': 4} is not of architecture",
        ),
        (
            {"metadata": {"normalize_activations": "layer_norm"}},
            "normalize_activations 'layer_norm' is not known here",
        ),
        ({"activation_fn_str": "tanh-relu"}, "activation_fn_str 'tanh-relu' is not known here"),
        ({"activation_fn": "gelu"}, "activation_fn 'gelu' is not known here"),
        ({"activation_fn_str": ["topk"]}, r"activation_fn_str \['topk'\] is not known here"),
        ({**TOPK, "activation_fn": "relu"}, "activation_fn 'relu' and architecture 'topk' disa"),
        ({**TOPK, "architecture": "jumprelu"}, "'topk' and architecture 'jumprelu' disagree"),
        ({"architecture": "topk", "k": K}, "'relu' and architecture 'topk' disagree"),
        ({"activation_fn_str": "topk"}, "k None must be a whole number from 1 to 40"),
        ({**TOPK, "k": 5}, r"k 5 and activation_fn_kwargs \{'k': 4\} disagree"),
        (
            {**TOPK, "activation_fn_kwargs": {"k": "4"}},
            "activation_fn_kwargs: k '4' must be a whole number from 1 to 40",
        ),
        (
            {**TOPK, "activation_fn_kwargs": {"k": 4, "postact_fn": "identity"}},
            "activation_fn_kwargs .* must hold k alone",
        ),
        ({"normalize_activations": True}, "normalize_activations True is not known"),
        (
            {"normalize_activations": "expected_average_only_in"},
            "normalize_activations 'expected_average_only_in' is not known",
        ),
        ({"normalize_activations": "constant_norm_rescale"}, "'constant_norm_rescale' is not"),
        ({"apply_b_dec_to_input": "no"}, "apply_b_dec_to_input 'no' must be true or false"),
        ({"rescale_acts_by_decoder_norm": True}, "rescale_acts_by_decoder_norm True is for topk"),
        ({"hook_head_index": 3}, "hook_head_index 3 is one attention head"),
        ({"hook_point_head_index": 0}, "hook_point_head_index 0 is one attention head"),
        ({"metadata": {"hook_head_index": 3}}, "hook_head_index 3 is one attention head"),
        ({"hook_name": "blocks.0.attn.hook_z"}, r"hook_name 'blocks\.0\.attn\.hook_z' joins"),
        ({"reshape_activations": "hook_z"}, "reshape_activations 'hook_z' is not known"),
        (
            {"metadata": {"hook_name": "a", "hook_name_out": "b"}},
            "hook_name_out 'b' is another layer",
        ),
        ({"architecture": None}, "architecture 'None' must be one of standard, topk, jumprelu"),
        ({"architecture": "gated"}, "architecture 'gated' must be one of"),
    ],
)
def test_what_is_not_computed_here_is_refused_by_name(tmp_path, weights, changes, words):
    written(tmp_path, weights, **changes)
    with pytest.raises(SaeError, match=words) as error:
        load_sae(tmp_path)
    assert str(error.value).startswith(str(tmp_path / CONFIG))
