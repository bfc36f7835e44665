# SPDX-License-Identifier: Apache-2.0
"""What pip and colcon install beside the modules."""

import runpy
from pathlib import Path

import pytest
import setuptools
from setuptools.dist import Distribution

ROOT = Path(__file__).parents[1]


@pytest.fixture
def installed_by_pip(monkeypatch):
    """Every file that setup.py puts into the wheel's packages, relative to the repository."""
    given = {}
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(setuptools, "setup", lambda **settings: given.update(settings))
    runpy.run_path(str(ROOT / "setup.py"))
    build = Distribution({name: given[name] for name in ("packages", "package_data")})
    build.script_name = "setup.py"
    command = build.get_command_obj("build_py")
    command.ensure_finalized()
    modules = {file for _, _, file in command.find_all_modules()}
    data = {f"{source}/{name}" for _, source, _, names in command.data_files for name in names}
    return {Path(file).as_posix() for file in modules | data}


def test_pip_installs_every_module_and_the_types(installed_by_pip):
    written = {file.relative_to(ROOT).as_posix() for file in ROOT.glob("pam_ros/**/*.py")}
    assert written <= installed_by_pip
    assert {"pam_ros/py.typed", "pam_ros/msg.pyi"} <= installed_by_pip


def test_colcon_installs_the_marker_of_types():
    """Rooms are whole folders there; what lies beside them is named file by file."""
    text = (ROOT / "CMakeLists.txt").read_text()
    assert "install(FILES ${modules} ${PROJECT_NAME}/py.typed DESTINATION" in text
    assert (ROOT / "pam_ros" / "py.typed").is_file()
