# SPDX-License-Identifier: Apache-2.0
"""Commands on a small SmolVLA and data sets that say what each episode was told."""

from __future__ import annotations

import numpy as np
import pytest
from sae_commands import PARTS, results

from pam_ros.ablation.report import from_json as ablation_of
from pam_ros.cli import main
from pam_ros.faithfulness.methods import parse
from pam_ros.faithfulness.probe import Probe
from pam_ros.faithfulness.report import from_json
from pam_ros.faithfulness.subject import Subject
from pam_ros.policy import PolicyError, load_policy
from pam_ros.policy.words import Saying
from pam_ros.sae.store.token_store import TokenStore
from pam_ros.sae.store.tokens import KIND_LANGUAGE

FRONT, WRIST = "observation.images.front", "observation.images.wrist"
CAMERAS = {FRONT: (96, 128), WRIST: (96, 128)}
TASKS = ("reach 0", "reach 1")
BLUE = "reach the blue cube"


@pytest.fixture
def data(tmp_path, diffusion_policy):
    from tiny_diffusion import write_frames

    made = {}
    for seed, part in enumerate(PARTS):
        sizes = {"joints": 4, "actions": 3, "seed": seed}
        made[part] = write_frames(tmp_path / "data" / part, CAMERAS, **sizes)
    return made


@pytest.fixture
def arguments(saved_smolvla, data):
    return ["--policy", str(saved_smolvla), "--device", "cpu", "--dataset", str(data["training"])]


def test_faithfulness_says_each_episode_its_words(arguments, tmp_path, capsys):
    more = ["--episodes", "2", "--methods", "cross_attention:1", "--quick", "--replace", "blur"]
    file = tmp_path / "report.json"
    assert main(["faithfulness", *arguments, *more, "--json", str(file)]) == 0
    assert "The policy was told: reach 0; reach 1." in capsys.readouterr().out
    found = from_json(file.read_text())
    assert found.instructions == TASKS
    assert np.isfinite(found.row("cross_attention:1").measures["score"].mean)


def test_faithfulness_says_what_was_asked_for_instead(reference, saved_smolvla):
    policy = load_policy(saved_smolvla, device="cpu")
    methods = parse("cross_attention:1", policy.spec)
    observation = reference().observation(np.random.default_rng(0))
    probes = [Probe(0, 25, observation, task=task) for task in TASKS]
    recorded = Subject(policy, methods)
    maps = []
    for probe in probes:
        assert recorded.say(probe) == policy.instruction == probe.task
        maps.append(recorded.values(observation)["cross_attention:1"])
    # Other words are another pass, and so another map.
    assert np.abs(maps[0] - maps[1]).max() > 1e-6
    asked = Subject(policy, methods, instruction=BLUE)
    assert [asked.say(probe) for probe in probes] == [BLUE] * 2
    assert policy.instruction == BLUE


def test_ablation_asks_it_with_the_words_of_each_episode(arguments, tmp_path):
    assert main(["ablate", *arguments, "--frames", "2", "--out", str(tmp_path / "out")]) == 0
    report = ablation_of((tmp_path / "out" / "ablation.json").read_text(), "file")
    assert report.noise == "common"
    for name in ("front", "wrist", "state", "words"):
        rows = [row for row in report.of_input(name) if row.moments]
        assert max(row.chunk.value for row in rows) > 1e-4


def test_sparse_features_go_from_tokens_to_broken_cameras(saved_smolvla, data, tmp_path):
    found = results(saved_smolvla, data, tmp_path / "out", FRONT, "encoder_input")
    # Of tokens of random pictures an SAE learns little; it is measured all the same.
    assert np.isfinite(found["eval"]["recovered_action"])
    assert found["eval"]["action_frames"] == 6
    assert len(found["features"]["features"]) == 32
    black = found["ood"][str(tmp_path / "out" / "black")]
    assert black["detector"]["auroc"] > 0.8
    store = TokenStore(tmp_path / "out" / "training")
    frames = list(store.observations())
    assert [frame.task for frame in frames] == [TASKS[frame.episode] for frame in frames]
    policy = load_policy(saved_smolvla, device="cpu")
    policy.take_tokens("encoder_input")
    shard = store.read(0)
    for frame in (frames[0], frames[-1]):
        policy.instruct(frame.task)
        (language,) = policy.spec.layout.of_kind("language")
        here = (shard.episode == frame.episode) & (shard.frame == frame.frame)
        words = here & (shard.kind == KIND_LANGUAGE)
        assert list(shard.token[words]) == list(range(language.start, language.stop))
        tokens = policy.forward(policy.prepare([frame.observation])).tokens[0]
        expected = tokens[language.start : language.stop]
        np.testing.assert_allclose(shard.tokens[words], expected, atol=2e-3, rtol=2e-3)


def test_tokens_are_those_of_the_words_that_were_asked_for(arguments, tmp_path):
    out = tmp_path / "asked"
    more = ["--instruction", BLUE, "--observations", "--out", str(out)]
    assert main(["sae", "collect", *arguments, *more]) == 0
    store = TokenStore(out)
    assert {frame.task for frame in store.observations()} == {BLUE}
    assert store.info.dataset.endswith(f", told {BLUE!r}")


def test_without_any_words_one_sentence_names_the_option(saved_smolvla):
    policy = load_policy(saved_smolvla, device="cpu")
    saying = Saying(policy)
    with pytest.raises(PolicyError, match="nothing says which: name them with --instruction"):
        saying.at("")
    assert saying.at("reach it") == policy.instruction == "reach it"
    assert Saying(policy).at("") == "reach it"
    assert Saying(policy, BLUE).at("reach it") == policy.instruction == BLUE
