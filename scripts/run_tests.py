# SPDX-License-Identifier: Apache-2.0
"""All tests, as two pytest processes side by side: much of a test's time is one thread, or waiting.

usage: run_tests.py [ARGUMENT ...]

With arguments it is pytest with these arguments. All tests that talk over DDS are in one of the two
processes, where each has a domain of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1] / "test"
SECOND = frozenset({
    "ablation", "attention", "examples", "export", "faithfulness", "observations", "policy",
    "robot", "sae", "share", "sim", "tick",
})  # fmt: skip
"""Folders of the second process, in which nothing talks over DDS; about half of the time. All
others are the first one's."""
_PYTEST = [sys.executable, "-m", "pytest"]


def groups(tests: Path = TESTS) -> tuple[list[str], list[str]]:
    """What each process runs: every folder and every file of tests, once."""
    first: list[str] = []
    second: list[str] = []
    for path in sorted(tests.iterdir()):
        if path.is_dir() and any(path.rglob("test_*.py")):
            (second if path.name in SECOND else first).append(str(path))
        elif path.name.startswith("test_") and path.suffix == ".py":
            second.append(str(path))
    return first, second


def _side_by_side(log: Path) -> int:
    running = {}
    for number, group in enumerate(groups(), start=1):
        file = log / f"{number}.txt"
        with file.open("wb") as output:
            arguments = ["--basetemp", str(log / f"files{number}"), "-p", "no:cacheprovider"]
            process = subprocess.Popen(
                [*_PYTEST, *arguments, *group],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        running[file] = process
    status = 0
    try:
        while running:
            for file, process in list(running.items()):
                if process.poll() is not None:
                    del running[file]
                    sys.stdout.write(file.read_text(encoding="utf-8", errors="replace"))
                    status = max(status, abs(process.returncode))
            lines = [file.read_bytes().rsplit(b"\n", 2)[-2:] for file in running]
            told = "; ".join(b" ".join(line).decode(errors="replace")[-60:] for line in lines)
            sys.stdout.write(f"{time.strftime('%H:%M:%S')} {told}\n")
            sys.stdout.flush()
            end = time.monotonic() + 60
            while running and time.monotonic() < end:
                if any(process.poll() is not None for process in running.values()):
                    break
                time.sleep(0.5)
    finally:
        for process in running.values():
            process.terminate()
            process.wait()
    return status


def main(arguments: list[str]) -> int:
    """Run them; returns pytest's exit status, the larger of two."""
    if arguments or (os.cpu_count() or 1) < 2:
        return subprocess.run([*_PYTEST, *arguments], check=False).returncode
    with tempfile.TemporaryDirectory(prefix="pam_ros_tests_") as folder:
        return _side_by_side(Path(folder))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
