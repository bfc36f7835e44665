# SPDX-License-Identifier: Apache-2.0
"""What `ros2 bag record` made of raw topics alone, replayed."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "replay"))
from recorded_robot import (
    ATTENTION,
    CONTRACT,
    START_NS,
    TYPES,
    difference,
    observed,
    read,
    save_checkpoint,
    write_bag,
)

from pam_ros.replay.one_bag import replay_bag
from pam_ros.replay.settings import ReplaySettings

pytestmark = [pytest.mark.ros2, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("policy")
    save_checkpoint(folder)
    contract = folder / "contract.yaml"
    contract.write_text(CONTRACT.format(trigger="trigger: top"))
    return ReplaySettings(policy=str(folder), contract=str(contract), threads=1)


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_recording_of_raw_topics_replays_without_a_miss(ros2, settings, tmp_path, storage):
    if ros2.run("bag", "--help").returncode or ros2.share(f"rosbag2_storage_{storage}") is None:
        pytest.skip(f"this ROS 2 has no `ros2 bag` for {storage}")
    robot = write_bag(tmp_path / "robot", observed(30))
    raw = [topic for topic in TYPES if topic != "/joint_commands"]
    recorder = ros2.start("bag", "record", "-s", storage, "-o", str(tmp_path / "recorded"),
                          "--topics", *raw)  # fmt: skip
    recorder.wait_for(lambda line: "All requested topics are subscribed" in line
                      or "Listening for topics" in line)  # fmt: skip
    player = ros2.start("bag", "play", "--delay", "3", str(robot))
    assert player.popen.wait(120) == 0
    time.sleep(1.0)
    recorder.stop()
    out = tmp_path / "out"
    report = replay_bag(tmp_path / "recorded", out, settings)
    assert report.valid == report.ticks == 30
    assert not report.counts
    direct = tmp_path / "direct"
    replay_bag(robot, direct, settings)
    assert difference(read(out, ATTENTION), read(direct, ATTENTION)) <= 1e-6
    info = ros2.run("bag", "info", str(out)).stdout
    assert f"Topic: {ATTENTION} | Type: pam_ros/msg/AttentionMap | Count: 30" in info


def test_the_command_runs_beside_a_sourced_ros2(ros2, settings, tmp_path):
    """In ROS 2's environment, where pam_ros may be the sources' or the workspace's."""
    robot = write_bag(tmp_path / "robot", observed(3))
    done = subprocess.run(
        [sys.executable, "-m", "pam_ros.cli", "replay", str(robot), "--out", str(tmp_path / "out"),
         "--policy", settings.policy, "--contract", settings.contract, "--threads", "1"],
        env=ros2.environment, cwd=Path(__file__).parents[2], capture_output=True, text=True,
        check=False, timeout=300,
    )  # fmt: skip
    assert "3 ticks, 3 with a map" in done.stdout, done.stderr


@pytest.mark.usefixtures("bag_tools")
def test_the_launch_file_plays_a_recording_to_the_node(runnable, settings, tmp_path):
    """The node takes its time from the recording, and only what it reads is played."""
    robot = write_bag(tmp_path / "robot", observed(300))
    launched = runnable.start(
        "launch", "pam_ros", "replay.launch.py", f"bag:={robot}", f"policy:={settings.policy}",
        f"contract:={settings.contract}", "delay:=20.0",
    )  # fmt: skip
    done = runnable.run(
        "topic", "echo", "--once", "--filter", "m.valid", ATTENTION, "pam_ros/msg/AttentionMap",
        timeout=240,
    )  # fmt: skip
    message = next(yaml.safe_load_all(done.stdout))
    stamp = (
        message["header"]["stamp"]["sec"] * 1_000_000_000 + message["header"]["stamp"]["nanosec"]
    )
    assert 0 <= stamp - START_NS < 30 * 1_000_000_000
    assert message["header"]["frame_id"] == "top"
    # The node announces commands and, disabled, sends none; nor does the player send the recorded.
    silent = runnable.run("topic", "echo", "--once", "--timeout", "3", "/joint_commands")
    assert "position" not in silent.stdout
    launched.stop()
    assert "Traceback" not in "\n".join(launched.lines)
