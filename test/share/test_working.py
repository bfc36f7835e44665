# SPDX-License-Identifier: Apache-2.0
"""Work that takes long says what it is at once, and later how far."""

import re
import threading

import pytest

from pam_ros.share.working import working


def test_the_first_line_comes_before_the_work(capsys):
    with working("loading models/demo_act"):
        assert capsys.readouterr().err == "loading models/demo_act ...\n"
    assert capsys.readouterr().err == ""


def test_work_that_goes_on_says_its_count():
    lines, twice = [], threading.Event()

    def say(line):
        lines.append(line)
        if lines[-2].endswith(" s, 7 messages"):
            twice.set()

    lines.append("before")
    with working("reading run1", "messages", say, every_s=0.01) as count:
        count.add(7)
        assert twice.wait(60.0)
    first, *others = lines[1:]
    assert first == "reading run1 ..."
    # A line may come before the count.
    counts = [
        re.fullmatch(r"reading run1 \.\.\. \d+ s, ([07]) messages", each)[1] for each in others
    ]
    assert counts == sorted(counts)
    assert counts.count("7") >= 2


def test_an_error_ends_it():
    lines = []
    with pytest.raises(ValueError, match="no"), working("work", say=lines.append, every_s=0.01):
        raise ValueError("no")
    assert not [each for each in threading.enumerate() if each.name == "working"]
