# SPDX-License-Identifier: Apache-2.0
"""Where the runtime goes into place, and where it must not."""

import importlib
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from rclpy_cyclone import install
from rclpy_cyclone.types.interfaces import InterfaceError

pytestmark = pytest.mark.embedded_only

ROOT = Path(__file__).parents[2]


def run(source, path=(), **variables):
    """Output of a program in a fresh interpreter without ROS variables."""
    clean = {k: v for k, v in os.environ.items()
             if not k.startswith(("ROS_", "AMENT_", "PYTHONPATH"))}  # fmt: skip
    clean["PYTHONPATH"] = os.pathsep.join([*map(str, path), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)], env={**clean, **variables},
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    return done.stdout + done.stderr


def test_nothing_is_in_place_before_the_call():
    assert "No module named 'rclpy'" in run("import rclpy_cyclone, rclpy")


def test_the_call_says_what_it_did():
    out = run("from rclpy_cyclone import install; print(install())")
    assert "installed=True" in out


def test_every_public_module_imports():
    out = run("""
        from rclpy_cyclone import install
        from rclpy_cyclone.imports.public_modules import MODULES
        import importlib
        install()
        for name in MODULES:
            importlib.import_module(name)
        import rclpy, sensor_msgs.msg, std_srvs.srv
        from rclpy.validate_topic_name import validate_topic_name
        from sensor_msgs.msg import *
        print(rclpy.qos.QoSProfile, Image, std_srvs.srv.SetBool_Request)
    """)
    assert "<class 'rclpy.qos.QoSProfile'> <class 'sensor_msgs.msg.Image'>" in out


def test_unknown_names_fail_as_usual():
    out = run("""
        from rclpy_cyclone import install
        install()
        try:
            from std_msgs.msg import Nothing
        except ImportError as error:
            print(error)
        try:
            import rclpy.nothing
        except ImportError as error:
            print(error)
        try:
            import moveit_msgs.msg
        except ImportError as error:
            print(error)
    """)
    assert "cannot import name 'Nothing' from 'std_msgs.msg'" in out
    assert "No module named 'rclpy.nothing'" in out
    assert "No module named 'moveit_msgs'" in out


@pytest.mark.parametrize("name", ["action"])
def test_what_is_left_out_says_its_name(name):
    with pytest.raises(NotImplementedError, match=rf"rclpy\.{name} is not part of the embedded"):
        importlib.import_module(f"rclpy.{name}")
    with pytest.raises(ImportError):
        importlib.import_module(f"rclpy.{name}")


def test_a_real_rclpy_is_left_alone(tmp_path):
    package = tmp_path / "rclpy"
    package.mkdir()
    (package / "__init__.py").write_text("REAL = True\n")
    (package / "node.py").write_text("")
    out = run(
        "from rclpy_cyclone import install; print(install()); import rclpy; print(rclpy.REAL)",
        path=[tmp_path], ROS_DISTRO="jazzy",
    )  # fmt: skip
    assert "installed=False" in out
    assert "own rclpy is importable" in out
    assert out.splitlines()[-1] == "True"


def test_a_folder_named_rclpy_on_the_path_is_no_ros(tmp_path):
    (tmp_path / "rclpy" / "rclpy").mkdir(parents=True)  # a checkout of its repository
    out = run("from rclpy_cyclone import install; print(install())", path=[tmp_path])
    assert "installed=True" in out


@pytest.mark.parametrize("variable", ["ROS_DISTRO", "AMENT_PREFIX_PATH"])
def test_ros_variables_without_rclpy_are_an_error_with_the_cure(variable):
    out = run("from rclpy_cyclone import install; install()", **{variable: "/opt/ros/jazzy"})
    assert "ImportError: ROS 2 is set up here" in out
    assert "No module named 'rclpy'" in out
    assert "--system-site-packages" in out
    assert "unset ROS_DISTRO and AMENT_PREFIX_PATH" in out


def test_an_rclpy_of_another_python_is_an_error_with_its_own_message(tmp_path):
    package = tmp_path / "rclpy"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "node.py").write_text("from rclpy import _rclpy_pybind11\n")
    out = run("from rclpy_cyclone import install; install()", path=[tmp_path])
    assert "rclpy cannot be imported: cannot import name '_rclpy_pybind11'" in out
    assert f"this is Python {sys.version_info.major}.{sys.version_info.minor}" in out


def test_packages_are_added_from_msg_folders(tmp_path):
    (tmp_path / "Spot.msg").write_text(
        '# a spot\nint8 KIND=3\nfloat64 x 1.5\nstring name "none"\nint32[] ids [1, 2]\n'
        "std_msgs/Header header\n"
    )
    assert install(interfaces={"spot_msgs": tmp_path}).installed
    from spot_msgs.msg import Spot

    assert Spot.KIND == 3
    spot = Spot()
    assert (spot.x, spot.name, list(spot.ids)) == (1.5, "none", [1, 2])
    assert spot.header.frame_id == ""


def test_a_packages_services_are_added_with_its_messages(tmp_path, node, spin_until):
    for kind, name, text in (
        ("msg", "Seat", "uint8 row\n"),
        ("srv", "Book", "Seat seat\nuint8 MANY=7\nuint8 places 1\n---\nbool booked\n# a ticket\n"),
        ("srv", "Ask", "---\nSeat[] free\n"),
    ):
        (tmp_path / kind).mkdir(exist_ok=True)
        (tmp_path / kind / f"{name}.{kind}").write_text(text)
    assert install(interfaces={"stage_msgs": tmp_path}).installed
    from stage_msgs.msg import Seat
    from stage_msgs.srv import Ask, Book

    assert (Book.Request().places, Book.Request.MANY) == (1, 7)
    assert Book.Request(seat=Seat(row=3)).seat.row == 3
    assert Ask.Response().free == []

    def book(request, response):
        response.booked = request.seat.row == request.places
        return response

    node.create_service(Book, "book", book)
    client = node.create_client(Book, "book")
    assert client.wait_for_service(20)
    future = client.call_async(Book.Request(seat=Seat(row=4), places=4))
    assert spin_until(future.done, node)
    assert future.result().booked


def test_bad_folders_and_definitions_are_named(tmp_path):
    with pytest.raises(InterfaceError, match=r"has no \.msg or \.srv file"):
        install(interfaces={"empty_msgs": tmp_path})
    (tmp_path / "Broken.msg").write_text("float64\n")
    with pytest.raises(InterfaceError, match=r"Broken\.msg is not a message definition"):
        install(interfaces={"broken_msgs": tmp_path})


@pytest.mark.parametrize(("text", "dashes"), [("bool on\n", 0), ("---\n---\nbool on\n", 2)])
def test_a_service_without_its_line_of_dashes_is_named_and_adds_nothing(tmp_path, text, dashes):
    (tmp_path / "Good.msg").write_text("bool on\n")
    (tmp_path / "Turn.srv").write_text(text)
    with pytest.raises(
        InterfaceError, match=rf"Turn\.srv is not .*: {dashes} lines of three dashes"
    ):
        install(interfaces={f"turn{dashes}_msgs": tmp_path})
    with pytest.raises(ModuleNotFoundError):
        __import__(f"turn{dashes}_msgs.msg")


def test_a_missing_cyclonedds_is_named(tmp_path):
    (tmp_path / "hide.py").write_text(
        "import importlib.util\n"
        "find = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda n, p=None: None if n == 'cyclonedds' else find(n, p)\n"
    )
    out = run("import hide; from rclpy_cyclone import install; install()", path=[tmp_path])
    assert "ImportError: without ROS 2 the Python package cyclonedds is needed" in out
