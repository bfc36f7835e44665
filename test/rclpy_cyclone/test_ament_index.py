# SPDX-License-Identifier: Apache-2.0
"""ament_index_python: packages and resources of prefixes, and of what install() was told."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import ament_index_python
import pytest
from ament_index_python import (
    get_package_prefix,
    get_package_share_directory,
    get_package_share_path,
    get_packages_with_prefixes,
    get_resource,
    get_resource_types,
    get_resources,
    get_search_paths,
    has_resource,
)
from ament_index_python.packages import PackageNotFoundError
from ament_index_python.resources import InvalidResourceNameError, InvalidResourceTypeNameError

ROOT = Path(__file__).parents[2]
INDEX = Path("share/ament_index/resource_index")


def write(folder, *files, text=""):
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text)


@pytest.fixture
def prefixes(tmp_path, monkeypatch):
    """Two prefixes, the first before the second; `foo` is in both."""
    over, under = tmp_path / "over", tmp_path / "under"
    write(over, INDEX / "packages/foo", INDEX / "packages/bare", "share/foo/package.xml")
    write(under, INDEX / "packages/foo", INDEX / "packages/bar", "share/bar/config/bar.yaml")
    write(over, INDEX / "parsers/.hidden", INDEX / "parsers/nested/resource", INDEX / ".types/x")
    write(over, INDEX / "parsers/foo", text="over")
    write(under, INDEX / "parsers/foo", INDEX / "parsers/bar", INDEX / "viewers/v", text="under")
    monkeypatch.setenv("AMENT_PREFIX_PATH", f"{over}::/not/there:{under}")
    return str(over), str(under)


def test_search_paths_are_the_prefixes_that_exist(prefixes):
    assert get_search_paths() == list(prefixes)


def test_the_first_prefix_that_has_a_package_counts(prefixes):
    over, under = prefixes
    assert get_packages_with_prefixes() == {"foo": over, "bare": over, "bar": under}
    assert (get_package_prefix("foo"), get_package_prefix("bar")) == (over, under)


def test_a_share_directory_is_below_the_packages_prefix(prefixes):
    _, under = prefixes
    assert get_package_share_directory("bar") == f"{under}/share/bar"
    assert (get_package_share_path("bar") / "config" / "bar.yaml").is_file()


@pytest.mark.parametrize("get", [get_package_share_directory, get_package_share_path])
def test_a_share_directory_that_does_not_exist_is_warned_of(prefixes, get, recwarn):
    with pytest.warns(UserWarning, match=r"for bare \(.*share/bare\) does not exist") as warned:
        get("bare")
    assert warned[0].filename == __file__
    recwarn.clear()
    assert str(get("bare", print_warning=False)).endswith("share/bare")
    assert not recwarn.list


def test_an_unknown_package_is_a_key_error_with_the_paths(prefixes):
    with pytest.raises(PackageNotFoundError, match="'nothing' not found, searching: ") as one:
        get_package_prefix("nothing")
    assert prefixes[0] in str(one.value)
    assert isinstance(one.value, KeyError)
    with pytest.raises(PackageNotFoundError):
        get_package_share_path("nothing")


@pytest.mark.parametrize("name", ["_package", "package a", "package/a", "package.a", "/etc", "x"])
def test_a_name_that_no_package_can_have_is_refused(prefixes, name):
    with pytest.raises(ValueError, match="is not a valid package name"):
        get_package_share_directory(name)


def test_a_resource_is_the_first_prefixes(prefixes):
    over, under = prefixes
    assert get_resource("parsers", "foo") == ("over", over)
    assert get_resource("parsers", "bar") == ("under", under)
    assert get_resources("parsers") == {"foo": over, "bar": under}
    assert has_resource("parsers", "bar") == under
    assert has_resource("viewers", "bar") is False
    assert get_resources("nothing") == {}
    assert get_resource_types() == {"packages", "parsers", "viewers"}
    with pytest.raises(LookupError, match="'bar' of type 'viewers'"):
        get_resource("viewers", "bar")


@pytest.mark.parametrize("name", ["/a", "a/b", "\\a", "a\\b"])
def test_names_that_are_paths_are_refused(prefixes, name):
    for ask in (get_resources, lambda kind: has_resource(kind, "foo")):
        with pytest.raises(InvalidResourceTypeNameError):
            ask(name)
    for ask in (get_resource, has_resource):
        with pytest.raises(InvalidResourceNameError):
            ask("parsers", name)
        with pytest.raises(InvalidResourceTypeNameError):
            ask(name, "foo")


def test_all_names_are_in_the_package_itself():
    assert Path(ament_index_python.RESOURCE_INDEX_SUBFOLDER) == INDEX
    assert ament_index_python.PackageNotFoundError is PackageNotFoundError
    assert ament_index_python.packages.get_package_prefix is get_package_prefix


def run(source, *, path=(), **environment):
    """Run Python where no ROS 2 is set up; what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)],
        env={"PATH": "/usr/bin", "PYTHONPATH": ":".join([*map(str, path), str(ROOT)])}
        | environment,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.mark.embedded_only
