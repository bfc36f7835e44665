# SPDX-License-Identifier: Apache-2.0
"""The tests on a machine without what pip brings, as `colcon test` may find it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pam_ros.share.errors import PamRosError

ROOT = Path(__file__).parents[1]
HIDE = """
from importlib.machinery import PathFinder
find = PathFinder.find_spec
def find_spec(cls, name, path=None, target=None):
    return None if name in HIDDEN else find(name, path, target)
PathFinder.find_spec = classmethod(find_spec)
"""


@pytest.fixture
def collect(tmp_path):
    """Runs pytest where some packages are hidden, without running a test."""
    # A package that colcon built comes before the sources.
    places = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", ""), str(ROOT)])

    def run(test, skips, hidden=("torch", "lerobot", "mujoco")):
        (tmp_path / "sitecustomize.py").write_text(f"HIDDEN = {set(hidden)}\n{HIDE}")
        # As in CMakeLists.txt; the rooms are no arguments, or pytest loads their conftest at once.
        environment = os.environ | {"PYTHONPATH": places, "PAM_ROS_TEST_SKIPS_MISSING": skips}
        command = [sys.executable, "-c", "import sys, pytest; sys.exit(pytest.main(sys.argv[1:]))"]
        command += ["--collect-only", "-q", "-p", "no:cacheprovider", str(ROOT / test)]
        return subprocess.run(
            command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=250,
            check=False,
        )  # fmt: skip

    return run


@pytest.fixture
def conftest(request):
    """The module test/conftest.py."""
    (found,) = [
        plugin
        for plugin in request.config.pluginmanager.get_plugins()
        if getattr(plugin, "BY_PIP", None)
    ]
    return found


@pytest.fixture
def by_pip(conftest):
    """What conftest.py says that pip brings."""
    return conftest.BY_PIP


def test_what_needs_a_missing_package_is_skipped_with_its_name(collect):
    done = collect("test", skips="1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "torch is not installed: see requirements.txt" in done.stdout
    assert "test_package_xml.py::" in done.stdout
    assert "SKIPPED test/policy: torch, lerobot not installed" in done.stdout
    assert "SKIPPED test/sim: torch, mujoco not installed" in done.stdout


def test_with_nothing_that_pip_brings_the_tests_are_collected(collect, by_pip):
    """Except what the embedded runtime needs: it stands in for the rclpy of such a machine."""
    done = collect("test", skips="1", hidden=by_pip - {"cyclonedds", "rosbags"})
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_package_xml.py::" in done.stdout


def test_with_no_more_than_requirements_txt_the_tests_are_collected(collect, by_pip):
    optional = {
        "aiohttp", "atheris", "catkin_pkg", "gradio", "mujoco", "mypy", "nbclient", "nbformat",
        "openvino", "ray",
    }  # fmt: skip
    assert optional <= by_pip
    done = collect("test", skips="1", hidden=optional)
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_error_of_ours_that_says_what_to_install_is_skipped_too(conftest, monkeypatch):
    monkeypatch.setattr(conftest, "BY_PIP", {"nobodys_package", "json"})

    def missing(name, how):
        error = PamRosError("pip install it")
        if how == "from":
            error.__cause__ = ImportError(name=name)
        else:
            error.__context__ = ImportError(name=name)
        return conftest._missing(error)

    for how in ("from", "from None"):
        assert missing("nobodys_package.part", how) == "nobodys_package"
        assert missing("json.part", how) is None  # there, and of another version
        assert missing("csv", how) is None
    assert conftest._missing(ValueError("something else")) is None


def test_elsewhere_a_missing_package_fails_the_tests(collect):
    done = collect("test/nodes/act/test_token_publisher.py", skips="0")
    assert done.returncode != 0
    assert "No module named 'torch'" in done.stdout
