# SPDX-License-Identifier: Apache-2.0
"""fit, break and eval as they are typed, on a small random ACT policy."""

from __future__ import annotations

import json
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.act.modeling_act import ACTPolicy
from lerobot.policies.factory import make_pre_post_processors

from pam_ros import cli
from pam_ros.observations.source import Frame
from pam_ros.policy import load_policy
from pam_ros.sae.collect.collector import collect
from pam_ros.sae.store.token_store import TokenStore
from pam_ros.sae.store.tokens import parse_sampler

TOP, WRIST, STATE = "observation.images.top", "observation.images.wrist", "observation.state"
HEIGHT, WIDTH, TICKS, WINDOW = 64, 96, 8, 3
RATE = 0.1


class Arm:
    """A bar that goes through two pictures with the joint; the pictures differ in colour."""

    def __init__(self, episodes: range) -> None:
        self.dataset, self.episodes = f"arm {episodes}", episodes

    def frames(self, after):
        for episode in self.episodes:
            rng = np.random.default_rng(episode)
            start, end = rng.uniform(0, 0.2), rng.uniform(0.6, 1)
            for frame, joint in enumerate(np.linspace(start, end, TICKS)):
                observation = {STATE: np.array([joint, 1 - joint, joint**2], np.float32)}
                for camera, colour in ((TOP, (200, 60, 30)), (WRIST, (20, 90, 160))):
                    image = rng.integers(100, 110, (HEIGHT, WIDTH, 3), dtype=np.uint8)
                    image[:, :, camera == TOP] += 60
                    column = int(joint * (WIDTH - 20))
                    image[10:50, column : column + 20] = colour
                    observation[camera] = image
                if after is None or (episode, frame) > after:
                    yield Frame(episode, frame, observation)


def small_policy(folder) -> None:
    torch.manual_seed(0)
    config = ACTConfig(
        input_features={
            TOP: PolicyFeature(FeatureType.VISUAL, (3, HEIGHT, WIDTH)),
            WRIST: PolicyFeature(FeatureType.VISUAL, (3, HEIGHT, WIDTH)),
            STATE: PolicyFeature(FeatureType.STATE, (3,)),
        },
        output_features={"action": PolicyFeature(FeatureType.ACTION, (3,))},
        pretrained_backbone_weights=None, device="cpu", dim_model=32, n_heads=4,
        dim_feedforward=48, n_encoder_layers=1, n_vae_encoder_layers=1, chunk_size=4,
        n_action_steps=2,
    )  # fmt: skip
    ones = {name: (3, 1, 1) if "images" in name else (3,) for name in (TOP, WRIST, STATE, "action")}
    stats = {
        name: {"mean": torch.zeros(size), "std": torch.ones(size)} for name, size in ones.items()
    }
    for part in (ACTPolicy(config).eval(), *make_pre_post_processors(config, dataset_stats=stats)):
        part.save_pretrained(folder)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """A folder with policy, stores and an SAE with its detector, by the commands."""
    folder = tmp_path_factory.mktemp("commands")
    small_policy(folder / "policy")
    policy = load_policy(str(folder / "policy"), device="cpu")
    parts = {"training": range(40), "calibration": range(80, 200), "normal": range(200, 260)}
    for name, episodes in parts.items():
        collect(
            policy, Arm(episodes), parse_sampler("all"), folder / name, layer="encoder_input",
            observations=name != "training",
        )  # fmt: skip
    run(
        "train", "--data", folder / "training", "--out", folder / "sae", "--features", 64, "--k", 8,
        "--tokens", 40_000, "--batch", 256, "--learning-rate", 1e-3, "--device", "cpu",
        "--threads", 1,
    )  # fmt: skip
    run(
        "ood", "fit", "--sae", folder / "sae", "--data", folder / "training", "--calibration",
        folder / "calibration", "--window", WINDOW, "--rate", RATE, "--threads", 1,
    )  # fmt: skip
    return folder


def run(*words) -> int:
    """The status of `pam_ros sae ...`."""
    status = cli.main(["sae", *(str(word) for word in words)])
    assert status == 0
    return status


def break_store(folder, kind, *more) -> TokenStore:
    name = "-".join([kind, *(str(word).rpartition(".")[2] for word in more)])
    run(
        "ood", "break", "--policy", folder / "policy", "--device", "cpu", "--threads", 1, "--data",
        folder / "normal", "--kind", kind, *more, "--episodes", 6, "--out", folder / name,
    )  # fmt: skip
    return TokenStore(folder / name)


