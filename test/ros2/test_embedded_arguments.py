# SPDX-License-Identifier: Apache-2.0
"""--ros-args of an embedded node, as the tools of a real ROS 2 see their effect."""

import importlib.util

import pytest
import yaml

pytestmark = pytest.mark.ros2
ASK = ("--no-daemon", "--spin-time", "1")


@pytest.fixture(scope="module")
def arm(ros2, tmp_path_factory):
    """/arm/near with a parameter from a file, one from the line, and a renamed topic."""
    if importlib.util.find_spec("cyclonedds") is None:
        pytest.skip("the embedded runtime needs cyclonedds: pip install 'pam_ros[embedded]'")
    if not ros2.has_services:
        pytest.skip("parameters are services, which need rmw_cyclonedds_cpp here")
    file = tmp_path_factory.mktemp("arguments") / "parameters.yaml"
    file.write_text("/**/near:\n  ros__parameters:\n    gain: 0.25\n    label: from the file\n")
    peer = ros2.embedded_peer(
        "near", "far", "--ros-args", "-r", "__ns:=/arm", "-r", "/near/chatter:=talk",
        "--params-file", str(file), "-p", "gain:=0.75",
    )  # fmt: skip
    peer.wait_for_fact("ready")
    return peer


def test_namespace_and_renamed_topic_show_in_node_info(ros2, arm):
    text = ros2.until(lambda text: "/arm/talk" in text, "node", "info", *ASK, "/arm/near")
    assert "/arm/talk: std_msgs/msg/String" in text
    assert "/near/chatter" not in text
    assert "/near/switch: std_srvs/srv/SetBool" in text
    assert "/arm/near/set_parameters: rcl_interfaces/srv/SetParameters" in text
    assert "/rosout: rcl_interfaces/msg/Log" in text


def test_the_line_wins_over_the_file_and_a_dump_loads_again(ros2, arm, tmp_path):
    dumped = ros2.until(lambda text: "gain" in text, "param", "dump", *ASK, "/arm/near")
    values = yaml.safe_load(dumped)["/arm/near"]["ros__parameters"]
    assert values["gain"] == 0.75
    assert values["label"] == "from the file"
    assert values["seed"] == 7
    changed = tmp_path / "changed.yaml"
    changed.write_text(dumped.replace("0.75", "0.5"))
    assert "gain successful" in ros2.run("param", "load", *ASK, "/arm/near", str(changed)).stdout
    assert "0.5" in ros2.run("param", "get", *ASK, "/arm/near", "gain").stdout


def test_what_a_node_logs_arrives_on_rosout(ros2, arm):
    listener = ros2.start(
        "topic", "echo", "--filter", "'heard' in m.msg", "/rosout", "rcl_interfaces/msg/Log"
    )
    ros2.run(
        "topic", "pub", "--times", "20", "-r", "5", "-w", "1",
        "/near/heard", "std_msgs/msg/String", "{data: a word}",
    )  # fmt: skip
    listener.wait_for(lambda line: line == "level: 30")
    listener.wait_for(lambda line: line == "name: arm.near")
    listener.wait_for(lambda line: line == "msg: heard a word")
