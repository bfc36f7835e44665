# SPDX-License-Identifier: Apache-2.0
"""Puts the embedded runtime in place where there is no ROS 2, before any test imports rclpy."""

import importlib.util
import os
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# torch's threads wait asleep: on a busy machine spinning ones take the cores from each other.
os.environ.setdefault("GOMP_SPINCOUNT", "0")

from pam_ros.embedded import install

# The same examples on every machine: a change is judged by what it changes. To search for more,
# `pytest --hypothesis-profile=default`.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

ROOT = Path(__file__).parents[1]

install(interfaces={"pam_ros": ROOT / "msg"})

if importlib.util.find_spec("pam_ros.msg") is None:
    raise pytest.UsageError(
        "ROS 2 is sourced, but pam_ros.msg was not found: build this package with colcon, source "
        "the workspace and call `pytest` (not `python -m pytest`, which finds the sources first), "
        "or use `make test`, which runs without the sourced ROS 2"
    )
