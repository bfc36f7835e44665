# SPDX-License-Identifier: Apache-2.0
import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
SHARE = Path("share/pam_ros")


def version() -> str:
    """package.xml holds the version for both builds."""
    found = re.search(r"<version>(.+?)</version>", (ROOT / "package.xml").read_text())
    if found is None:
        raise SystemExit("package.xml has no <version>")
    return found.group(1)


def requirements() -> list[str]:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def share_files(folder: str) -> list[tuple[str, list[str]]]:
    """Every file below a folder, for share/pam_ros where ROS 2 installs them too."""
    files: dict[str, list[str]] = {}
    for path in sorted((ROOT / folder).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            relative = path.relative_to(ROOT)
            files.setdefault(str(SHARE / relative.parent), []).append(str(relative))
    return sorted(files.items())


setup(
    version=version(),
    install_requires=requirements(),
    packages=find_packages(include=["pam_ros", "pam_ros.*", "rclpy_cyclone", "rclpy_cyclone.*"]),
    package_data={
        "": ["*.xml", "*.md", "*.yaml", "*.msg", "*.srv", "page-files/*"],
        # PEP 561: type checkers read the annotations of a package that has this file.
        "pam_ros": ["py.typed", "msg.pyi"],
        "rclpy_cyclone": ["py.typed"],
    },
    data_files=[
        (str(SHARE), ["package.xml"]),
        *share_files("msg"),
        *share_files("launch"),
        *share_files("config"),
        *share_files("models"),
    ],
)
