# SPDX-License-Identifier: Apache-2.0
"""rclpy's own tests against this repository's runtime, file by file.

usage: run_rclpy_tests.py RCLPY TEST_MSGS [FILE ...]

RCLPY is a checkout of ros2/rclpy, branch jazzy; TEST_MSGS the share folder of an installed
test_msgs, as /opt/ros/jazzy/share/test_msgs. ROS 2 must not be sourced. Each file has a process and
a DDS domain of its own. Prints a row per file, the names of what failed, and the sum. The exit
status is 1 if fewer passed than AT_LEAST; with FILE, as test_node.py, if one failed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree as ET

ROOT = Path(__file__).resolve().parents[1]
AT_LEAST = 417
"""422 pass; five of them wait for timers of 1 and 10 ms, which a busy machine can miss."""
LEFT_OUT = frozenset({
    "test_action_client.py", "test_action_graph.py", "test_action_server.py",
    "test_service_introspection.py", "test_type_description_service.py", "test_waitable.py",
})  # fmt: skip
"""Tests of parts that the runtime does not have."""
WAIT_S = 600
_RUN = """
import importlib.util, sys, types
from pathlib import Path
import pytest
from rclpy_cyclone import install
share = Path(sys.argv[1])
install(interfaces={"test_msgs": share})
import rclpy
import test_msgs.msg
# Parts that the runtime does not have: a file that imports one has other tests too.
def anything(name):
    if name.startswith("__"):  # The module's own attributes: inspect asks each module for __file__.
        raise AttributeError(name)
    return type(name, (), {})
for name in ("waitable", "type_description_service"):
    part = types.ModuleType(f"rclpy.{name}")
    part.__getattr__ = anything
    sys.modules[part.__name__] = part
test_msgs.msg.WStrings = type("WStrings", (), {})
for file in share.parents[1].glob("lib/python*/site-packages/test_msgs/message_fixtures.py"):
    spec = importlib.util.spec_from_file_location("test_msgs.message_fixtures", file)
    sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[spec.name])
sys.exit(pytest.main(sys.argv[2:]))
"""


def run_file(file: Path, messages: Path, domain: int, folder: Path) -> dict[str, str]:
    """Outcome by test: passed, failure, error or skipped; of a file that gave none, its own."""
    report = folder / f"{file.stem}.xml"
    log = folder / f"{file.stem}.log"
    command = [sys.executable, "-c", _RUN, str(messages), "-p", "no:cacheprovider", "-q",
               f"--junitxml={report}", str(file)]  # fmt: skip
    environment = os.environ | {"ROS_DOMAIN_ID": str(domain), "PYTHONPATH": str(ROOT)}
    with log.open("wb") as output:
        try:
            subprocess.run(
                command, cwd=folder, env=environment, stdout=output, stderr=output,
                timeout=WAIT_S, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return {"(file)": f"no end within {WAIT_S} s"}
    if not report.is_file():
        return {"(file)": log.read_text(errors="replace").strip().rpartition("\n")[2]}
    outcomes = {}
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 (pytest wrote it)
        kinds = {child.tag for child in case} & {"failure", "error", "skipped"}
        name = f"{(case.get('classname') or '').rpartition('.')[2]}::{case.get('name')}"
        outcomes[name] = kinds.pop() if kinds else "passed"
    return outcomes


def main(arguments: list[str]) -> int:
    """Run them and print the table."""
    if len(arguments) < 2:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    tests = Path(arguments[0]) / "rclpy" / "test"
    messages = Path(arguments[1])
    for folder in (tests, messages / "msg"):
        if not folder.is_dir():
            sys.stderr.write(f"run_rclpy_tests.py: no folder {folder}\n")
            return 2
    files = sorted(file.name for file in tests.glob("test_*.py") if file.name not in LEFT_OUT)
    unknown = sorted(set(arguments[2:]) - set(files))
    if unknown:
        sys.stderr.write(f"run_rclpy_tests.py: no such test file: {', '.join(unknown)}\n")
        return 2
    passed = counted = 0
    failed: list[str] = []
    with tempfile.TemporaryDirectory(prefix="rclpy_tests_") as made:
        folder = Path(made)
        # Elsewhere than beside rclpy's sources, which would hide the runtime.
        shutil.copytree(tests, folder / "test")
        # It only tells Windows where to find libraries, with a package of ROS 2's.
        (folder / "test" / "__init__.py").write_text("")
        for number, name in enumerate(arguments[2:] or files):
            outcomes = run_file(folder / "test" / name, messages, 1 + number % 100, folder)
            good = sum(outcome == "passed" for outcome in outcomes.values())
            bad = [f"{name} {one}: {how}" for one, how in outcomes.items()
                   if how not in {"passed", "skipped"}]  # fmt: skip
            sys.stdout.write(f"{name:44} {good:4} of {len(outcomes):4}\n")
            sys.stdout.flush()
            passed, counted, failed = passed + good, counted + len(outcomes), failed + bad
    sys.stdout.write("".join(f"  {line}\n" for line in failed))
    sys.stdout.write(f"{passed} of {counted} passed\n")
    return int(bool(failed)) if arguments[2:] else int(passed < AT_LEAST)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
