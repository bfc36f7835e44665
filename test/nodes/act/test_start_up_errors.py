# SPDX-License-Identifier: Apache-2.0
"""What a user can mend ends in one sentence, exit status 1 and no traceback."""

import json

import pytest
import rclpy
from rclpy.parameter import Parameter

from pam_ros.nodes.kit.parameters import Declared, declare


@pytest.fixture
def refused(run_node, checkpoint, contract):
    """The sentence with which the attention node refuses to start."""

    def run(**parameters) -> str:
        given = {"policy": checkpoint, **parameters}
        if "contract" not in given:
            given["contract"] = contract()
        status, errors = run_node("act_attention", **given)
        assert status == 1, errors
        assert "Traceback" not in errors
        (sentence,) = [line for line in errors.splitlines() if line.startswith("pam_ros: ")]
        return sentence

    return run


def test_a_missing_checkpoint(refused, tmp_path):
    assert str(tmp_path / "nothing") in refused(policy=tmp_path / "nothing")


def test_a_policy_of_no_known_type(refused, checkpoint, tmp_path):
    folder = tmp_path / "other"
    folder.mkdir()
    config = json.loads((checkpoint / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "type": "tdmpc"}))
    sentence = refused(policy=folder)
    assert "tdmpc" in sentence
    assert "act" in sentence


def test_an_unknown_parameter_and_what_was_meant(refused):
    sentence = refused(overlay_alfa=0.5)
    assert "overlay_alfa" in sentence
    assert "overlay_alpha" in sentence


def test_parameters_for_other_nodes_are_ignored_with_one_warning(domain, capfd):
    """As a section `/**` of a parameter file for the whole robot brings them."""
    given = {"robot_base_frame": "base_link", "controller_frequency": 20.0, "bag": "here"}
    overrides = [Parameter(name, value=value) for name, value in given.items()]
    rclpy.init(args=[])
    node = rclpy.create_node("recorder", parameter_overrides=overrides)
    try:
        assert declare(node, (Declared("bag", "", "A folder."),)) == {"bag": "here"}
    finally:
        node.destroy_node()
        rclpy.shutdown()
    (warning,) = [line for line in capfd.readouterr().err.splitlines() if "[WARN]" in line]
    assert "no parameter 'controller_frequency', 'robot_base_frame': ignored" in warning


def test_a_parameter_out_of_range(refused):
    assert "overlay_alpha" in refused(overlay_alpha=3.0)


def test_a_parameter_that_is_missing(refused):
    assert "'contract'" in refused(contract='""')


def test_a_camera_that_the_policy_lacks(refused, contract):
    file = contract()
    file.write_text(file.read_text().replace("observation.images.top", "observation.images.side"))
    sentence = refused(contract=file)
    assert "observation.images.side" in sentence
    assert "observation.images.top" in sentence


def test_a_contract_that_is_no_contract(refused, tmp_path):
    file = tmp_path / "broken.yaml"
    file.write_text("robot: x\nrate: 10\n")
    assert "rate_hz" in refused(contract=file)


def test_an_unknown_contract_lists_those_there_are(refused):
    assert "demo_arm" in refused(contract="so999")


def test_an_unknown_node(run_node):
    status, errors = run_node("act_atention")
    assert status == 1
    assert "act_attention" in errors
