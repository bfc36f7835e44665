# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import json
import struct

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from pam_ros.sae.arch.jumprelu import JumpReluSAE
from pam_ros.sae.arch.model import SAE, SaeConfig
from pam_ros.sae.arch.relu import ReluSAE
from pam_ros.sae.arch.topk import TopKSAE
from pam_ros.sae.disk import CONFIG, WEIGHTS, load_sae, save_sae
from pam_ros.sae.errors import SaeError
from pam_ros.sae.provenance import Provenance
from pam_ros.sae.store.stats import Moments

POLICY, OTHER = "a" * 64, "b" * 64
FROM = Provenance("demo", POLICY, "encoder", "stride(2)", "seeds 1 to 2", "0.1.0")
WIDTH, FEATURES = 12, 40


def make(architecture: str, provenance: Provenance | None = FROM) -> SAE:
    torch.manual_seed(0)
    weights = {
        "W_enc": torch.randn(WIDTH, FEATURES),
        "b_enc": 0.3 * torch.randn(FEATURES),
        "W_dec": torch.nn.functional.normalize(torch.randn(FEATURES, WIDTH), dim=1),
        "b_dec": torch.randn(WIDTH),
        "threshold": torch.rand(FEATURES),
    }
    kind = {"standard": ReluSAE, "topk": TopKSAE, "jumprelu": JumpReluSAE}[architecture]
    k = 5 if architecture == "topk" else None
    config = SaeConfig(architecture, WIDTH, FEATURES, k, provenance=provenance)
    return kind(config, weights)


@pytest.fixture(params=["standard", "topk", "jumprelu"])
def sae(request) -> SAE:
    return make(request.param)


@pytest.fixture
def x() -> torch.Tensor:
    return torch.randn(300, WIDTH, generator=torch.Generator().manual_seed(1)) * 2


def test_activations_follow_their_formula(x):
    relu, topk, jump = (make(name) for name in ("standard", "topk", "jumprelu"))
    pre = ((x - relu.b_dec).double() @ relu.W_enc.double() + relu.b_enc.double()).float()
    assert torch.allclose(relu.encode(x), pre.clamp_min(0), atol=1e-4)
    by_hand = torch.zeros_like(pre)
    for row in range(len(pre)):
        for feature in pre[row].argsort(descending=True)[:5]:
            by_hand[row, feature] = max(float(pre[row, feature]), 0.0)
    assert torch.allclose(topk.encode(x), by_hand, atol=1e-4)
    clear = (pre - jump.threshold).abs() > 1e-3
    wanted = torch.where(pre > jump.threshold, pre.clamp_min(0), 0.0)
    assert torch.allclose(jump.encode(x)[clear], wanted[clear], atol=1e-4)
    assert torch.allclose(topk.decode(by_hand), by_hand @ topk.W_dec + topk.b_dec, atol=1e-5)


def test_what_is_saved_is_loaded(tmp_path, sae, x):
    moments = Moments(WIDTH, 3)
    moments.add(x.numpy(), np.arange(300) % 3)
    sae.stats = moments.finish()
    save_sae(sae, tmp_path / "sae")
    found = load_sae(tmp_path / "sae", policy_sha256=POLICY, layer="encoder", width=WIDTH)
    assert torch.equal(found.encode(x), sae.encode(x))
    assert found.cfg.provenance == FROM
    digest = hashlib.sha256((tmp_path / "sae" / WEIGHTS).read_bytes()).hexdigest()
    assert found.sha256 == sae.sha256 == digest
    assert np.allclose(found.stats.mean, x.numpy().mean(axis=0), atol=1e-6)
    assert found.stats.position_rows.tolist() == [100, 100, 100]


