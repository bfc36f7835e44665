# SPDX-License-Identifier: Apache-2.0
"""A source distribution, the wheel that is built from it, and what that wheel installs."""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHARED = ("config", "launch", "models", "msg")
"""Folders of data; with package.xml they are in share/pam_ros."""
LEFT_OUT = {"__pycache__", ".mypy_cache", ".ruff_cache"}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("AMENT_PREFIX_PATH" in os.environ, reason="colcon installs it there"),
]


def files_below(*folders):
    """The repository's files in these folders, relative to it."""
    return {
        path.relative_to(ROOT)
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and not LEFT_OUT & set(path.parts)
    }


def missing_from(names):
    """What a wheel with these entries lacks."""
    inside = {name.partition(".data/data/")[2] or name for name in names}
    wanted = {path.as_posix() for path in files_below("pam_ros", "rclpy_cyclone")}
    wanted |= {f"share/pam_ros/{path.as_posix()}" for path in files_below(*SHARED)}
    return sorted((wanted | {"share/pam_ros/package.xml"}) - inside)


def ran(command, folder, **variables):
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PYTHONPATH": "", **variables},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """The folder that the source distribution unpacks to."""
    folder = tmp_path_factory.mktemp("source")
    tree = folder / "tree"
    for path in files_below("pam_ros", "rclpy_cyclone", "docs", *SHARED):
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / path, tree / path)
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copyfile(path, tree / path.name)
    build = f"import setuptools.build_meta as b; b.build_sdist({str(folder)!r})"
    ran([sys.executable, "-c", build], tree)
    (packed,) = folder.glob("*.tar.gz")
    with tarfile.open(packed) as file:
        file.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    return unpacked


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory):
    """Built from the source distribution alone."""
    folder = tmp_path_factory.mktemp("wheel")
    build = ["-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "-w", str(folder)]
    ran([sys.executable, *build], source)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """`pam_ros` of a bare environment, which has its dependencies from the one of the tests."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder / "venv", with_pip=False, symlinks=True)
    python = folder / "venv" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", f"--python={python}", "install", "--no-deps", str(wheel)]
    ran(pip, folder)
    (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
    # As a path, a folder's own .pth files are not read: no editable pam_ros comes along.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "venv" / "bin" / "pam_ros"


def test_the_source_has_what_it_is_built_and_read_with(source):
    assert {path.name for path in source.iterdir()} >= {
        "CHANGELOG.rst", "LICENSE", "README.md", "package.xml", "requirements.txt", "setup.py",
        "pyproject.toml", "docs",
    }  # fmt: skip
    pages = {path.relative_to(ROOT) for path in (ROOT / "docs").rglob("*.md")}
    assert all((source / page).is_file() for page in pages)


def test_the_wheel_has_every_module_and_all_data(wheel):
    with zipfile.ZipFile(wheel) as file:
        names = file.namelist()
    assert missing_from(names) == []
    runtime = ("__init__.py", "README.md", "py.typed")
    assert {f"rclpy_cyclone/{name}" for name in runtime} <= set(names)
    tests = [name for name in names if name.startswith(("test/", "benchmarks/", "faults/"))]
    assert tests == []


@pytest.mark.parametrize(
    "data", ["msg/AttentionMap.msg", "demo_act/model.safetensors", "rclpy_cyclone/py.typed"]
)
def test_a_wheel_without_its_data_is_found(wheel, data):
    with zipfile.ZipFile(wheel) as file:
        names = [name for name in file.namelist() if not name.endswith(data)]
    assert [name for name in missing_from(names) if name.endswith(data)] != []


def test_it_runs_where_nothing_of_the_repository_is(installed, tmp_path):
    assert ran([installed, "--version"], tmp_path).startswith("pam_ros ")
    where = "import pam_ros, sys; sys.stdout.write(pam_ros.__file__)"
    assert str(installed.parent.parent) in ran(
        [installed.with_name("python"), "-c", where], tmp_path
    )
    alone = "import rclpy_cyclone, sys; sys.stdout.write(str('pam_ros' in sys.modules))"
    assert ran([installed.with_name("python"), "-c", alone], tmp_path) == "False"
    shown = ran([installed, "contract", "check", "demo_arm"], tmp_path)
    assert "/joint_commands" in shown
    ran([installed, "layouts", "--contract", "demo_arm", "--out", "layouts"], tmp_path)
    assert (tmp_path / "layouts" / "pam_ros.rviz").is_file()


@pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("mujoco", "cyclonedds")),
    reason="the demo needs mujoco and cyclonedds",
)
def test_the_demo_runs_from_the_wheel(installed, tmp_path):
    demo = [installed, "demo", "--duration", "10", "--method", "rollout", "--out", "demo"]
    said = ran(demo, tmp_path)
    assert "ticks at" in said
    assert (tmp_path / "demo" / "demo.mp4").stat().st_size > 1000
    assert any((tmp_path / "demo" / "bag").glob("*.mcap"))
