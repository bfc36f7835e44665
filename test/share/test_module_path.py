# SPDX-License-Identifier: Apache-2.0
"""Where a process that this one starts finds the same modules."""

from __future__ import annotations

from pam_ros.share import module_path as found_in
from pam_ros.share.module_path import module_path


def test_a_workspace_of_links_is_itself_and_not_the_sources(tmp_path, monkeypatch):
    """As `colcon build --symlink-install` makes it; only there are the messages."""
    link = tmp_path / "site-packages" / "pam_ros" / "share" / "module_path.py"
    link.parent.mkdir(parents=True)
    link.symlink_to(found_in.__file__)
    monkeypatch.setattr(found_in, "__file__", str(link))
    assert module_path()[0] == str(tmp_path / "site-packages")


def test_the_working_folder_is_not_in_it(monkeypatch):
    monkeypatch.setattr("sys.path", ["", "/a place"])
    assert "" not in module_path()
    assert module_path()[-1] == "/a place"