@pytest.mark.parametrize("named", ["msg", "."])
def test_a_package_whose_msg_folder_lies_beside_package_xml_is_found(tmp_path, named):
    write(tmp_path, "arm/package.xml")
    write(tmp_path, "arm/msg/Spot.msg", text="float64 x\n")
    out = run(f"""
        from pathlib import Path
        from rclpy_cyclone import install
        install(interfaces={{"arm": Path({str(tmp_path)!r}, "arm", {named!r})}})
        from ament_index_python import get_package_share_directory, get_packages_with_prefixes
        print(get_package_share_directory("arm"), get_packages_with_prefixes())
    """)
    folder = str(tmp_path / "arm")
    assert out.strip() == f"{folder} {{'arm': {folder!r}}}"


@pytest.mark.embedded_only
def test_a_package_that_install_is_told_of_is_found_and_its_prefix_too(tmp_path):
    write(tmp_path, "share/arm/config/arm.yaml", "share/arm/package.xml", "share/arm/msg/x.msg")
    write(tmp_path, "sources/camera/package.xml")
    out = run(f"""
        from pathlib import Path
        from rclpy_cyclone import install
        root = Path({str(tmp_path)!r})
        install(share={{"arm": root / "share" / "arm", "camera": root / "sources" / "camera"}})
        from ament_index_python import *
        relative = lambda path: Path(path).relative_to(root)
        for name in ("arm", "camera"):
            print(name, relative(get_package_share_path(name)), relative(get_package_prefix(name)))
            print(has_resource("packages", name) == get_package_prefix(name))
            print(get_resource("packages", name) == ("", get_package_prefix(name)))
        print(sorted(get_resource_types()), sorted(get_resources("packages")))
        try:
            get_package_prefix("gripper")
        except PackageNotFoundError as error:
            print(error)
    """)
    assert "arm share/arm .\nTrue\nTrue\n" in out
    assert "camera sources/camera sources/camera\nTrue\nTrue\n" in out
    assert "['packages'] ['arm', 'camera']" in out
    assert "package 'gripper' not found, searching: [" in out


@pytest.mark.embedded_only
def test_without_a_prefix_and_a_word_to_install_it_says_what_to_do():
    out = run("""
        from rclpy_cyclone import install
        install()
        from ament_index_python import get_package_prefix
        get_package_prefix("arm")
    """)
    assert "OSError: Environment variable 'AMENT_PREFIX_PATH' is not set or empty" in out
    assert "install(share=...)" in out


@pytest.mark.embedded_only
def test_where_ament_prefix_path_is_set_it_alone_counts(prefixes):
    with pytest.raises(PackageNotFoundError):
        get_package_prefix("pam_ros")  # told in conftest.py


@pytest.mark.embedded_only
def test_what_cannot_be_a_share_directory_is_refused(tmp_path):
    from rclpy_cyclone import install

    with pytest.raises(FileNotFoundError, match="the share directory of arm, is not a folder"):
        install(share={"arm": tmp_path / "nothing"})
    with pytest.raises(ValueError, match="'my arm' is not a valid package name"):
        install(share={"my arm": tmp_path})


@pytest.mark.embedded_only
@pytest.mark.parametrize("package", ["ament_index_python", "diagnostic_updater"])
def test_one_that_is_installed_is_taken(tmp_path, package):
    write(tmp_path, f"{package}/__init__.py", f"{package}/cli.py", text="REAL = True\n")
    out = run(f"""
        from rclpy_cyclone import install
        install()
        import {package}, {package}.cli, rclpy
        print({package}.REAL, {package}.cli.REAL, rclpy.__spec__.origin)
    """, path=[tmp_path])  # fmt: skip
    assert out.strip() == "True True rclpy_cyclone"


@pytest.mark.embedded_only
def test_the_command_line_of_the_index_is_left_out():
    with pytest.raises(NotImplementedError, match=r"ament_index_python\.cli is not part of"):
        import ament_index_python.cli  # noqa: F401
