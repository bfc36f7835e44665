# SPDX-License-Identifier: Apache-2.0
"""docs/own_robot.md from the contract to the dataset, with two arms, by the commands on the page.

The robot is a fake. The contract is the page's own, slower for busy machines.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import rclpy
import yaml
from bimanual import CAMERAS, JOINTS, RATE_HZ, SIDES, STAND, Bimanual, write_policy
from std_srvs.srv import SetBool

import pam_ros
from pam_ros.bags import BagReader
from pam_ros.msg import AttentionMap
from pam_ros.robot.stamps import stamp_nanoseconds
from pam_ros.show.report.packed import read_data

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "own_robot.md").read_text(encoding="utf-8")
LABELS = [f"{side}/{name}" for side in SIDES for name in JOINTS]
ATTENTION = "/act_attention/attention"
CHUNK = "/act_attention/predicted_chunk"
PATIENCE_S = 400.0
GRIPPER = 0.025
TICKS = 24
MAPS = 4
# Of the training data: an arm's joints in rad, its gripper in m.
MEAN = ([0.0] * 6 + [GRIPPER]) * len(SIDES)
STD = ([0.1] * 6 + [0.002]) * len(SIDES)


def commands() -> list[str]:
    """What steps 3 to 9 of the page tell a user to type, but for what is only looked at."""
    steps = PAGE[PAGE.index("## 3. ") : PAGE.index("## Without ROS 2")]
    lines = [line.strip() for line in steps.splitlines() if line.startswith("    ")]
    return [line for line in lines if line.startswith(("pam_ros ", "ros2 service call "))]


def contract() -> str:
    """The page's contract of two arms, at the rate of the fake robot."""
    two_arms = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[1]
    slower = f"rate_hz: {RATE_HZ}\nmax_age_s: 1.0"
    assert two_arms.count("rate_hz: 30.0") == 1
    return two_arms.replace("rate_hz: 30.0", slower)


