# SPDX-License-Identifier: Apache-2.0
"""Two arms on a real ROS 2, each commanded as JointTrajectory on a topic of its own.

The controllers are fakes on ROS 2's own rclpy (two_arms_in_ros2.py), one process an arm.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytestmark = [pytest.mark.ros2, pytest.mark.slow, pytest.mark.timeout(900)]

HERE = Path(__file__).parent
STARTS = {"left": 0.6, "right": -0.6}
JOINTS = ["shoulder", "elbow", "wrist"]
PERIOD_S = 0.1
MAX_AGE_S, MAX_VELOCITY = 0.6, 0.5  # of the contract
HELD_S = MAX_AGE_S + 2 * PERIOD_S + 2.0
"""After so long both are held, also on a machine that is busy."""


class Robot:
    """The arms, the camera beside them, and the node that commands them."""

    def __init__(self, ros2, checkpoint):
        self._ros2 = ros2
        self.arms = {side: self.start(side) for side in STARTS}
        self.front = self._run("front")
        self.node = ros2.start(
            "launch", "pam_ros", "act_attention.launch.py",
            f"policy:={checkpoint}", f"contract:={HERE / 'two_arms.yaml'}",
        )  # fmt: skip
        self.node.wait_for(lambda line: "ms per forward pass" in line, timeout=180)

    def _run(self, *arguments):
        process = self._ros2.file(HERE / "two_arms_in_ros2.py", *arguments)
        process.wait_for_fact("ready")
        return process

    def start(self, side):
        return self._run(side, str(STARTS[side]))

    def enable(self):
        self._ros2.until(
            lambda text: "success=True" in text,
            "service", "call", "/act_attention/enable", "std_srvs/srv/SetBool", "{data: true}",
        )  # fmt: skip

    def commands(self, side, since=0.0):
        """When each was heard, its stamp, and its positions (3,)."""
        facts = [fact for fact in said(self.front, since) if fact.get("commanded") == side]
        assert all(fact["names"] == JOINTS and len(fact["points"]) == 1 for fact in facts)
        return [(fact["at"], fact["stamp"], np.array(fact["points"][0])) for fact in facts]

    def stands(self, side):
        """Where an arm's own driver says that it stands: now, and at first."""
        places = [fact["stands"] for fact in said(self.arms[side]) if "stands" in fact]
        return np.array(places[-1]), np.array(places[0])

    def wait_for_report(self, since, state, word=""):
        """The first report of a state since then, with a word in its message."""
        return wait(
            lambda: [
                fact
                for fact in said(self.front, since)
                if fact.get("state") == state and word in fact["message"]
            ],
            f"/diagnostics never said {state}, {word}",
        )[0]


def said(process, since=0.0):
    facts = [json.loads(line) for line in list(process.lines) if line.startswith("{")]
    return [fact for fact in facts if fact["at"] >= since]


def wait(find, otherwise, seconds=40.0):
    """What find() gives as soon as it is something."""
    end = time.monotonic() + seconds
    while not (found := find()):
        assert time.monotonic() < end, otherwise
        time.sleep(0.05)
    return found


@pytest.fixture(scope="module")
def robot(runnable, tmp_path_factory):
    """Enabled; both arms are away from where the policy wants them."""
    checkpoint = tmp_path_factory.mktemp("policy") / "act"
    made = runnable.command(sys.executable, str(HERE / "checkpoint.py"), str(checkpoint))
    assert made.returncode == 0, made.stderr
    robot = Robot(runnable, checkpoint)
    for side in STARTS:
        assert not robot.commands(side), "commanded before it was enabled"
    robot.enable()
    return robot


def test_both_arms_move_as_commanded_each_on_its_own_topic(robot):
    def follows(side):
        """Far from where it began, and where its last commands sent it."""
        now, first = robot.stands(side)
        sent = [positions for _, _, positions in robot.commands(side)]
        return len(sent) > 20 and abs(now - first).max() > 0.2 and near(now, sent[-10:])

    for side, start in STARTS.items():
        wait(lambda side=side: follows(side), f"the {side} arm does not follow its commands")
        sent = [positions for _, _, positions in robot.commands(side)]
        # From where this arm stood, and no faster than the contract says.
        assert abs(sent[0] - start).max() <= 2 * PERIOD_S * MAX_VELOCITY + 1e-6
        steps = abs(np.diff(sent, axis=0)).max()
        assert steps <= 2 * PERIOD_S * MAX_VELOCITY + 1e-6
        assert not [fact for fact in said(robot.arms[side]) if "refused" in fact]
    # A command of one part has one of the other, of the same moment.
    left, right = ([stamp for _, stamp, _ in robot.commands(side)] for side in STARTS)
    both = min(len(left), len(right))
    assert left[:both] == right[:both]


def near(place, sent):
    """Whether a place lies within what was sent lately, joint by joint."""
    return bool(
        (place >= np.min(sent, axis=0) - 0.02).all()
        and (place <= np.max(sent, axis=0) + 0.02).all()
    )


def test_a_driver_that_is_killed_holds_both_arms_and_one_that_returns_lets_both_go_on(robot):
    robot.wait_for_report(time.monotonic(), "running")
    robot.arms["right"].popen.kill()
    robot.arms["right"].popen.wait()
    killed = time.monotonic()
    report = robot.wait_for_report(killed, "holding", "/right/joint_states")
    assert report["level"] == 1
    late = killed + HELD_S
    for side in STARTS:
        held = wait(
            lambda side=side: robot.commands(side, late)[9:] and robot.commands(side, late),
            f"the {side} arm is not commanded while it is held",
        )
        assert len({tuple(positions) for _, _, positions in held}) == 1, f"{side} is not held"
        last = held[0][2]
    # The arm whose driver lives stands where it was sent last.
    assert abs(robot.stands("left")[0] - robot.commands("left")[-1][2]).max() < 0.01

    robot.arms["right"] = robot.start("right")
    back = time.monotonic()
    robot.wait_for_report(back, "running")
    # It goes on from its last command, however far the arm stands away by now.
    sent = [positions for at, _, positions in robot.commands("right", late)]
    assert abs(np.diff(np.array([last, *sent]), axis=0)).max() <= 2 * PERIOD_S * MAX_VELOCITY + 1e-6
