# SPDX-License-Identifier: Apache-2.0
"""`ros2 run`, `pam_ros run` and the build know the same nodes."""

from __future__ import annotations

import re
from pathlib import Path

from pam_ros.nodes.kit.run import NODES

ROOT = Path(__file__).resolve().parents[2]
# Started by the inference node alone.
INTERNAL = {"command_guard"}
NO_NODES = {"pam_ros"}


def test_each_node_has_a_script_that_the_build_installs():
    scripts = {path.name for path in (ROOT / "scripts").iterdir() if not path.suffix}
    installed = set(re.findall(r"^ +scripts/(\w+)$", (ROOT / "CMakeLists.txt").read_text(), re.M))
    assert scripts - NO_NODES == set(NODES) - INTERNAL
    assert installed == scripts


def test_each_script_starts_its_own_node():
    for name in set(NODES) - INTERNAL:
        assert NODES[name] in (ROOT / "scripts" / name).read_text()
