# SPDX-License-Identifier: Apache-2.0
"""Topics that a node's namespace and remappings make one are refused before anything is sent."""

from __future__ import annotations

from dataclasses import replace

import pytest
import rclpy

from pam_ros.nodes.act.topic_names import check_topics
from pam_ros.robot import ContractError, load_contract


@pytest.fixture
def two_parts(contract):
    """A contract that commands the same joints on two topics of these names."""
    made = load_contract(contract())
    (part,) = made.command.parts

    def name(*topics):
        parts = tuple(replace(part, topic=topic) for topic in topics)
        return replace(made, command=replace(made.command, parts=parts))

    return name


@pytest.fixture
def node(domain):
    made = []

    def make(*arguments):
        rclpy.init(args=["--ros-args", *arguments])
        made.append(rclpy.create_node("subject"))
        return made[0]

    yield make
    for each in made:
        each.destroy_node()
    rclpy.try_shutdown()


def test_topics_that_stay_apart_are_taken(node, two_parts):
    check_topics(node("-r", "__ns:=/robot"), two_parts("cmd", "/cmd"))


@pytest.mark.parametrize(
    ("topics", "arguments", "sentence"),
    [
        (("cmd", "/cmd"), (), "commands on cmd and on /cmd are all /cmd on this node"),
        (("/left", "/right"), ("-r", "/left:=/right"),
         "commands on /left and on /right are all /right on this node"),
        (("joint_states",), (),
         "commands on joint_states and the state on /joint_states are all /joint_states on this"),
        (("/go",), ("-r", "/go:=/joint_states"), "commands on /go and the state on /joint_states"),
    ],
)  # fmt: skip
def test_topics_that_become_one_are_refused(node, two_parts, topics, arguments, sentence):
    with pytest.raises(ContractError, match=sentence):
        check_topics(node(*arguments), two_parts(*topics))
