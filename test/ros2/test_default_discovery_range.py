# SPDX-License-Identifier: Apache-2.0
"""ROS 2 with its default discovery range, SUBNET, beside an embedded node with its own.

They need not see each other. The embedded node's log says which variable brings them together.
"""

import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "rclpy_cyclone"))
from network import NoNetworkError, own_network

pytestmark = [pytest.mark.ros2, pytest.mark.timeout(300)]
RANGE = "ROS_AUTOMATIC_DISCOVERY_RANGE"


@pytest.fixture(scope="module")
def inside():
    """What a command begins with to run in a network of its own."""
    try:
        with own_network() as prefix:
            yield prefix
    except NoNetworkError as error:
        pytest.skip(f"no network of its own here: {error}")


@pytest.fixture(scope="module", params=["rmw_cyclonedds_cpp", "rmw_fastrtps_cpp"])
def ros2(request, open_ros2, inside):
    """ROS 2 as it is after sourcing: no variable of discovery is set."""
    found = open_ros2(request.param, inside)
    for variable in (RANGE, "CYCLONEDDS_URI"):
        del found.environment[variable]
    return found


def test_the_log_names_the_variable_and_its_values(ros2, embedded):
    embedded.wait_for(lambda line: f"set {RANGE}=LOCALHOST there, or SUBNET here" in line)


@pytest.mark.parametrize("cure", ["LOCALHOST there", "SUBNET here"])
def test_with_it_they_talk_both_ways(ros2, cure):
    value, side = cure.split()
    environment = ros2.environment if side == "there" else ros2.embedded_environment
    environment[RANGE] = value
    name = f"near_{value.lower()}"
    peer = ros2.embedded_peer(name, "far")
    try:
        peer.wait_for_fact("ready")
        done = ros2.run("topic", "echo", "--once", f"/{name}/chatter", "std_msgs/msg/String")
        assert re.search(rf"data: {name} \d+", done.stdout), done.stdout + done.stderr
        done = ros2.run(
            # With Fast DDS some seconds pass before this side knows the publisher.
            "topic", "pub", "--times", "60", "-r", "5", "-w", "1",
            f"/{name}/heard", "std_msgs/msg/String", "{data: from ROS 2}",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        peer.wait_for_fact("heard", lambda text: text == "from ROS 2")
    finally:
        del environment[RANGE]
        peer.stop()
