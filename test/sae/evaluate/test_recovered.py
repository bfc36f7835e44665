# SPDX-License-Identifier: Apache-2.0
"""The recovered action on a small random ACT policy, end to end from collecting to eval."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.act.modeling_act import ACTPolicy
from lerobot.policies.factory import make_pre_post_processors

from pam_ros import cli
from pam_ros.observations.source import Frame
from pam_ros.policy import PolicyError, load_policy
from pam_ros.sae.collect.collector import collect
from pam_ros.sae.disk import load_sae
from pam_ros.sae.errors import SaeError
from pam_ros.sae.evaluate.measures import principal
from pam_ros.sae.evaluate.recovered import by_principal, recovered_action
from pam_ros.sae.store.stats import store_stats
from pam_ros.sae.store.token_store import TokenStore
from pam_ros.sae.store.tokens import parse_sampler

IMAGE, STATE, WIDTH = "observation.images.top", "observation.state", 32


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    torch.manual_seed(0)
    config = ACTConfig(
        input_features={
            IMAGE: PolicyFeature(FeatureType.VISUAL, (3, 64, 96)),
            STATE: PolicyFeature(FeatureType.STATE, (3,)),
        },
        output_features={"action": PolicyFeature(FeatureType.ACTION, (3,))},
        pretrained_backbone_weights=None, device="cpu", dim_model=WIDTH, n_heads=4,
        dim_feedforward=48, n_encoder_layers=2, n_vae_encoder_layers=1, chunk_size=6,
        n_action_steps=2,
    )  # fmt: skip
    policy = ACTPolicy(config).eval()
    stats = {
        name: {"mean": torch.zeros(size), "std": torch.ones(size)}
        for name, size in ((IMAGE, (3, 1, 1)), (STATE, (3,)), ("action", (3,)))
    }
    folder = tmp_path_factory.mktemp("policy") / "act"
    for part in (policy, *make_pre_post_processors(config, dataset_stats=stats)):
        part.save_pretrained(folder)
    return folder


class Noise:
    def __init__(self, name: str, episodes: range) -> None:
        self.dataset = name
        self.episodes = episodes

    def frames(self, after):
        for episode in self.episodes:
            for frame in range(5):
                rng = np.random.default_rng([episode, frame])
                picture = rng.integers(0, 256, (2, 3, 3), dtype=np.uint8)
                observation = {
                    IMAGE: np.kron(picture, np.ones((32, 32, 1), np.uint8)),
                    STATE: rng.normal(size=3).astype(np.float32),
                }
                if after is None or (episode, frame) > after:
                    yield Frame(episode, frame, observation)


@pytest.fixture(scope="module")
def stores(checkpoint, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stores")
    policy = load_policy(str(checkpoint), device="cpu", engine="eager")
    everything = parse_sampler("all")
    collect(policy, Noise("training", range(40)), everything, folder / "training")
    collect(
        policy, Noise("held out", range(100, 106)), everything, folder / "held_out",
        observations=True,
    )  # fmt: skip
    return policy, TokenStore(folder / "training"), TokenStore(folder / "held_out")


def test_all_components_recover_everything_and_the_mean_nothing(stores):
    policy, training, held_out = stores
    stats = store_stats(training)
    mean = torch.from_numpy(stats.position_mean)
    found = recovered_action(
        policy,
        [held_out],
        stats,
        {
            "all": by_principal(principal(stats, WIDTH)),
            "some": by_principal(principal(stats, 8)),
            "few": by_principal(principal(stats, 1)),
            "mean": lambda tokens: mean.expand(tokens.shape),
        },
        frames=12,
    )
    assert found.frames == 12
    assert found.share["all"] > 0.999
    assert found.share["mean"] == pytest.approx(0, abs=1e-9)
    assert found.share["few"] < found.share["some"] < found.share["all"]


def test_a_position_that_was_never_trained_on_has_no_mean(stores):
    policy, training, held_out = stores
    stats = store_stats(training)
    rows = stats.position_rows.copy()
    rows[3] = 0
    for lacking in (rows, rows[:-1]):
        with pytest.raises(SaeError, match=r"the mean of (7|6) of \d positions"):
            recovered_action(policy, [held_out], replace(stats, position_rows=lacking), {}, 4)


def test_the_formula_on_one_frame_after_another(stores):
    """Second route: one pass per frame, the sums by hand."""
    policy, training, held_out = stores
    stats = store_stats(training)
    edit = by_principal(principal(stats, 4))
    found = recovered_action(policy, [held_out], stats, {"pca": edit}, frames=10**6)
    mean = torch.from_numpy(stats.position_mean)
    missed = missed_by_mean = 0.0
    for stored in held_out.observations():
        prepared = policy.prepare([stored.observation])
        own = policy.forward(prepared).normalised.astype(float)
        ours = policy.forward(prepared, tokens_layer="encoder", edit=edit).normalised
        theirs = policy.forward(
            prepared, tokens_layer="encoder", edit=lambda tokens: mean.expand(tokens.shape)
        ).normalised
        missed += np.square(ours - own).sum()
        missed_by_mean += np.square(theirs - own).sum()
    assert found.frames == held_out.frames == 30
    assert found.share["pca"] == pytest.approx(1 - missed / missed_by_mean, abs=1e-4)


def test_another_policy_and_missing_observations_are_refused(stores):
    policy, training, held_out = stores
    stats = store_stats(training)
    with pytest.raises(SaeError, match="keeps no observations"):
        recovered_action(policy, [training], stats, {}, 3)
    other = SimpleNamespace(spec=SimpleNamespace(sha256="0" * 64))
    with pytest.raises(SaeError, match=f"of policy {policy.spec.sha256}, not of {'0' * 64}"):
        recovered_action(other, [held_out], stats, {}, 3)


def test_another_layers_tokens_are_collected_by_its_name(checkpoint, tmp_path):
    policy = load_policy(str(checkpoint), device="cpu", engine="eager")
    source = Noise("training", range(2))
    everything = parse_sampler("all")
    collect(policy, source, everything, tmp_path / "s", layer="encoder_input")
    store = TokenStore(tmp_path / "s")
    assert store.info.layer == "encoder_input"
    first = next(source.frames(None)).observation
    wanted = policy.forward(policy.prepare([first]), tokens_layer="encoder_input").tokens[0]
    assert np.allclose(store.read(0).tokens[: len(wanted)], wanted, atol=2e-3, rtol=2e-3)
    with pytest.raises(PolicyError, match=r"encoder\.layers"):
        collect(policy, source, everything, tmp_path / "t", layer="decoder")


def test_train_and_eval_from_the_command_line(stores, checkpoint, tmp_path, capsys):
    _policy, training, held_out = stores
    sae = tmp_path / "sae"
    common = ["--data", str(training.folder), "--device", "cpu", "--threads", "1"]
    assert cli.main(["sae",
        "train", *common, "--out", str(sae), "--features", "64", "--k", "4", "--tokens", "20000",
        "--batch", "256", "--learning-rate", "3e-3", "--sampler", "all",
    ]) == 0  # fmt: skip
    assert "topk SAE, SHA-256" in capsys.readouterr().out
    report = tmp_path / "report.json"
    arguments = [
        "--sae", str(sae), "--policy", str(checkpoint), "--device", "cpu", "--action-frames", "10",
        "--json", str(report),
    ]  # fmt: skip
    assert cli.main(["sae", "eval", "--data", str(held_out.folder), *arguments]) == 0
    printed = capsys.readouterr().out
    assert "500000 tokens are the measure" in printed
    (result,) = json.loads(report.read_text())["results"].values()
    assert result["sae"]["l0"] == pytest.approx(4, abs=0.01)
    assert 0 < result["sae"]["explained_variance"] < 1
    assert result["pca"]["l0"] == 4
    assert -1 < result["recovered_action"] < 1
    assert result["action_frames"] == 10
    assert f"{result['sae']['explained_variance']:.4f}" in printed
    assert cli.main(["sae", "eval", "--data", str(training.folder), *arguments]) == 1
    assert "holds what the SAE was trained on (training)" in capsys.readouterr().err


def test_describe_correlates_features_with_joints_and_the_policys_actions(
    stores, checkpoint, tmp_path
):
    """Second route: each frame's own pass, encoded at once, NumPy's correlation."""
    policy, training, held_out = stores
    sae = tmp_path / "sae"
    assert cli.main(["sae",
        "train", "--data", str(training.folder), "--device", "cpu", "--out", str(sae),
        "--features", "64", "--k", "4", "--tokens", "5000", "--batch", "256",
    ]) == 0  # fmt: skip
    command = [
        "describe", "--sae", str(sae), "--out", str(tmp_path / "out"), "--names", "pan", "lift",
        "--policy", str(checkpoint), "--device", "cpu", "--actions",
    ]  # fmt: skip
    assert cli.main(["sae", *command, "--data", str(held_out.folder), "--others", str(sae)]) == 0
    content = json.loads((tmp_path / "out" / "features.json").read_text())
    kinds, joints = ("position", "velocity", "action"), ("pan", "lift", "2")
    assert content["about"]["signals"] == [f"{kind} {joint}" for kind in kinds for joint in joints]
    loaded, peaks, signals = load_sae(sae), [], []
    for stored in held_out.observations():
        result = policy.forward(policy.prepare([stored.observation]))
        tokens = torch.from_numpy(result.tokens[0].astype(np.float16).astype(np.float32))
        peaks.append(loaded.encode(tokens).numpy().max(axis=0))
        signals.append([*stored.observation[STATE], *result.chunks[0, 0]])
    peak, signal = np.array(peaks), np.array(signals)
    checked = 0
    for row in content["features"]:
        value = peak[:, row["feature"]]
        found = row["correlation"]
        if value.std() > 0.01:
            wanted = [np.corrcoef(value, column)[0, 1] for column in signal.T]
            np.testing.assert_allclose(found[:3] + found[6:], wanted, atol=2e-3)
            checked += 1
        assert row["matches"] == [
            {"sae": "sae", "feature": row["feature"], "cosine": pytest.approx(1)}
        ]
    assert checked > 5
    assert cli.main(["sae", *command, "--data", str(training.folder)]) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["polish"], "'polish' is not one of collect, train, eval"),
        (["train", "--data", "nothing", "--out", "x"], "nothing is no store of tokens"),
        (["eval", "--data", "nothing", "--sae", "x"], "nothing is no store of tokens"),
        (["collect", "--sim", "--out", "x", "--sampler", "each"], "sampler 'each' is none of all"),
        (["collect", "--sim", "--out", "x", "--policy", "none/"], "there is no folder none/"),
        (["collect", "--sim", "--out", "x", "--tokens", "0"], "must be at least 1"),
    ],
)
def test_wrong_arguments_are_one_sentence(arguments, words, complaint, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["sae", *arguments]) == 1
    said = complaint()
    assert words in said
    assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())