def test_sae_lens_opens_ours_and_we_open_theirs(tmp_path, sae, x):
    sae_lens = pytest.importorskip("sae_lens", reason="sae_lens is not installed")
    save_sae(sae, tmp_path / "ours")
    theirs = sae_lens.SAE.load_from_disk(str(tmp_path / "ours"))
    assert theirs.cfg.metadata.pam_ros["provenance"]["policy_sha256"] == POLICY
    with torch.no_grad():
        assert (theirs.encode(x) - sae.encode(x)).abs().max() < 1e-5
        assert (theirs.decode(theirs.encode(x)) - sae.decode(sae.encode(x))).abs().max() < 1e-5
    theirs.save_model(tmp_path / "theirs")
    again = load_sae(tmp_path / "theirs", policy_sha256=POLICY)
    assert (again.encode(x) - sae.encode(x)).abs().max() < 1e-5


def test_an_sae_that_sae_lens_made_opens(tmp_path, x):
    sae_lens = pytest.importorskip("sae_lens", reason="sae_lens is not installed")
    for name, more in (
        ("TopK", {"k": 4, "rescale_acts_by_decoder_norm": True}),
        ("Standard", {"apply_b_dec_to_input": False}),
        ("JumpReLU", {}),
    ):
        config = getattr(sae_lens, f"{name}SAEConfig")(d_in=WIDTH, d_sae=FEATURES, **more)
        theirs = getattr(sae_lens, f"{name}SAE")(config)
        torch.manual_seed(3)
        with torch.no_grad():
            for parameter in theirs.parameters():
                parameter.uniform_(-0.5, 0.5)
        theirs.save_model(tmp_path / name)
        ours = load_sae(tmp_path / name)
        with torch.no_grad():
            assert (ours.encode(x) - theirs.encode(x)).abs().max() < 1e-5
            decoded = theirs.decode(theirs.encode(x))
            assert (ours.decode(ours.encode(x)) - decoded).abs().max() < 1e-5
        assert ours.cfg.provenance is None


def test_another_policy_is_refused_with_both_hashes(tmp_path, sae):
    save_sae(sae, tmp_path / "sae")
    with pytest.raises(SaeError, match=f"trained on another policy: on {POLICY}, not {OTHER}"):
        load_sae(tmp_path / "sae", policy_sha256=OTHER)
    words = f"layer encoder of policy {POLICY}, not on layer encoder.layers.0 of policy {POLICY}"
    with pytest.raises(SaeError, match=words):
        load_sae(tmp_path / "sae", policy_sha256=POLICY, layer="encoder.layers.0")
    with pytest.raises(SaeError, match="takes tokens of 12 values: this layer's have 512"):
        load_sae(tmp_path / "sae", width=512)


def test_means_of_blocks_are_no_tokens(tmp_path, sae):
    save_sae(sae, tmp_path / "sae")
    for sampler in ("all", "stride(2)", "uniform(9, seed=1)", None):
        load_sae(tmp_path / "sae", sampler=sampler)
    words = r"sampled by block\(2x2\), but the SAE was trained on stride\(2\)"
    with pytest.raises(SaeError, match=words):
        load_sae(tmp_path / "sae", sampler="block(2x2)")


def change_config(folder, **changes) -> None:
    content = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**content, **changes}))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"d_in": 1 << 40}, "d_in 1099511627776 must be a whole number from 1 to"),
        ({"d_in": "12"}, "d_in '12' must be a whole number"),
        ({"d_in": True}, "d_in True must be a whole number"),
        ({"d_sae": 1 << 24, "d_in": 1 << 24}, "is too small for the sizes in cfg.json"),
        ({"d_sae": 41}, "W_enc is F32 of shape"),
        ({"k": 0}, "k 0 must be a whole number from 1 to 40"),
        ({"k": 41}, "k 41 must be a whole number from 1 to 40"),
        ({"architecture": "gated"}, "architecture 'gated' must be one of standard, topk, jumprelu"),
        ({"architecture": ["topk"]}, "must be one of standard, topk, jumprelu"),
        ({"architecture": "jumprelu"}, "it must hold W_enc, b_enc, W_dec, b_dec, threshold"),
        ({"normalize_activations": "layer_norm"}, "normalize_activations 'layer_norm' is not"),
        ({"metadata": {"pam_ros": {"provenance": {"layer": 3}}}}, "the provenance must give"),
    ],
)
def test_a_config_that_lies_is_refused(tmp_path, changes, words):
    save_sae(make("topk"), tmp_path / "sae")
    change_config(tmp_path / "sae", **changes)
    with pytest.raises(SaeError, match=words):
        load_sae(tmp_path / "sae")


