# SPDX-License-Identifier: Apache-2.0
"""`pam_ros enable`, `disable`, `reset`, `param` and `topics` beside a running node."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import pytest

pytestmark = pytest.mark.usefixtures("domain")


def pam_ros(*arguments):
    """A command as from a shell: exit status, output, errors."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-m", "pam_ros.cli", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    errors = "".join(
        line for line in done.stderr.splitlines(keepends=True) if "embedded ROS 2" not in line
    )
    return done.returncode, done.stdout, errors


@pytest.fixture
def robot(attention_robot):
    robot = attention_robot()
    robot.spin(wait=False)
    return robot


def value(robot, name):
    return robot.node.get_parameter(name).value


@pytest.fixture
def moving(robot):
    """Its cameras and joints go on while a command starts."""
    ended = threading.Event()

    def publish():
        while not ended.wait(0.05):
            robot.observe()

    thread = threading.Thread(target=publish)
    thread.start()
    yield robot
    ended.set()
    thread.join()


def test_the_robot_is_enabled_reset_and_disabled(moving):
    robot = moving
    status, out, errors = pam_ros("enable", "--timeout", "60")
    assert (status, errors) == (0, "")
    assert out.startswith("/act_attention: ")
    assert value(robot, "enabled") is True
    assert pam_ros("reset", "--timeout", "60")[0] == 0
    assert pam_ros("disable", "--timeout", "60")[0] == 0
    assert value(robot, "enabled") is False


def test_a_refusal_is_status_one_with_the_nodes_reason(attention_robot):
    robot = attention_robot()
    robot.spin(wait=False)
    robot.node.trigger_deactivate()
    status, out, errors = pam_ros("enable", "--timeout", "60")
    assert (status, out) == (1, "")
    assert errors.startswith("/act_attention: not enabled: the node is not active")
    assert value(robot, "enabled") is False


def test_parameters_are_listed_read_and_set(robot):
    status, out, _ = pam_ros("param", "list", "--timeout", "60")
    assert status == 0
    assert "overlay_alpha: 0.6\n" in out
    assert "enabled: false\n" in out
    assert pam_ros("param", "set", "overlay_alpha", "0.5", "--timeout", "60")[:2] == (
        0,
        "overlay_alpha: 0.5\n",
    )
    assert value(robot, "overlay_alpha") == 0.5
    assert pam_ros("param", "get", "overlay_alpha", "--timeout", "60")[1] == "0.5\n"
    status, out, errors = pam_ros("param", "set", "overlay_alpha", "7.0", "--timeout", "60")
    assert (status, out) == (1, "")
    assert "/act_attention refuses overlay_alpha: " in errors
    assert value(robot, "overlay_alpha") == 0.5
    text = "reach: the red cube # fast"  # no text to YAML
    assert pam_ros("param", "set", "instruction", text, "--timeout", "60")[0] == 0
    assert value(robot, "instruction") == text
    status, _, errors = pam_ros("param", "get", "no_such", "--timeout", "60")
    assert status == 1
    assert "pam_ros param get: /act_attention has no parameter no_such" in errors


def test_topics_have_types_and_counts(robot):
    status, out, _ = pam_ros("topics", "--timeout", "60")
    assert status == 0
    lines = {line.split()[0]: line.split()[1:] for line in out.splitlines()}
    assert lines["/act_attention/attention"] == [
        "pam_ros/msg/AttentionMap",
        *["1", "out", "0", "in"],
    ]
    assert "/rosout" not in lines
    assert "/rosout " in pam_ros("topics", "--all", "--timeout", "60")[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["enable"], "nobody offers the service /act_attention/enable in ROS_DOMAIN_ID"),
        (["reset", "--node", "left/act"], "nobody offers the service /left/act/reset in"),
        (["param", "list"], "nobody offers parameters as /act_attention in ROS_DOMAIN_ID"),
        (["topics"], "no topic was found: is a node running in this ROS_DOMAIN_ID"),
    ],
)
def test_an_empty_graph_is_one_sentence(arguments, words):
    status, out, errors = pam_ros(*arguments, "--timeout", "0.3")
    assert (status, out) == (1, "")
    assert words in errors
    assert len(errors.splitlines()) == 1
