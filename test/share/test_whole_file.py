# SPDX-License-Identifier: Apache-2.0
"""A file that is there as a whole or not at all."""

import os

import pytest

from pam_ros.share.errors import PamRosError
from pam_ros.share.whole_file import replace_file


class TestError(PamRosError):
    __test__ = False


def test_the_new_content_takes_the_old_ones_place(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"old")
    replace_file(file, b"new", TestError)
    assert file.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [file]


def test_a_full_disk_leaves_the_old_content(tmp_path, monkeypatch):
    file = tmp_path / "file"
    file.write_bytes(b"old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TestError, match="file cannot be written: No space left on device"):
        replace_file(file, b"new", TestError)
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]
