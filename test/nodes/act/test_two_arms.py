# SPDX-License-Identifier: Apache-2.0
"""Two arms through the real node: checked, enabled, moved, held as one when one falls silent."""

from __future__ import annotations

import subprocess
import sys
import time

import pytest
import rclpy
from bimanual import JOINTS, LIMIT, MAX_AGE_S, SIDES, STAND, Bimanual, write_contract, write_policy
from std_srvs.srv import SetBool

PATIENCE_S = 90.0


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    return write_policy(tmp_path_factory.mktemp("bimanual"))


def wait(condition, seconds=PATIENCE_S) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def robot(domain, policy, tmp_path):
    """The robot, and the node that is to move it."""
    from pam_ros.nodes.act.node import ActAttentionNode

    given = {"policy": policy, "contract": write_contract(tmp_path / "bimanual.yaml"),
             "torch_threads": 1, "engine": "eager", "command_guard": "false",
             "soft_start_s": 0.2}  # fmt: skip
    arguments = [word for name, value in given.items() for word in ("-p", f"{name}:={value}")]
    rclpy.init(args=["--ros-args", *arguments])
    node, robot = ActAttentionNode(), Bimanual()
    node.start()
    robot.start(node)
    yield robot
    robot.close()
    node.close()
    node.destroy_node()
    rclpy.try_shutdown()


def enable(robot) -> None:
    client = robot.peer.create_client(SetBool, "/act_attention/enable")
    assert client.wait_for_service(timeout_sec=PATIENCE_S)
    said = []

    def enabled() -> bool:
        future = client.call_async(SetBool.Request(data=True))
        if not wait(future.done):
            return False
        said.append(future.result().message)
        return future.result().success

    assert wait(enabled), said
    assert wait(lambda: all(robot.commands.values())), said


def newest(robot, side, since=0.0):
    return [positions for at, _, positions in list(robot.commands[side]) if at >= since]


def told(robot, since, sentence) -> bool:
    """Whether /diagnostics has said so since then."""
    return any(sentence in said for at, said in list(robot.reports) if at > since)


def both_move(robot, since) -> bool:
    """Whether both arms have been commanded to different places since then."""
    return all(
        len({tuple(positions) for positions in newest(robot, side, since)}) > 2 for side in SIDES
    )


def test_both_arms_begin_where_they_stand_move_and_are_held_as_one(robot):
    enable(robot)
    for side in SIDES:
        _, names, first = robot.commands[side][0]
        assert names == list(JOINTS)
        assert first == pytest.approx([STAND[side]] * len(JOINTS), abs=1e-6)
    assert wait(lambda: both_move(robot, 0.0))
    for side in SIDES:
        assert all(abs(value) <= LIMIT for row in newest(robot, side) for value in row)

    robot.alive -= {"right_arm", "right_gripper"}
    died = time.monotonic()
    # Before that, sets of its last messages still count.
    assert wait(lambda: told(robot, died + MAX_AGE_S, "/right/joint_states"))
    held_since = time.monotonic()
    assert wait(lambda: all(len(newest(robot, side, held_since)) > 5 for side in SIDES))
    for side in SIDES:
        assert len({tuple(positions) for positions in newest(robot, side, held_since)}) == 1

    robot.alive |= {"right_arm", "right_gripper"}
    back = time.monotonic()
    assert wait(lambda: both_move(robot, back))


def test_a_gripper_driver_alone_that_dies_holds_both_arms_and_is_named(robot):
    enable(robot)
    assert wait(lambda: both_move(robot, 0.0))
    robot.alive.discard("left_gripper")
    died = time.monotonic()
    assert wait(lambda: told(robot, died, "/left/joint_states: joint message lacks 'gripper'"))
    held_since = time.monotonic()
    assert wait(lambda: all(len(newest(robot, side, held_since)) > 5 for side in SIDES))
    for side in SIDES:
        assert len({tuple(positions) for positions in newest(robot, side, held_since)}) == 1


def test_a_robot_with_a_silent_arm_is_not_enabled(robot):
    robot.alive -= {"right_arm", "right_gripper"}
    time.sleep(MAX_AGE_S)
    client = robot.peer.create_client(SetBool, "/act_attention/enable")
    assert client.wait_for_service(timeout_sec=PATIENCE_S)
    said = []

    def named() -> bool:
        future = client.call_async(SetBool.Request(data=True))
        assert wait(future.done)
        assert not future.result().success
        said.append(future.result().message)
        # On a busy machine the other arm may be late, and be named too.
        return said[-1] == (
            "not enabled: no recent joint state to start from: "
            "nothing recent on /right/joint_states"
        )

    assert wait(named), said
    assert not any(robot.commands.values())


def test_the_running_robot_keeps_to_its_contract(domain, policy, tmp_path):
    file = write_contract(tmp_path / "bimanual.yaml")
    rclpy.init(args=[])
    robot = Bimanual()
    robot.start()
    command = [sys.executable, "-m", "pam_ros.cli", "contract", "check", str(file), "--live"]
    command += ["--policy", str(policy), "--seconds", "3"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    finally:
        robot.close()
        rclpy.try_shutdown()
    assert done.returncode == 0, done.stderr
    assert "[13] right/gripper, rad; within -3 to 3 rad, at most 1 rad/s" in done.stdout
    for side in SIDES:
        assert f"the joint state (/{side}/joint_states): " in done.stdout
        assert f"commands (/{side}/joint_commands): heard by bimanual" in done.stdout
