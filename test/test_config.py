# SPDX-License-Identifier: Apache-2.0
"""The shipped configuration says what the code does."""

import yaml

from pam_ros.nodes.act.parameter_table import REQUIRED, TABLE
from pam_ros.nodes.kit.parameter_file import parameter_file
from pam_ros.nodes.kit.parameters import Declared
from pam_ros.share.folders import share_directory


def test_the_parameter_file_holds_every_parameter_with_its_default():
    text = (share_directory() / "config" / "act_attention.yaml").read_text()
    given = yaml.safe_load(text)["/**/act_attention"]["ros__parameters"]
    assert given == {p.name: p.default for p in TABLE if p.name not in REQUIRED}


def test_a_list_and_an_example_are_written_as_yaml_reads_them():
    section = (
        Declared("names", ["a", "b"], "Two texts.", read_only=False),
        Declared("none", [], "No text."),
        Declared("folder", "", "It must be given.", example="/somewhere"),
    )
    text = parameter_file("one", "What it is.", {"All": section})
    assert yaml.safe_load(text) == {
        "/**/one": {"ros__parameters": {"names": ["a", "b"], "none": []}}
    }
    assert text.startswith("# What it is.\n/**/one:\n")
    assert "    # Live. Two texts.\n    names:\n" in text
    assert "    # It must be given.\n    # folder: /somewhere\n" in text


def test_required_parameters_are_explained_but_not_set():
    text = (share_directory() / "config" / "act_attention.yaml").read_text()
    for name in REQUIRED:
        assert f"# {name}:" in text


def test_the_record_file_covers_what_a_replay_of_the_demo_needs():
    folder = share_directory() / "config"
    topics = set(yaml.safe_load((folder / "record.yaml").read_text())["topics"])
    contract = yaml.safe_load((folder / "robots" / "demo_arm.yaml").read_text())
    needed = {camera["topic"] for camera in contract["cameras"]}
    needed |= {contract["state"]["topic"], contract["command"]["topic"]}
    assert needed <= topics
