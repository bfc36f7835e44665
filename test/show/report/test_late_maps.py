# SPDX-License-Identifier: Apache-2.0
"""Maps and features that were recorded after those of later ticks, and tokens beside the images."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_recording import TICKS, WORDS, write_recording
from test_recording import data_of

from pam_ros.bags import BagReader
from pam_ros.bags.summary import summarise
from pam_ros.show.report.page import write_report
from pam_ros.show.report.payload import payload_words
from pam_ros.show.report.recording import read_recording

# The whole of a delay: as if those of ticks 8 and 9 were swapped, and as slow passes come.
SWAPPED = {8: 0.1, 9: -0.1}
LATE = {8: 0.13, 15: 0.46, 22: 0.73}


@pytest.mark.parametrize("delays", [SWAPPED, LATE])
def test_the_report_and_the_summary_are_the_same(page, recording, tmp_path, delays):
    bag = tmp_path / "run"
    write_recording(bag, map_delays=delays)
    with BagReader(bag) as reader:
        numbers = [reader.decode(one).tick for one in reader.messages(["/act_attention/attention"])]
    assert numbers != sorted(numbers)
    found = read_recording(bag)
    assert [tick.message.tick for tick in found.ticks] == list(range(TICKS))
    write_report(bag, tmp_path / "report.html")
    assert data_of(tmp_path / "report.html") == data_of(page)
    assert summarise(bag) == summarise(recording)


def test_groups_beside_the_cameras_are_shown_with_their_words(page):
    data = data_of(page)
    assert list(data["shares"]) == ["top", "side", "joint state", "latent", "language"]
    np.testing.assert_allclose(data["shares"]["language"], 0.03, atol=1e-4)
    (words,) = data["words"]
    assert (words["group"], words["labels"]) == ("language", list(WORDS))
    assert words["mass"] == [[0.0, 0.02, 0.01]] * TICKS


def test_pieces_of_words_are_joined(recording):
    found = read_recording(recording)
    for tick in found.ticks:
        for group in tick.message.groups:
            if group.name == "language":
                group.labels = ["p", "ick", "\u0120up"]
    (words,) = payload_words(found)
    assert words["labels"] == ["pick", "up"]
    assert words["mass"] == [[0.02, 0.01]] * TICKS
