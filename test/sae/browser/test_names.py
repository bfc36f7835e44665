# SPDX-License-Identifier: Apache-2.0
"""Names survive concurrent writers, and nobody overwrites what he has not seen."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pam_ros.sae.browser.errors import FeaturesError
from pam_ros.sae.browser.names import NO_LABEL, Label, Names

ROOT = Path(__file__).parents[3]
SHA = "b" * 64
EACH = 40


@pytest.fixture
def names(tmp_path):
    return Names(tmp_path / "feature_names.json", SHA)


WRITER = """
import sys, time
from pathlib import Path
from pam_ros.sae.browser.names import NO_LABEL, Label, Names

path, first, each = Path(sys.argv[1]), int(sys.argv[3]), int(sys.argv[4])
names = Names(path, sys.argv[2])
path.with_name(f"ready{first}").touch()
while len(list(path.parent.glob("ready*"))) < 2:
    time.sleep(0.001)
for number in range(first, first + each):
    names.write(number, Label(f"feature {number}", "by one of them"), NO_LABEL)
"""


def test_two_processes_lose_none_of_their_names(names):
    command = [sys.executable, "-c", WRITER, str(names.path), SHA]
    writers = [subprocess.Popen([*command, str(first), str(EACH)], cwd=ROOT) for first in (0, 1000)]
    assert [writer.wait(120) for writer in writers] == [0, 0]
    expected = {n: f"feature {n}" for first in (0, 1000) for n in range(first, first + EACH)}
    assert {n: label.name for n, label in names.all().items()} == expected


def test_a_change_by_somebody_else_is_not_overwritten(names):
    names.write(7, Label("red cube"), NO_LABEL)
    other = Names(names.path, SHA)
    with pytest.raises(FeaturesError, match="'red cube' meanwhile"):
        other.write(7, Label("gripper"), NO_LABEL)
    assert names.of(7) == Label("red cube")
    other.write(7, Label("red cube, near"), Label("red cube"))
    assert names.of(7) == Label("red cube, near")
    # The same words twice are no conflict.
    names.write(7, Label("red cube, near"), Label("red cube"))


def test_another_features_name_is_kept_and_a_changed_file_is_read_anew(names):
    other = Names(names.path, SHA)
    names.write(1, Label("one"), NO_LABEL)
    assert other.of(1).name == "one"
    other.write(2, Label("two", "second\nline"), NO_LABEL)
    assert names.all() == {1: Label("one"), 2: Label("two", "second\nline")}
    names.write(1, NO_LABEL, Label("one"))
    assert other.all() == {2: Label("two", "second\nline")}


def test_a_name_is_one_line_and_has_a_longest(names):
    names.write(1, Label("  red\n cube "), NO_LABEL)
    assert names.of(1).name == "red cube"
    with pytest.raises(FeaturesError, match="101 characters"):
        names.write(2, Label("x" * 101), NO_LABEL)
    with pytest.raises(FeaturesError, match="5001 characters"):
        names.write(2, Label("x", "y" * 5001), NO_LABEL)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": "pam_ros feature names 1"}'])
def test_a_damaged_file_is_left_alone(names, content):
    names.path.write_text(content)
    with pytest.raises(FeaturesError, match="left alone"):
        names.all()
    with pytest.raises(FeaturesError, match="left alone"):
        names.write(1, Label("one"), NO_LABEL)
    assert names.path.read_text() == content


def test_names_of_another_sae_are_refused(names):
    names.write(1, Label("one"), NO_LABEL)
    with pytest.raises(FeaturesError, match="another SAE"):
        Names(names.path, "c" * 64).all()


def test_a_write_that_fails_leaves_the_file_as_it_was(names, monkeypatch):
    names.write(1, Label("one"), NO_LABEL)
    before = names.path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FeaturesError, match="No space left"):
        names.write(2, Label("two"), NO_LABEL)
    monkeypatch.undo()
    assert names.path.read_bytes() == before
    assert json.loads(before)["features"] == {"1": {"name": "one", "description": ""}}
    assert not list(names.path.parent.glob(".*.part"))
