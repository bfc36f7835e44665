# SPDX-License-Identifier: Apache-2.0
"""package.xml and requirements.txt against what the code imports."""

import ast
import re
from pathlib import Path
from xml.etree import ElementTree as ET

from pam_ros.robot.values.registry import VALUE_TYPES

ROOT = Path(__file__).parents[1]
# Top-level modules that a key of package.xml brings, where the names differ.
PROVIDED = {
    "cv2": "python3-opencv",
    "hypothesis": "python3-hypothesis",
    "numpy": "python3-numpy",
    "pytest": "python3-pytest",
    "yaml": "python3-yaml",
}
# Packages that tests define themselves.
MADE_UP = {"arm_msgs", "gripper_msgs", "nobodys_msgs", "sign_msgs", "spot_msgs", "stage_msgs"}


def imported(*folders):
    """Top-level names that the Python files below some folders import from elsewhere."""
    names = set()
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Import):
                    names |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and not node.level:
                    names.add(node.module.partition(".")[0])
    return names


def keys():
    """Kinds of dependency of package.xml, by rosdep key."""
    found = {}
    for entry in ET.parse(ROOT / "package.xml").getroot():
        if entry.tag.endswith("depend"):
            found.setdefault(entry.text, set()).add(entry.tag)
    return found


def is_ros(name):
    named = {
        "ament_index_python", "cv_bridge", "diagnostic_updater", "launch", "launch_ros", "rclpy",
    }  # fmt: skip
    return name in named or re.fullmatch(r"\w+_(msgs|srvs|interfaces)", name)


def test_every_ros_package_that_runs_is_in_package_xml():
    used = {name for name in imported("pam_ros", "rclpy_cyclone", "launch") if is_ros(name)}
    run = {key for key, kinds in keys().items() if kinds & {"depend", "exec_depend"}}
    assert used <= run, sorted(used - run)


def test_every_message_type_of_a_contract_is_of_a_package_in_package_xml():
    run = {key for key, kinds in keys().items() if kinds & {"depend", "exec_depend"}}
    assert {name.partition("/")[0] for name in VALUE_TYPES} <= run


def test_every_package_that_only_tests_need_is_in_package_xml():
    used = {name for name in imported("test") if is_ros(name) or name in PROVIDED}
    wanted = {PROVIDED.get(name, name) for name in used - MADE_UP}
    assert wanted <= set(keys()), sorted(wanted - set(keys()))


def test_what_the_pages_tell_to_start_is_in_package_xml():
    """Programs of other packages, and what makes pictures of `.../compressed` in them."""
    text = "".join(page.read_text() for page in [ROOT / "README.md", *ROOT.glob("docs/*.md")])
    started = set(re.findall(r"ros2 (?:run|launch) (\w+) ", text)) - {"pam_ros"}
    assert "rqt_image_view" in started
    wanted = started | {"image_transport_plugins", "rviz2"}
    run = {key for key, kinds in keys().items() if "exec_depend" in kinds}
    assert wanted <= run, sorted(wanted - run)


def test_package_xml_names_nothing_that_pip_installs():
    """A rosdep key for it would install a second one, or does not exist."""
    pip = {
        re.split(r"[<>=;!\[ ]", line)[0].lower()
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if line and not line.startswith("#")
    }
    apt = {key.removeprefix("python3-") for key in keys()}
    # These three are in both: pip keeps those of the system where they are new enough.
    both = {"numpy", "opencv", "yaml"}
    assert apt & pip <= both
