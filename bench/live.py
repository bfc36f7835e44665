# SPDX-License-Identifier: Apache-2.0
"""What the live page costs, and how soon an overlay is on the screen.

    python -m bench.live out/demo/bag

The bag is one that `make demo` has left. A process publishes its overlays, maps, chunks and
commands again at 10 Hz (live_robot.py), `pam_ros live` serves the page, and a headless Chromium
shows it. The server's share of a core is its own process time. Overlay to screen is from the stamp
with which an overlay is published to the frame of the browser's screen after it was drawn; all
clocks are this machine's. Where other work keeps the cores busy, times grow and shares hardly do.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from statistics import median, quantiles

from pam_ros.sim.processes import own_domain

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "test" / "show" / "report"))

PAGES = ((1500, 950), (390, 844))
RATE_HZ = 10.0
_SETTLE_S = 5.0


def main(arguments: list[str]) -> int:
    """Measure, and print a line for each phase."""
    from chromium import Browser, find_chromium  # noqa: PLC0415  (of the tests)

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bag", type=Path)
    parser.add_argument("--seconds", type=float, default=30.0, help="of each phase")
    options = parser.parse_args(arguments)
    executable = find_chromium()
    if executable is None:
        print("no Chromium: install one, or name one by PAM_ROS_CHROMIUM")
        return 1
    own_domain(None)
    robot = _start("-m", "bench.live_robot", str(options.bag), str(RATE_HZ))
    server = _start("-m", "pam_ros.cli", "live", "--port", "0")
    browsers = []
    try:
        _line(robot, "publishing")
        address = _line(server, "http")
        address = address[address.index("http") :].strip()
        _phase("no page was opened yet", server, options.seconds)
        browser = Browser(executable, *PAGES[0])
        browsers.append(browser)
        browser.go(address)
        browser.wait("document.querySelectorAll('#cameras canvas').length >= 2")
        time.sleep(_SETTLE_S)
        browser.run("document.getElementById('cameras').ages.length = 0")
        _phase("one page, desktop", server, options.seconds)
        ages = browser.run("document.getElementById('cameras').ages")
        rate = len(ages) / options.seconds
        tenth = quantiles(ages, n=10)
        print(
            f"  overlay to screen: median {median(ages):.0f} ms, 90 % below {tenth[-1]:.0f} ms, "
            f"{rate:.1f} pictures/s drawn (at most 400 are kept)"
        )
        browser.go("about:blank")
        time.sleep(_SETTLE_S)
        _phase("the page was closed", server, options.seconds)
    finally:
        for browser in browsers:
            browser.close()
        for process in (server, robot):
            process.terminate()
            process.wait(30)
    return 0


def _start(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment, bufsize=1
    )


def _line(process: subprocess.Popen[str], word: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if word in line:
            return line
    raise RuntimeError(f"a process ended before it said {word!r}")


def _phase(name: str, server: subprocess.Popen[str], seconds: float) -> None:
    begin, used = time.monotonic(), _process_time(server.pid)
    time.sleep(seconds)
    passed, used = time.monotonic() - begin, _process_time(server.pid) - used
    print(f"{name}: {100 * used / passed:.1f} % of a core in {passed:.0f} s", flush=True)


def _process_time(pid: int) -> float:
    """User and system time of a process and its threads [s]."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    fields = re.sub(r"^.*\) ", "", text).split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
