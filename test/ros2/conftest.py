# SPDX-License-Identifier: Apache-2.0
"""A real ROS 2 with each of its middlewares, and this package built for it."""

import importlib.util
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from real_ros2 import DOMAINS, RMWS, RosTwo, build_workspace, find_colcon, find_ros2, sourced


@pytest.fixture(scope="session")
def ros2_environment():
    environment = find_ros2()
    if environment is None:
        pytest.skip("no ROS 2 found: source one, or name its setup file in PAM_ROS_ROS2_SETUP")
    return environment


@pytest.fixture(scope="module")
def open_ros2(ros2_environment):
    """Opens the ROS 2 of this machine with a middleware, in a domain of its own."""
    opened = []

    def make(rmw, inside=()):
        found = RosTwo(ros2_environment, rmw, next(DOMAINS), inside)
        if found.share(rmw) is None:
            pytest.skip(f"this ROS 2 has no {rmw}")
        opened.append(found)
        return found

    yield make
    for each in opened:
        each.close()


@pytest.fixture(scope="module", params=RMWS)
def ros2(request, open_ros2):
    """The ROS 2 of this machine, once with each middleware."""
    return open_ros2(request.param)


@pytest.fixture(scope="session")
def built(ros2_environment, tmp_path_factory):
    """A colcon workspace with this package."""
    if find_colcon(ros2_environment) is None:
        pytest.skip("colcon was not found: apt-get install python3-colcon-common-extensions")
    return build_workspace(ros2_environment, tmp_path_factory.mktemp("workspace"))


@pytest.fixture(scope="module")
def workspace(ros2, built):
    """The workspace, sourced on top of ROS 2."""
    ros2.environment = sourced(built / "install" / "local_setup.bash", ros2.environment)
    return built


@pytest.fixture(scope="module")
def ros2_python(ros2):
    """The same, where the tests' interpreter can import its rclpy."""
    done = ros2.python("import rclpy")
    if done.returncode:
        pytest.skip(f"this Python cannot import ROS 2's rclpy: {done.stderr.splitlines()[-1]}")
    return ros2


@pytest.fixture(scope="module")
def bag_tools(ros2):
    """The same, where it has rosbag2."""
    if ros2.run("bag", "--help").returncode:
        pytest.skip("this ROS 2 has no `ros2 bag`")
    return ros2


@pytest.fixture(scope="module")
def embedded(ros2):
    """A node of the embedded runtime, /near, which looks for /far."""
    if importlib.util.find_spec("cyclonedds") is None:
        pytest.skip("the embedded runtime needs cyclonedds: pip install 'pam_ros[embedded]'")
    peer = ros2.embedded_peer("near", "far")
    peer.wait_for_fact("ready")
    return peer


@pytest.fixture(scope="module")
def runnable(ros2_python, workspace):
    """The workspace, where the interpreter that runs its nodes has the policy's libraries."""
    done = ros2_python.python("import rclpy, torch, lerobot")
    if done.returncode:
        pytest.skip(f"the nodes cannot run with this Python: {done.stderr.splitlines()[-1]}")
    return ros2_python