@pytest.mark.parametrize("text", ["", "[]", "{" * 50_000, "NaN", "\x00\xff"])
def test_a_config_that_is_no_object_is_refused(tmp_path, text):
    save_sae(make("topk"), tmp_path / "sae")
    (tmp_path / "sae" / CONFIG).write_text(text)
    with pytest.raises(SaeError, match=r"cfg\.json (is damaged|must hold a JSON object)"):
        load_sae(tmp_path / "sae")


def header(content: dict) -> bytes:
    text = json.dumps(content).encode()
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04cos\nsystem\n" * 900,  # a pickle
        struct.pack("<Q", 1 << 62) + b"{}" * 4000,
        header({"W_enc": {"dtype": "F32", "shape": [12, 40], "data_offsets": [0, 1 << 60]}})
        + bytes(9000),
        header({"W_enc": {"dtype": "F32", "shape": [1 << 40, 1 << 40], "data_offsets": [0, 8]}})
        + bytes(9000),
    ],
)
def test_hostile_weights_are_refused(tmp_path, data):
    save_sae(make("topk"), tmp_path / "sae")
    (tmp_path / "sae" / WEIGHTS).write_bytes(data)
    with pytest.raises(SaeError, match="is damaged"):
        load_sae(tmp_path / "sae")


def test_weights_that_do_not_fit_are_refused(tmp_path):
    folder = tmp_path / "sae"
    save_sae(make("topk"), folder)
    weights = load_file(folder / WEIGHTS)

    def refused(words: str, **changes) -> None:
        save_file({**weights, **changes}, folder / WEIGHTS)
        with pytest.raises(SaeError, match=words):
            load_sae(folder)

    refused("it must hold W_enc, b_enc, W_dec, b_dec", extra=torch.zeros(1))
    refused("b_dec is not all finite", b_dec=torch.full((WIDTH,), float("nan")))
    refused("W_dec is F32 of shape", W_dec=weights["W_dec"].T.contiguous())
    refused("b_enc is I32", b_enc=torch.zeros(FEATURES, dtype=torch.int32))
    (folder / WEIGHTS).unlink()
    with pytest.raises(SaeError, match=r"is no SAE: it has no sae_weights\.safetensors"):
        load_sae(folder)
    with pytest.raises(SaeError, match=r"is no SAE: it has no cfg\.json"):
        load_sae(tmp_path)


def test_damaged_statistics_are_refused(tmp_path):
    folder = tmp_path / "sae"
    sae = make("topk")
    moments = Moments(WIDTH, 3)
    moments.add(np.ones((3, WIDTH), np.float32), np.arange(3))
    sae.stats = moments.finish()
    save_sae(sae, folder)
    file = folder / "token_stats.safetensors"
    file.write_bytes(file.read_bytes()[:-8])
    with pytest.raises(SaeError, match=r"token_stats\.safetensors is damaged"):
        load_sae(folder)


def test_saving_replaces_an_sae_and_nothing_else(tmp_path):
    save_sae(make("topk"), tmp_path / "sae")
    save_sae(make("jumprelu"), tmp_path / "sae")
    assert load_sae(tmp_path / "sae").cfg.architecture == "jumprelu"
    assert [file.name for file in tmp_path.iterdir()] == ["sae"]
    (tmp_path / "other").mkdir()
    with pytest.raises(SaeError, match="exists and holds no SAE: name another folder"):
        save_sae(make("topk"), tmp_path / "other")


def test_an_sae_that_is_not_finite_is_not_saved(tmp_path):
    sae = make("topk")
    sae.b_enc[3] = float("inf")
    with pytest.raises(SaeError, match="b_enc is not all finite: it is not saved"):
        save_sae(sae, tmp_path / "sae")
    assert not list(tmp_path.iterdir())
