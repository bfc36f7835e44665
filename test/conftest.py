# SPDX-License-Identifier: Apache-2.0
"""Puts the embedded runtime in place where there is no ROS 2, before any test imports rclpy."""

import importlib.util
import os
import re
from pathlib import Path

import pytest
from hypothesis import settings

from pam_ros.sim.domains import TakenDomain

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# torch's threads wait asleep: on a busy machine spinning ones take the cores from each other.
os.environ.setdefault("GOMP_SPINCOUNT", "0")

# The same examples on every machine: a change is judged by what it changes. To search for more,
# `pytest --hypothesis-profile=default`.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")

ROOT = Path(__file__).parents[1]

if importlib.util.find_spec("rclpy") is None:
    from rclpy_cyclone import install

    install(interfaces={"pam_ros": ROOT / "msg"})

# What comes by pip or is optional. `colcon test` runs on machines without it (CMakeLists.txt sets
# the variable), where tests that need it are skipped with its name; everywhere else they fail.
BY_PIP = {
    "PIL", "accelerate", "aiohttp", "atheris", "av", "catkin_pkg", "cyclonedds", "datasets",
    "draccus", "gradio", "huggingface_hub", "lerobot", "lz4", "mcap", "mujoco", "mypy", "nbclient",
    "nbformat", "num2words", "openvino", "pyarrow", "ray", "rerun", "rosbags", "safetensors",
    "scipy", "tokenizers", "torch", "torchvision", "tqdm", "transformers", "zstandard",
}  # fmt: skip
# Rooms whose conftest.py, or most of whose tests, need some of it.
ROOMS = {
    "bench": ("torch", "lerobot", "rosbags"),
    "research": ("torch", "lerobot", "mujoco"),
    "rclpy_cyclone": ("rosbags",),
    "faults": ("torch", "lerobot", "rosbags", "mujoco"),
    "live": ("aiohttp", "PIL"),
    "nodes": ("torch", "lerobot", "rosbags", "mcap"),
    "observations": ("torch", "lerobot", "rosbags"),
    "policy": ("torch", "lerobot"),
    "export": ("torch", "lerobot", "rosbags"),
    "replay": ("torch", "lerobot", "rosbags"),
    "ros2": ("rosbags", "cyclonedds"),
    "sae": ("torch",),
    "show/report": ("rosbags", "mcap", "zstandard"),
    "sim": ("torch", "mujoco"),
}
SKIPS_WHAT_IS_MISSING = os.environ.get("PAM_ROS_TEST_SKIPS_MISSING") == "1"
LEFT_OUT = {}
if SKIPS_WHAT_IS_MISSING:
    for room, needed in ROOMS.items():
        missing = [name for name in needed if importlib.util.find_spec(name) is None]
        if missing:
            LEFT_OUT[room] = f"{', '.join(missing)} not installed"
collect_ignore = list(LEFT_OUT)


def _missing(error: BaseException) -> str | None:
    """The package of BY_PIP whose absence is behind an error; one of another version is there."""
    found: BaseException | None = error
    # Ours often say what to install, and the ImportError is behind them.
    while found is not None and not isinstance(found, ImportError):
        found = found.__cause__ or found.__context__
    name = (getattr(found, "name", None) or "").partition(".")[0]
    return name if name in BY_PIP and importlib.util.find_spec(name) is None else None


class ModuleOfWhatIsThere(pytest.Module):
    """A test module that is skipped where a package of BY_PIP is not installed."""

    def collect(self):
        try:
            return super().collect()
        except self.CollectError as error:
            missing = _missing(error)
            if missing is None:
                raise
        pytest.skip(f"{missing} is not installed: see requirements.txt", allow_module_level=True)


def pytest_pycollect_makemodule(module_path, parent):
    if SKIPS_WHAT_IS_MISSING:
        return ModuleOfWhatIsThere.from_parent(parent, path=module_path)
    return None


def _skipping_what_is_missing():
    """A test that needs a package of BY_PIP only once it runs, or in a fixture."""
    try:
        return (yield)
    except Exception as error:
        missing = _missing(error) if SKIPS_WHAT_IS_MISSING else None
        if missing is None:
            raise
        pytest.skip(f"{missing} is not installed: see requirements.txt")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup():
    return (yield from _skipping_what_is_missing())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call():
    return (yield from _skipping_what_is_missing())


@pytest.fixture
def free_domain():
    """A DDS domain that no other program of this machine is in, and none takes meanwhile."""
    taken = TakenDomain()
    yield taken.number
    taken.close()


@pytest.fixture
def second_policy(tmp_path, monkeypatch):
    """Puts the policy class of test/policy/second_policy on the path, as pip leaves a plug-in.

    Gives the function that writes a checkpoint of it.
    """
    monkeypatch.syspath_prepend(ROOT / "test" / "policy")
    from plug_ins import write_package

    loaders = {"second": "second_policy.load:load"}
    monkeypatch.syspath_prepend(write_package(tmp_path / "site", "second-policy", loaders))
    from second_policy.load import write_checkpoint

    return write_checkpoint


@pytest.fixture
def diffusion_policy(monkeypatch):
    """The function that writes the checkpoint of a small random Diffusion Policy."""
    monkeypatch.syspath_prepend(ROOT / "test" / "policy" / "diffusion")
    from tiny_diffusion import write_diffusion

    return write_diffusion


@pytest.fixture
def blind_policy(tmp_path, monkeypatch):
    """Checkpoint and contract of an ACT without cameras."""
    monkeypatch.syspath_prepend(ROOT / "test" / "policy")
    from blind_policy import write_blind

    return write_blind(tmp_path / "blind")


def pytest_terminal_summary(terminalreporter):
    for room, reason in LEFT_OUT.items():
        terminalreporter.write_line(f"SKIPPED test/{room}: {reason}, see requirements.txt")


if importlib.util.find_spec("pam_ros.msg") is None:
    raise pytest.UsageError(
        "ROS 2 is sourced, but pam_ros.msg was not found: build this package with colcon, source "
        "the workspace and call `pytest` (not `python -m pytest`, which finds the sources first), "
        "or use `make test`, which runs without the sourced ROS 2"
    )


@pytest.fixture
def complaint(capsys):
    """Gives what a command said on stderr, without the lines of what it was doing meanwhile."""

    def read(text: str | None = None) -> str:
        text = capsys.readouterr().err if text is None else text
        lines = text.splitlines(keepends=True)
        doing = re.compile(r".* \.\.\.( \d+ s.*)?\n")
        return "".join(line for line in lines if not doing.fullmatch(line))

    return read
