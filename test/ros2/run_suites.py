# SPDX-License-Identifier: Apache-2.0
"""One test suite on each runtime: the embedded one, and a real ROS 2 with each of its middlewares.

usage: run_suites.py [TEST ...]    (test/rclpy_cyclone and test/nodes where none is named)

The ROS 2 is found as for the tests marked ros2. Prints a table, and which tests did not end alike.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree as ET

sys.path.insert(0, str(Path(__file__).parent))
from real_ros2 import (
    RMWS,
    ROOT,
    RosTwo,
    build_workspace,
    find_colcon,
    find_ros2,
    sourced,
    without_ros,
)

SUITES = ("test/rclpy_cyclone", "test/nodes")
PYTEST = "import sys, pytest; sys.exit(pytest.main(sys.argv[1:]))"


def run(name, tests, environment, folder):
    """Outcome of every test by its name."""
    report = folder / f"{name}.xml"
    command = [sys.executable, "-c", PYTEST, "-q", "-p", "no:cacheprovider", f"--junitxml={report}"]
    log = (folder / f"{name}.log").open("w")
    # Elsewhere than in the source folder, where pam_ros would hide the one that is installed.
    subprocess.run(
        [*command, *tests], env=environment, cwd=folder, stdout=log, stderr=log, check=False
    )
    outcomes = {}
    for case in ET.parse(report).iter("testcase"):
        kinds = {child.tag for child in case}
        outcome = next((k for k in ("failure", "error", "skipped") if k in kinds), "passed")
        outcomes[f"{case.get('classname')}::{case.get('name')}"] = outcome
    return outcomes


def environments(folder):
    """Name and environment of each runtime."""
    yield "embedded", without_ros() | {"PYTHONPATH": str(ROOT)}
    found = find_ros2()
    if found is None:
        return
    if find_colcon(found) is None:
        sys.exit("colcon was not found: apt-get install python3-colcon-common-extensions")
    workspace = build_workspace(found, folder)
    for rmw in RMWS:
        ros2 = RosTwo(found, rmw, domain=0)
        if ros2.share(rmw) is not None:
            environment = sourced(workspace / "install" / "local_setup.bash", ros2.environment)
            # As the embedded runtime does by default.
            yield rmw, environment | {"ROS_PYTHON_CHECK_FIELDS": "1"}


def main(tests):
    folder = Path(tempfile.mkdtemp(prefix="suites-"))
    tests = [os.fspath((ROOT / test).resolve()) for test in tests or SUITES]
    results = {}
    for name, environment in environments(folder):
        results[name] = run(name, tests, environment, folder)
    columns = ("passed", "skipped", "failure", "error")
    print("| runtime | tests |", " | ".join(columns), "|")
    print("| --- |" + " --- |" * (len(columns) + 1))
    for name, outcomes in results.items():
        counts = [list(outcomes.values()).count(column) for column in columns]
        print(f"| {name} | {len(outcomes)} |", " | ".join(map(str, counts)), "|")
    names = {test for outcomes in results.values() for test in outcomes}
    for test in sorted(names):
        ends = {name: outcomes.get(test, "not there") for name, outcomes in results.items()}
        if len(set(ends.values())) > 1 or "failure" in ends.values() or "error" in ends.values():
            print(test, ends)
    print("logs:", folder)


if __name__ == "__main__":
    main(sys.argv[1:])
