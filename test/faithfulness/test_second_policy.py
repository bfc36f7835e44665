# SPDX-License-Identifier: Apache-2.0
"""Faithfulness of a policy class that pam_ros does not know, in processes of its own."""

from types import SimpleNamespace

import numpy as np
import pytest

from pam_ros.cli import main
from pam_ros.faithfulness.methods import parse
from pam_ros.faithfulness.probe import Probe
from pam_ros.faithfulness.report import from_json
from pam_ros.faithfulness.subject import BATCH, NOISE_OWN, NOISE_SHARED, Subject, Work, measured
from pam_ros.policy import load_policy

CAMERAS = {"observation.images.top": (240, 320), "observation.images.wrist": (240, 320)}


@pytest.fixture
def folder(second_policy, tmp_path):
    return second_policy(tmp_path / "second", CAMERAS, joints=6)


def test_its_attention_is_measured_in_another_process(folder):
    rng = np.random.default_rng(0)
    observation = {
        name: rng.integers(0, 256, (*size, 3), np.uint8) for name, size in CAMERAS.items()
    }
    observation["observation.state"] = np.zeros(6, np.float32)
    methods = parse("joint_attention:1,rollout", load_policy(folder, device="cpu").spec)
    work = Work(
        policy=str(folder),
        device="cpu",
        methods=methods,
        pictures={},
        replace=("blur",),
        baselines=True,
        bfloat16=False,
        jobs=1,
    )
    (moment,) = measured([Probe(0, 0, observation)], work)
    assert {"joint_attention:1", "rollout", "random", "centre"} <= set(moment.pairs)
    assert {"deletion_blur", "insertion_blur"} <= set(moment.pairs["rollout"])


def observed(seed):
    rng = np.random.default_rng(seed)
    pictures = {name: rng.integers(0, 256, (*size, 3), np.uint8) for name, size in CAMERAS.items()}
    return {**pictures, "observation.state": np.zeros(6, np.float32)}


def test_all_spoilt_pictures_of_a_moment_draw_the_originals_noise(folder):
    policy = load_policy(folder, device="cpu")
    subject = Subject(policy, ())
    assert subject.noise == NOISE_SHARED
    original, spoilt = observed(0), observed(1)
    # More than one batch of them.
    found = subject.chunks([original, *[spoilt] * BATCH])
    alone = policy.forward(policy.prepare([spoilt])).normalised[0]
    policy.hold_noise(original)
    alike = policy.forward(policy.prepare([spoilt])).normalised[0]
    policy.hold_noise(None)
    assert np.abs(alike - alone).max() > 1e-3
    for chunk in found[1:]:
        np.testing.assert_allclose(chunk, alike, atol=1e-5)


def test_a_policy_that_cannot_share_its_noise_is_measured_and_told_apart(folder):
    policy = load_policy(folder, device="cpu")
    own = SimpleNamespace(spec=policy.spec, prepare=policy.prepare, forward=policy.forward)
    subject = Subject(own, ())
    assert subject.noise == NOISE_OWN
    alone = policy.forward(policy.prepare([observed(1)])).normalised[0]
    np.testing.assert_allclose(subject.chunks([observed(0), observed(1)])[1], alone, atol=1e-5)


def test_a_table_says_what_it_lacks_and_all_weights_are_shuffled_at_once(
    folder, tmp_path, capsys, caplog
):
    file = tmp_path / "report.json"
    arguments = ["--policy", str(folder), "--device", "cpu", "--episodes", "2", "--seed", "900"]
    arguments += ["--methods", "rollout,grad_cam", "--quick", "--sanity", "1"]
    assert main(["faithfulness", *arguments, "--json", str(file)]) == 0
    out = capsys.readouterr().out
    assert "| grad_cam" in out
    assert "no map: the policy gives no gradients" in out
    assert "all drew the same" in out
    assert "grad_cam is left out: the policy gives no gradients" in caplog.text
    assert "2 of 2 moments" in caplog.text
    assert "cells are replaced by blur" in caplog.text
    report = from_json(file.read_text())
    assert report.lacking == {"grad_cam": "the policy gives no gradients"}
    assert list(report.row("rollout").sanity) == ["all"]
    assert report.row("rollout").cost > 0
    assert "score" in report.row("rollout").measures

    # Added rows are measured as the earlier ones were, however busy the machine is now.
    arguments[arguments.index("rollout,grad_cam")] = "joint_attention:1"
    more = tmp_path / "more.json"
    added = ["--add", str(file), "--json", str(more)]
    assert main(["faithfulness", *arguments[:-2], *added]) == 0
    both = from_json(more.read_text())
    assert both.lacking == report.lacking
    assert set(both.row("joint_attention:1").measures) == set(report.row("rollout").measures)
    assert both.row("joint_attention:1").above_rollout["score"].episodes == 2


def test_gradients_that_it_lacks_are_told_before_anything_is_simulated(folder, capsys):
    arguments = ["--policy", str(folder), "--episodes", "2", "--methods", "grad_cam"]
    assert main(["faithfulness", *arguments]) == 1
    assert "gives no gradients, so grad_cam must be left out" in capsys.readouterr().err
