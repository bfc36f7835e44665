# SPDX-License-Identifier: Apache-2.0
"""What the demo says to a policy that reads words."""

from __future__ import annotations

import json
import os

import pytest

from pam_ros.commands.demo_words import EVERY_S, Teller, reads_words
from pam_ros.sim.instructions import instruction
from pam_ros.sim.scene import OBJECTS


@pytest.fixture
def pipe():
    read, write = os.pipe()
    with os.fdopen(read) as words, os.fdopen(write, "w") as typing:
        yield words, typing


def test_each_object_has_its_turn_until_somebody_types(pipe):
    words, typing = pipe
    said = []
    teller = Teller(said.append, words)
    for tenths in range(int(40 * EVERY_S)):
        teller.look(tenths / 10)
    assert said == [instruction(OBJECTS[turn % 3]) for turn in (1, 2, 0)]
    typing.write("  point at the green can \n")
    typing.flush()
    for tenths in range(int(40 * EVERY_S), int(80 * EVERY_S)):
        teller.look(tenths / 10)
    assert said[3:] == ["point at the green can"]
    typing.write("\n")
    typing.close()
    teller.look(1000.0)
    teller.look(1001.0)
    assert len(said) == 4


def test_without_a_terminal_the_turns_go_on():
    said = []
    teller = Teller(said.append)
    teller.look(EVERY_S)
    assert said == [instruction(OBJECTS[1])]


def test_which_policies_read_words(tmp_path):
    assert not reads_words(str(tmp_path))
    for text in ("{", "[]", "{}", '{"input_shapes": {}}'):
        (tmp_path / "config.json").write_text(text)
        assert not reads_words(str(tmp_path))
    for kind, reads in (("act", False), ("smolvla", True)):
        (tmp_path / "config.json").write_text(json.dumps({"type": kind}))
        assert reads_words(str(tmp_path)) is reads
