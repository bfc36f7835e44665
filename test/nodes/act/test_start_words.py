# SPDX-License-Identifier: Apache-2.0
"""The line that ends a start."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("enabled", "words"),
    [
        (
            False,
            (
                "ready: disabled, it moves nothing; `pam_ros enable --node /left/act_attention` "
                "enables it. Heat: /left/act_attention/attention/top/image"
            ),
        ),
        (
            True,
            (
                "ready: enabled, it commands the robot from its first observation on; "
                "`pam_ros disable --node /left/act_attention` disables it. "
                "Heat: /left/act_attention/attention/top/image"
            ),
        ),
    ],
)
def test_it_names_what_can_be_copied(attention_robot, capfd, monkeypatch, enabled, words):
    monkeypatch.delenv("AMENT_PREFIX_PATH", raising=False)
    attention_robot(ros_arguments=("-r", "__ns:=/left"), enabled=enabled)
    said = capfd.readouterr()
    lines = [line for line in (said.out + said.err).splitlines() if "ready: " in line]
    assert len(lines) == 1
    assert lines[0].endswith(words)


def test_a_service_of_another_name_is_named(attention_robot, capfd, monkeypatch):
    renamed = ("-r", "~/enable:=/robot/go")
    monkeypatch.delenv("AMENT_PREFIX_PATH", raising=False)
    attention_robot(ros_arguments=renamed)
    said = capfd.readouterr()
    assert "`pam_ros enable --service /robot/go` enables it." in said.out + said.err


def test_beside_ros_2_it_is_ros_2s_own_command(attention_robot, capfd, monkeypatch):
    monkeypatch.setenv("AMENT_PREFIX_PATH", "/opt/ros/jazzy")
    attention_robot()
    said = capfd.readouterr()
    assert (
        '`ros2 service call /act_attention/enable std_srvs/srv/SetBool "{data: true}"` enables it.'
    ) in said.out + said.err
