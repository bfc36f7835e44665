# SPDX-License-Identifier: Apache-2.0
"""The commands on a policy that has learnt nothing: there is no view that follows the words."""

import json
from importlib.util import find_spec

import cv2
import pytest

if find_spec("transformers") is None or find_spec("num2words") is None:
    pytest.skip("needs lerobot[smolvla]", allow_module_level=True)

import torch

from pam_ros.policy.interface import PolicyError
from pam_ros.share.folders import share_directory
from pam_ros.sim.words.checkpoint import save_checkpoint
from pam_ros.sim.words.draws import Draws
from pam_ros.sim.words.lerobot_api import SmolVLAPolicy
from pam_ros.sim.words.model import config
from pam_ros.sim.words.stats import Stats
from pam_ros.sim.words.vlm_folder import write_vlm_folder
from research import views_of_words, words_picture


@pytest.fixture(scope="module")
def untrained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("untrained")
    write_vlm_folder(folder / "vlm")
    draws = Draws()
    stats = Stats.of(draws, 12)
    draws.close()
    torch.manual_seed(0)
    save_checkpoint(SmolVLAPolicy(config(folder / "vlm")), stats, folder / "policy")
    return folder / "policy"


@pytest.fixture(autouse=True)
def threads(monkeypatch):
    """Threads are the test run's own matter."""
    monkeypatch.setattr(views_of_words, "pin_threads", lambda count: None)
    monkeypatch.setattr(views_of_words, "ask_for_threads", lambda count: None)


def test_no_view_of_an_untrained_policy_follows_the_words(untrained, tmp_path, capsys):
    file = tmp_path / "views.json"
    arguments = ["--policy", str(untrained), "--scenes", "4", "--json", str(file)]
    assert views_of_words.main(arguments) == 0
    printed = capsys.readouterr().out
    content = json.loads(file.read_text())
    # Two expert stacks and rollout, two layers each, and four layers of the prefix.
    weights = 3 * 2 * (4 + 1) * (10 + 1) + 4 * (4 + 1) * 3
    beside = [view["method"] for view in content["views"][weights:]]
    assert beside == ["contribution", "token_contribution", "random map", "centre of the picture"]
    of_weights = content["views"][:weights]
    assert all(abs(view["top"]["margin"]["value"]) < 0.03 for view in of_weights)
    # Two scenes prove nothing, and their interval says so.
    assert all(follow == 0 for _, _, follow, _ in content["following"])
    assert f"the best that parameters choose is {content['best_shown']['method']}" in printed or (
        content["best"] == content["best_shown"]
    )


def test_the_picture_of_a_view_of_another_policy_is_refused(untrained, tmp_path, capsys):
    file = tmp_path / "views.json"
    file.write_text(json.dumps({"policy_sha256": "another"}))
    with pytest.raises(SystemExit):
        words_picture.main(["--policy", str(untrained), "--views", str(file), "--out", "x.png"])
    assert "another policy" in capsys.readouterr().err


def test_a_policy_that_reads_no_words_is_one_sentence():
    with pytest.raises(PolicyError, match="it reads no words"):
        views_of_words.main(["--policy", str(share_directory() / "models" / "demo_act")])


def test_the_picture_has_a_column_for_each_instruction(untrained, tmp_path):
    file = tmp_path / "words.png"
    assert words_picture.main(["--policy", str(untrained), "--out", str(file)]) == 0
    picture = cv2.imread(str(file))
    height, width, _ = picture.shape
    assert width == 3 * 480 + 2 * words_picture.GAP
    assert height > 2 * 360 + 2 * words_picture.GAP
    one, two, three = (picture[:, left : left + 480] for left in (0, 488, 976))
    assert (one != two).any()
    assert (two != three).any()