class User:
    """Somebody at a shell in a folder, beside a robot. `maps`: those that it is shown."""

    def __init__(self, folder: Path, robot: Bimanual) -> None:
        self.folder = folder
        self.robot = robot
        self.maps: list[AttentionMap] = []
        self._running: list[subprocess.Popen] = []
        robot.peer.create_subscription(AttentionMap, ATTENTION, self.maps.append, 100)
        self._enabling = robot.peer.create_client(SetBool, "/act_attention/enable")

    def run(self, line: str) -> str:
        """Type a command that ends; what it said."""
        done = subprocess.run(
            self._words(line), cwd=self.folder, env=self._environment(), capture_output=True,
            text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout

    def start(self, line: str, log: str) -> subprocess.Popen:
        """Type a command that goes on until Ctrl-C."""
        with (self.folder / log).open("wb") as out:
            started = subprocess.Popen(
                self._words(line), cwd=self.folder, env=self._environment(), stdout=out,
                stderr=subprocess.STDOUT,
            )  # fmt: skip
        self._running.append(started)
        return started

    def stop(self, process: subprocess.Popen) -> None:
        """Press Ctrl-C."""
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0
        self._running.remove(process)

    def call(self, line: str) -> None:
        """Type a service call, until the answer is yes: the node may still be starting."""
        _, _, _, _, kind, request = shlex.split(line)
        assert kind == "std_srvs/srv/SetBool"
        said = []

        def agreed() -> bool:
            future = self._enabling.call_async(SetBool.Request(**yaml.safe_load(request)))
            if not wait(future.done):
                return False
            said.append(future.result().message)
            return future.result().success

        assert self._enabling.wait_for_service(timeout_sec=PATIENCE_S)
        assert wait(agreed), said

    def close(self) -> None:
        for process in self._running:
            process.kill()
            process.wait()

    def _words(self, line: str) -> list[str]:
        name, *words = shlex.split(line)
        assert name == "pam_ros"
        return [sys.executable, "-m", "pam_ros.cli", *words]

    def _environment(self) -> dict[str, str]:
        path = [str(Path(pam_ros.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))}


def wait(condition, seconds=PATIENCE_S) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def user(domain, tmp_path):
    write_policy(tmp_path / "user" / "act_so101", MEAN, STD)
    (tmp_path / "my_robot.yaml").write_text(contract())
    rclpy.init(args=[])
    robot = Bimanual(trajectories=True, gripper=GRIPPER)
    user = User(tmp_path, robot)
    robot.start()
    yield user
    user.close()
    robot.close()
    rclpy.try_shutdown()


def moved(robot: Bimanual) -> bool:
    """Whether both arms were told to go to several places."""
    return all(len({tuple(row) for _, _, row in robot.commands[side]}) > 3 for side in SIDES)


def messages(bag: Path, topic: str) -> list:
    with BagReader(bag) as reader:
        return [reader.decode(message) for message in reader.messages([topic])]


def shown(maps: list[AttentionMap]) -> int:
    """How many have a map."""
    return sum(bool(each.valid) for each in maps)


def check_it(user: User, lines: list[str]) -> None:
    alone, with_policy, live = (user.run(line) for line in lines)
    for said in (alone, with_policy, live):
        assert all(label in said for label in LABELS), said
    assert "it fits user/act_so101" in with_policy
    for side in SIDES:
        assert f"commands (/{side}/joint_trajectory): heard by bimanual" in live
    assert live.endswith("the graph keeps to it\n")


def check_what_it_looks_at(user: User) -> None:
    assert wait(lambda: any(each.valid for each in user.maps))
    shown = next(each for each in user.maps if each.valid)
    assert [camera.name for camera in shown.cameras] == list(CAMERAS)
    assert not any(user.robot.commands.values())


def check_that_both_arms_move(robot: Bimanual) -> None:
    assert wait(lambda: moved(robot)), robot.reports[-3:]
    for side in SIDES:
        _, names, first = robot.commands[side][0]
        assert names == list(JOINTS)
        assert first == pytest.approx([STAND[side]] * 6 + [GRIPPER], abs=1e-6)


def check_the_report(page: Path, said: str) -> None:
    (data,) = read_data(page)
    assert len(data["ticks"]) >= TICKS // 2
    assert f"{len(data['ticks'])} ticks" in said
    assert [camera["name"] for camera in data["cameras"]] == list(CAMERAS)
    assert all(camera["pictures"] for camera in data["cameras"])
    for role, topic in (("measured", "joint_states"), ("commanded", "joint_trajectory")):
        series = {each["topic"]: each for each in data["joints"] if each["role"] == role}
        assert sorted(series) == [f"/{side}/{topic}" for side in SIDES]
        named = [name for one in sorted(series) for name in series[one]["names"]]
        assert sorted(named) == sorted(LABELS)
    planned = [each["names"] for each in data["joints"] if each["role"] == "planned"]
    # On a busy machine the node may hear of the recorder only when all is over.
    recorded = messages(page.with_suffix(""), CHUNK)
    assert planned == ([LABELS] if recorded else [])


def check_the_replay(recorded: Path, replayed: Path, said: str) -> None:
    live, again = ({each.tick: each for each in messages(bag, ATTENTION)}
                   for bag in (recorded, replayed))  # fmt: skip
    assert f": {len(again)} ticks, {len(again)} with a map" in said
    assert "duplicate" not in said
    # The recorder came while the robot moved: it may have missed what its first maps are of.
    assert sorted(again) == sorted(live)[-len(again) :]
    assert len(live) - len(again) <= 4
    maps = [tick for tick, each in live.items() if each.valid and tick in again]
    assert len(maps) > 1
    for tick in maps:
        for one, other in zip(live[tick].cameras, again[tick].cameras, strict=True):
            assert stamp_nanoseconds(one.header.stamp) == stamp_nanoseconds(other.header.stamp)
            np.testing.assert_allclose(one.cells, other.cells, rtol=0, atol=1e-5)


def check_the_dataset(folder: Path, robot: Bimanual, said: str) -> None:
    import pyarrow.parquet

    info = json.loads((folder / "meta" / "info.json").read_text())
    for feature in ("observation.state", "action"):
        assert info["features"][feature]["names"] == LABELS
    assert info["fps"] == RATE_HZ
    assert info["total_frames"] >= TICKS // 2
    assert f"states and actions of all {info['total_frames']} frames are equal" in said
    tables = [pyarrow.parquet.read_table(file) for file in sorted(folder.glob("data/*/*.parquet"))]
    actions = np.array([row for table in tables for row in table["action"].to_pylist()], np.float32)
    assert actions.shape == (info["total_frames"], len(LABELS))
    for side, half in zip(SIDES, np.split(actions, len(SIDES), axis=1), strict=True):
        sent = {tuple(np.float32(row).tolist()) for _, _, row in robot.commands[side]}
        assert {tuple(row) for row in half.tolist()} <= sent


@pytest.mark.slow
def test_the_page_leads_from_a_contract_to_a_dataset(user):
    *checks, look, enable, disable, record, report, replay, export = commands()
    check_it(user, checks)

    node = user.start(look, "node.log")
    check_what_it_looks_at(user)
    user.call(enable)
    check_that_both_arms_move(user.robot)

    recorder = user.start(record, "recorder.log")
    log = user.folder / "recorder.log"
    assert wait(lambda: "recording into run1" in log.read_text()), log.read_text()
    assert wait(lambda: user.robot.peer.count_subscribers(CHUNK) > 0)
    run1, before = user.folder / "run1", len(user.maps)
    # On a busy machine the commands leave time for few maps.
    assert wait(lambda: len(user.maps) > before + TICKS and shown(user.maps[before:]) >= MAPS)
    user.call(disable)
    user.stop(recorder)
    user.stop(node)

    check_the_report(user.folder / "run1.html", user.run(report))
    check_the_replay(run1, user.folder / "run1_replayed", user.run(replay))
    check_the_dataset(user.folder / "dataset", user.robot, user.run(export))
    assert "Traceback" not in (user.folder / "node.log").read_text()
