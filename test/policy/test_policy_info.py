# SPDX-License-Identifier: Apache-2.0
"""`pam_ros policy info`, on a policy with words and on one of ACT."""

from __future__ import annotations

import json

import pytest
from engine_checks import wrapped

from pam_ros.cli import main
from pam_ros.policy import load_policy
from pam_ros.policy.info import info_of, text_of

TOP, SIDE = "observation.images.top", "observation.images.side"


@pytest.fixture
def checkpoint(reference_policy, tmp_path):
    return reference_policy(cameras={TOP: (64, 96)}, environment_dim=3).save(tmp_path / "act")


def test_json_has_what_the_spec_says_and_a_measured_time(checkpoint, capsys):
    assert main(["policy", "info", str(checkpoint), "--json", "--passes", "2"]) == 0
    out, err = capsys.readouterr()
    info, spec = json.loads(out), load_policy(checkpoint).spec
    assert "loading" in err
    assert info["sha256"] == spec.sha256
    assert info["reads"]["images"] == {TOP: {"height": 64, "width": 96}}
    assert {name: v["dim"] for name, v in info["reads"]["vectors"].items()} == {
        spec.state_feature: spec.state_dim,
        spec.environment_feature: 3,
    }
    assert info["writes"]["mean"] == list(spec.statistics["action"].mean)
    assert len(info["writes"]["std"]) == spec.action_dim
    assert sum(group["count"] for group in info["tokens"]) == spec.layout.size
    assert {"cross_attention", "rollout", "contribution", "grad_cam"} <= set(info["methods"])
    assert "Batching" in info["abilities"]
    assert "Instructed" not in info["abilities"]
    assert info["engine"]["name"] == "eager"
    assert info["forward_seconds"] > 0


def test_the_text_names_all_of_it(checkpoint, capsys):
    assert main(["policy", "info", str(checkpoint), "--passes", "1"]) == 0
    text = capsys.readouterr().out
    for line in (f"{TOP}: 96 x 64 pixels", "2 x 3 of " + TOP, "engine here: eager, float32"):
        assert line in text
    assert " ms a pass: " in text
    assert "words" not in text


def test_nothing_is_timed_where_that_is_not_wanted(checkpoint, capsys):
    assert main(["policy", "info", str(checkpoint), "--passes", "0", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["forward_seconds"] is None
    assert main(["policy", "info", str(checkpoint), "--passes", "0"]) == 0
    assert "a pass" not in capsys.readouterr().out


def test_a_policy_with_words_history_and_noise(second_policy, tmp_path):
    policy = load_policy(second_policy(tmp_path / "second", {TOP: (64, 96), SIDE: (32, 48)}))
    info = info_of(policy, 0)
    assert info["reads"]["words"]
    assert info["reads"]["observations"] == policy.spec.history > 1
    assert info["writes"]["stochastic"]
    text = text_of(info)
    for part in ("an instruction", "the last ", "denoising step", "joint"):
        assert part in text
    assert "grad_cam" not in info["methods"]


def test_the_rate_is_that_of_the_chunks(reference_policy):
    info = info_of(wrapped(reference_policy(cameras={}, environment_dim=2), "eager"), 0)
    info["forward_seconds"] = 0.5
    info["writes"].update(chunk_mode="queue", n_action_steps=5)
    assert "keeps up with 10 Hz at most" in text_of(info)
    info["writes"]["chunk_mode"] = "temporal_ensemble"
    assert "allows 2 Hz at most" in text_of(info)


def test_a_policy_without_cameras_shows_no_contributions(reference_policy):
    info = info_of(wrapped(reference_policy(cameras={}, environment_dim=2), "eager"), 0)
    assert "rollout" in info["methods"]
    assert not {"contribution", "token_contribution", "grad_cam"} & set(info["methods"])


def test_a_checkpoint_without_statistics_says_so(reference_policy):
    info = info_of(wrapped(reference_policy(cameras={}, environment_dim=2), "eager"), 0)
    for name in ("mean", "std", "min", "max"):
        info["writes"].pop(name, None)
    assert "no statistics in the checkpoint" in text_of(info)


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["info", "/nowhere/at/all"], 1, "pam_ros policy info: there is no folder /nowhere/at/all"),
        (["info", "x", "--passes", "-1"], 2, "'-1' must be a whole number, 0 or more"),
        ([], 2, "the following arguments are required: JOB"),
    ],
)
def test_what_cannot_be_is_one_sentence(arguments, status, words, capsys):
    try:
        found = main(["policy", *arguments])
    except SystemExit as error:
        found = error.code
    assert found == status
    assert words in capsys.readouterr().err
