# SPDX-License-Identifier: Apache-2.0
"""Rows about parameters, processes that die and disks that are full."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faults.node_process import NodeProcess
from faults.trial import Expect, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from faults.bench import Bench


@contextmanager
def _parameters(bench: Bench) -> Iterator[None]:
    """Good and bad values of live parameters, and one that may not change, as fast as they go."""
    from rcl_interfaces.msg import Parameter, ParameterValue  # noqa: PLC0415
    from rcl_interfaces.srv import SetParameters  # noqa: PLC0415

    text = {"type": 4}
    values: list[tuple[str, dict[str, Any], bool]] = [
        ("attention_method", {**text, "string_value": "cross_attention"}, True),
        ("overlay_alpha", {"type": 3, "double_value": 0.3}, True),
        ("overlay_alpha", {"type": 3, "double_value": float("nan")}, False),
        ("attention_method", {**text, "string_value": "guess"}, False),
        ("attention_layer", {"type": 2, "integer_value": 99}, False),
        ("enabled", {**text, "string_value": "yes"}, False),
        ("rate_hz", {"type": 3, "double_value": 500.0}, False),
        ("attention_method", {**text, "string_value": "rollout"}, True),
    ]
    bench.answers = []
    end = time.monotonic() + 3.0
    while time.monotonic() < end:
        for name, value, good in values:
            request = SetParameters.Request(
                parameters=[Parameter(name=name, value=ParameterValue(**value))]
            )
            response = bench.call(SetParameters, "/act_attention/set_parameters", request)
            result = None if response is None else response.results[0]
            bench.answers.append((name, good, result))
    yield


def _answers(bench: Bench, _seen: float, _until: float) -> list[str]:
    found = []
    for name, good, result in bench.answers:
        if result is None:
            found.append(f"setting {name} got no answer")
        elif result.successful != good:
            found.append(f"{name}: {'refused' if good else 'taken'}: {result.reason}")
        elif not good and not result.reason:
            found.append(f"{name} was refused without a reason")
    return sorted(set(found))


@contextmanager
def _guard_killed(bench: Bench) -> Iterator[None]:
    guards = [pid for pid, line in bench.node.children().items() if "command_guard" in line]
    for pid in guards:
        os.kill(pid, signal.SIGKILL)
    bench.answers = guards
    yield


def _guard_is_back(bench: Bench, _seen: float, _until: float) -> list[str]:
    if not bench.answers:
        return ["the node has no guard process"]

    def back() -> bool:
        found = [pid for pid, line in bench.node.children().items() if "command_guard" in line]
        return bool(set(found) - set(bench.answers))

    return [] if bench.wait(back, 30.0) else ["no new guard was started"]


@contextmanager
def _full_disk(bench: Bench) -> Iterator[None]:
    """The recorder on a disk of one megabyte, beside the node that commands."""
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        disk = Path(name) / "disk"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
        subprocess.run(mount, check=True)
        topics = Path(name) / "topics.yaml"
        topics.write_text(json.dumps({"topics": ["/top/image_raw", "/joint_commands"]}))
        parameters = {"bag": disk / "bag", "topics_file": topics}
        recorder = NodeProcess.of_node("recorder", Path(name) / "recorder.log", parameters)
        bench.answers = [recorder, disk / "bag"]
        try:
            bench.wait(lambda: "No space left" in recorder.log_since(0), 180.0)
            yield
        finally:
            recorder.stop()
            subprocess.run(["umount", str(disk)], check=False)  # noqa: S607


def _recorder_said_so(bench: Bench, _seen: float, _until: float) -> list[str]:
    """It lives, says what is wrong, and what was on the disk before can be read after a repair."""
    from pam_ros.bags import BagError, BagReader, repair  # noqa: PLC0415

    recorder, bag = bench.answers
    found = []
    if "No space left" not in recorder.log_since(0):
        found.append("the recorder's log does not say that the disk is full")
    if not recorder.alive:
        found.append("the recorder has ended")
    recorder.stop()
    with tempfile.TemporaryDirectory(prefix="faults-") as name:
        copy = Path(name) / "bag"
        subprocess.run(["cp", "-r", str(bag), str(copy)], check=True)  # noqa: S607
        try:
            repair(copy)
            with BagReader(copy) as reader:
                messages = sum(1 for _ in reader.messages())
        except BagError as error:
            return [*found, f"the bag cannot be read: {error}"]
    return found if messages > 10 else [*found, f"{messages} messages are left of the bag"]


PROCESS_ROWS = (
    Row(
        "parameters change while running",
        "good and bad values and one that is fixed, without a pause",
        _parameters,
        Expect.RUNS,
        "running",
        seconds=0.5,
        also=_answers,
    ),
    Row(
        "disk full",
        "a recorder on a full disk, beside the node",
        _full_disk,
        Expect.RUNS,
        "running",
        also=_recorder_said_so,
    ),
    Row(
        "kill -9 of the command guard",
        "the process that holds while the node stands still",
        _guard_killed,
        Expect.RUNS,
        r"command guard has ended with status -9|command_guard_restarts: [1-9]",
        also=_guard_is_back,
    ),
)
