# SPDX-License-Identifier: Apache-2.0
"""The guard has the enclave and the logging of the node that starts it, and nothing else."""

from __future__ import annotations

import sys
import time

import pytest
import rclpy
import rclpy.logging

from pam_ros.nodes.guard.link import GuardLink
from pam_ros.nodes.kit.ros_arguments import enclave_and_logging
from pam_ros.robot import load_contract


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("", ""),
        ("node", ""),
        ("node --ros-args -p rate_hz:=5.0 -r __node:=x --params-file f.yaml", ""),
        ("node --ros-args --enclave /arm --log-level debug", "--enclave /arm --log-level debug"),
        ("node --ros-args -e /arm -r a:=b --log-level x:=warn", "-e /arm --log-level x:=warn"),
        ("node --log-level debug --ros-args --disable-rosout-logs", "--disable-rosout-logs"),
        ("node --ros-args -e /arm -- --log-level debug", "-e /arm"),
        ("node --ros-args -e /arm -- x --ros-args --log-level info", "-e /arm --log-level info"),
    ],
)
def test_enclave_and_logging_are_kept_of_a_command_line(line, kept):
    assert enclave_and_logging(line.split()) == ("--ros-args", *kept.split())


@pytest.mark.usefixtures("patient_guard")
def test_the_guard_is_in_the_nodes_enclave_under_its_own_name(domain, contract, monkeypatch):
    given = ["--ros-args", "--enclave", "/arm", "--log-level", "warn", "-r", "__node:=looks"]
    monkeypatch.setattr(sys, "argv", ["act_attention", *given])
    rclpy.init()
    node = rclpy.create_node("act_attention")
    link = GuardLink(node, load_contract(contract()).command, 0.5)
    try:
        link.wait_until_ready()
        end = time.monotonic() + 60.0
        wanted = ("looks_guard", "/", "/arm")
        while time.monotonic() < end and wanted not in enclaves(node):
            time.sleep(0.05)
        assert wanted in enclaves(node)
    finally:
        link.close()
        node.destroy_node()
        rclpy.try_shutdown()
        rclpy.logging.clear_config()  # levels are the process's


def enclaves(node):
    return node.get_node_names_and_namespaces_with_enclaves()
