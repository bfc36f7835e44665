# SPDX-License-Identifier: Apache-2.0
"""Lets the tests import what lies beside them, and opens a browser where there is one."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "bags")]

from chromium import Browser, find_chromium  # noqa: E402
from synthetic_recording import write_recording  # noqa: E402


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium. Where CI misses it, the test fails: its set-up installs it."""
    path = find_chromium()
    if path is None:
        reason = "no Chromium: apt-get install chromium, or name one by PAM_ROS_CHROMIUM"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    browser = Browser(path)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def recording(tmp_path_factory) -> Path:
    """A bag of known pictures and maps."""
    bag = tmp_path_factory.mktemp("recording") / "run"
    write_recording(bag)
    return bag


@pytest.fixture(scope="session")
def page(recording) -> Path:
    """Its report."""
    from pam_ros.show.report.page import write_report

    output = recording.parent / "report.html"
    write_report(recording, output)
    return output