def test_faults_are_told_from_normal_episodes_beside_two_baselines(fitted, capsys):
    stores = [
        break_store(fitted, "frozen", "--cameras", TOP),
        break_store(fitted, "frozen", "--cameras", WRIST),
        break_store(fitted, "black", "--cameras", WRIST),
        break_store(fitted, "swapped"),
    ]
    capsys.readouterr()
    run(
        "ood", "eval", "--sae", fitted / "sae", "--normal", fitted / "normal", "--calibration",
        fitted / "calibration", "--other", *(store.folder for store in stores), "--json",
        fitted / "eval.json", "--threads", 1, "--draws", 5,
    )  # fmt: skip
    printed = capsys.readouterr().out
    content = json.loads((fitted / "eval.json").read_text())
    assert (content["rate"], content["window"]) == (RATE, WINDOW)
    assert len(content["redrawn_false_alarms"]) == 5
    assert "calibration drawn anew 5 times: false alarms" in printed
    found = content["results"]
    normal = found.pop(str(fitted / "normal"))
    assert normal["episodes"] == 60
    assert normal["detector"]["flagged"] <= 2 * RATE
    assert list(found) == [str(store.folder) for store in stores]
    for name, row in found.items():
        assert row["episodes"] == 6
        assert row["detector"]["ticks"] == 6 * (TICKS - WINDOW + 1)
        assert row["detector"]["flagged"] >= 0.95
        assert row["detector"]["auroc"] > 0.95
        assert {"tokens", "pictures"} < set(row)
        shares = row["flagged_by_episode"]
        assert list(shares) == [str(episode) for episode in range(200, 206)]
        # Episodes of one length: the mean of their shares is the store's.
        assert np.mean(list(shares.values())) == pytest.approx(row["detector"]["flagged"])
        assert f"{name}\n  detector   flagged {row['detector']['flagged']:6.1%}" in printed
    # Every single picture of a frozen camera is a usual one.
    frozen = found[str(stores[0].folder)]
    assert frozen["pictures"]["flagged"] < 0.5 < frozen["detector"]["flagged"]


def test_a_broken_store_holds_the_broken_pictures_and_the_tokens_of_them(fitted):
    store = break_store(fitted, "half", "--cameras", WRIST)
    normal = list(TokenStore(fitted / "normal").observations())
    tokens = store.read(0).tokens.reshape(6 * TICKS, store.info.tokens, -1)
    usual = TokenStore(fitted / "normal").read(0).tokens.reshape(-1, store.info.tokens, 32)
    top = slice(2, 8)
    for number, frame in enumerate(store.observations()):
        before = normal[number]
        assert (frame.episode, frame.frame) == (before.episode, before.frame)
        assert (frame.observation[TOP] == before.observation[TOP]).all()
        assert (frame.observation[STATE] == before.observation[STATE]).all()
        black = (frame.observation[WRIST] == 0).all(axis=2)
        assert black.mean() == 0.5
        assert (frame.observation[WRIST][~black] == before.observation[WRIST][~black]).all()
        np.testing.assert_array_equal(tokens[number, top], usual[number, top])
        assert (tokens[number, 8:] != usual[number, 8:]).any(axis=1).all()
    assert store.info.dataset == "half wrist: first 6 episodes of arm range(200, 260)"


def test_pictures_are_left_out_where_asked_and_so_is_their_baseline(fitted):
    store = break_store(fitted, "noise", "--no-observations")
    assert not store.info.keeps_observations
    run(
        "ood", "eval", "--sae", fitted / "sae", "--normal", fitted / "normal", "--calibration",
        fitted / "calibration", "--other", store.folder, "--json", fitted / "noise.json",
    )  # fmt: skip
    row = json.loads((fitted / "noise.json").read_text())["results"][str(store.folder)]
    assert row["detector"]["flagged"] >= 0.95
    assert "tokens" in row
    assert "pictures" not in row


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--kind", "rain"), "noise, black, frozen, half, swapped, cube_colour, light"),
        (("--kind", "black", "--cameras", "left"), "there is no camera 'left'"),
        (("--kind", "swapped", "--cameras", TOP), "swapped needs more cameras than 1"),
        (("--kind", "light", "--cameras", TOP), "all cameras see it"),
        (("--kind", "black", "--episodes", "0"), "--episodes 0 must be at least 1"),
        (("--kind", "light"), "only episodes collected with --sim can be rendered anew"),
    ],
)
def test_what_cannot_be_broken_is_one_sentence(fitted, tmp_path, capsys, words, said):
    if words == ("--kind", "light") and find_spec("mujoco") is None:
        pytest.skip("mujoco is not installed")
    policy = ["--policy", str(fitted / "policy"), "--device", "cpu"]
    data = ["--data", str(fitted / "normal"), "--out", str(tmp_path / "out")]
    assert cli.main(["sae", "ood", "break", *policy, *data, *words]) == 1
    printed = capsys.readouterr().err
    assert said in printed
    assert "Traceback" not in printed
    assert not (tmp_path / "out" / "manifest.json").exists()
