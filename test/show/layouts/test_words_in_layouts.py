# SPDX-License-Identifier: Apache-2.0
"""The strip of words is in the layouts of a policy that reads some, and in no others."""

import ast
import json

import pytest
import yaml

from pam_ros.cli import main
from pam_ros.share.folders import find_contract, share_directory

RQT, FOXGLOVE, RVIZ = "pam_ros.perspective", "pam_ros.foxglove.json", "pam_ros.rviz"
STRIP = "/act_attention/words/image"


def shown(text, name):
    """The topics of all pictures."""
    if name == RVIZ:
        displays = yaml.safe_load(text)["Visualization Manager"]["Displays"]
        return [one["Topic"]["Value"] for one in displays if one["Class"].endswith("/Image")]
    content = json.loads(text)
    if name == FOXGLOVE:
        panels = content["configById"].values()
        return [panel["imageMode"]["imageTopic"] for panel in panels if "imageMode" in panel]
    groups = content["groups"]["pluginmanager"]["groups"].values()
    keys = [group["groups"]["plugin"]["keys"] for group in groups]
    return [ast.literal_eval(key["topic"]["repr"]) for key in keys]


def leaves(layout):
    if isinstance(layout, str):
        return [layout]
    return leaves(layout["first"]) + leaves(layout["second"])


@pytest.fixture
def told(tmp_path):
    given = find_contract("demo_arm").read_text(encoding="utf-8")
    file = tmp_path / "told.yaml"
    file.write_text(f"{given}\ninstruction: reach the red cube\n", encoding="utf-8")
    return str(file)


@pytest.mark.parametrize("name", [RQT, FOXGLOVE, RVIZ])
def test_a_contract_with_an_instruction_has_it(told, tmp_path, name):
    assert main(["layouts", "--contract", told, "--out", str(tmp_path / "told")]) == 0
    text = (tmp_path / "told" / name).read_text()
    without = shown((share_directory() / "config" / name).read_text(), name)
    strip = f"{STRIP}/compressed" if name == FOXGLOVE else STRIP
    assert shown(text, name) == [*without, strip]
    if name == FOXGLOVE:
        content = json.loads(text)
        assert sorted(leaves(content["layout"])) == sorted(content["configById"])
    elif name == RQT:
        running = json.loads(text)["groups"]["pluginmanager"]["keys"]["running-plugins"]["repr"]
        assert ast.literal_eval(running) == {"rqt_image_view/ImageView": [1, 2, 3]}


def test_one_without_has_it_where_it_is_asked_for(tmp_path):
    assert main(["layouts", "--out", str(tmp_path / "plain")]) == 0
    asked = ["layouts", "--out", str(tmp_path / "asked"), "--words", "--node", "/left/watcher"]
    assert main(asked) == 0
    for name in (RQT, FOXGLOVE, RVIZ):
        plain, words = ((tmp_path / one / name).read_text() for one in ("plain", "asked"))
        assert STRIP not in plain
        assert shown(words, name)[-1].startswith("/left/watcher/words/image")
