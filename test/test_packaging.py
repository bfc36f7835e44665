# SPDX-License-Identifier: Apache-2.0
"""What pip and colcon install beside the modules."""

import os
import runpy
import shutil
import subprocess
from pathlib import Path

import pytest
import setuptools
from setuptools.dist import Distribution

ROOT = Path(__file__).parents[1]
PACKAGES = ("pam_ros", "rclpy_cyclone")


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
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    assert {file.relative_to(ROOT).as_posix() for file in files} <= installed_by_pip
    assert {"pam_ros/py.typed", "pam_ros/msg.pyi"} <= installed_by_pip
    assert {"rclpy_cyclone/py.typed", "rclpy_cyclone/README.md"} <= installed_by_pip


def test_colcon_installs_the_marker_of_types():
    """Rooms are whole folders there; what lies beside them is named file by file."""
    text = (ROOT / "CMakeLists.txt").read_text()
    assert "install(FILES ${modules} ${PROJECT_NAME}/py.typed DESTINATION" in text
    assert (ROOT / "pam_ros" / "py.typed").is_file()


# What of ament and rosidl the build calls, as far as it is about files: rosidl puts an empty
# __init__.py beside the messages before our own rules run.
STUBS = """
macro(rosidl_generate_interfaces name)
  file(WRITE ${CMAKE_BINARY_DIR}/generated/__init__.py "")
  file(WRITE ${CMAKE_BINARY_DIR}/generated/msg/__init__.py "")
  install(DIRECTORY ${CMAKE_BINARY_DIR}/generated/ DESTINATION ${PYTHON_INSTALL_DIR}/${name})
endmacro()
macro(ament_export_dependencies)
endmacro()
macro(ament_package)
endmacro()
"""
FOUND = (
    "ament_cmake",
    "ament_cmake_python",
    "builtin_interfaces",
    "rosidl_default_generators",
    "std_msgs",
)


@pytest.mark.skipif(shutil.which("cmake") is None, reason="needs cmake")
def test_colcon_installs_our_init_in_the_place_of_the_empty_one(tmp_path):
    """And every module once: CMakeLists.txt as it is, with ament and rosidl as stubs."""
    for package in FOUND:
        folder = tmp_path / "stubs" / package
        folder.mkdir(parents=True)
        stub = STUBS if package == "rosidl_default_generators" else ""
        (folder / f"{package}Config.cmake").write_text(stub)
    build = ["cmake", "-S", ROOT, "-B", tmp_path / "build", "-DBUILD_TESTING=OFF"]
    settings = {
        "CMAKE_PREFIX_PATH": tmp_path / "stubs",
        "CMAKE_INSTALL_PREFIX": tmp_path / "installed",
        "PYTHON_INSTALL_DIR": "python",
        # No program is compiled: whether a compiler works is not asked.
        "CMAKE_C_COMPILER_WORKS": "1",
        "CMAKE_CXX_COMPILER_WORKS": "1",
    }
    subprocess.run(
        [*build, *(f"-D{key}={value}" for key, value in settings.items())],
        check=True,
        capture_output=True,
        env=os.environ,
    )
    subprocess.run(["cmake", "--install", tmp_path / "build"], check=True, capture_output=True)
    package = tmp_path / "installed" / "python" / "pam_ros"
    assert (package / "__init__.py").read_bytes() == (ROOT / "pam_ros/__init__.py").read_bytes()
    assert (package / "msg" / "__init__.py").is_file()
    modules = {file.relative_to(ROOT / "pam_ros") for file in ROOT.glob("pam_ros/**/*.py")}
    installed = {file.relative_to(package) for file in package.glob("**/*.py")}
    assert installed == modules | {Path("msg/__init__.py")}
    runtime = tmp_path / "installed" / "python" / "rclpy_cyclone"
    kept = {
        file.relative_to(ROOT / "rclpy_cyclone")
        for file in ROOT.glob("rclpy_cyclone/**/*")
        if file.is_file() and file.suffix != ".pyc"
    }
    assert {file.relative_to(runtime) for file in runtime.glob("**/*") if file.is_file()} == kept
    assert {Path("py.typed"), Path("README.md")} <= kept
