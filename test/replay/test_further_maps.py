# SPDX-License-Identifier: Apache-2.0
"""Maps of further targets: replayed as they were recorded, and as they are asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from recorded_robot import ATTENTION, observed, read, write_bag

from pam_ros.bags import BagReader
from pam_ros.replay.errors import ReplayError
from pam_ros.replay.one_bag import replay_bag

BELOW = "/act_attention/attention_map"


def topics(bag):
    with BagReader(bag) as reader:
        return set(reader.topics)


def test_what_is_asked_for_is_replayed_again_from_what_was_recorded(settings, tmp_path):
    bag = write_bag(tmp_path / "bag", observed(4))
    asked = replace(settings, method="contribution", targets=("lift", "pan[0:2]"))
    replay_bag(bag, tmp_path / "first", asked)
    own = read(tmp_path / "first", ATTENTION)
    lift = read(tmp_path / "first", f"{BELOW}/lift")
    pan = read(tmp_path / "first", f"{BELOW}/pan_0_2")
    assert [len(own), len(lift), len(pan)] == [4, 4, 4]
    assert {one.target for one in lift} == {"lift"}
    assert {one.target for one in pan} == {"pan[0:2]"}
    for one, other in zip(own, lift, strict=True):
        assert (one.header, one.tick, one.episode) == (other.header, other.tick, other.episode)

    # As recorded: the copy holds no map that is not anew.
    replay_bag(tmp_path / "first", tmp_path / "second", settings)
    assert topics(tmp_path / "second") == topics(tmp_path / "first")
    for topic, before in ((f"{BELOW}/lift", lift), (f"{BELOW}/pan_0_2", pan)):
        after = read(tmp_path / "second", topic)
        assert len(after) == len(before)
        for one, other in zip(after, before, strict=True):
            np.testing.assert_allclose(
                one.cameras[0].signed_cells, other.cameras[0].signed_cells, atol=1e-5
            )

    # Another method has none, and leaves none of the recording's.
    replay_bag(tmp_path / "first", tmp_path / "third", replace(settings, method="rollout"))
    assert not any(topic.startswith(BELOW) for topic in topics(tmp_path / "third"))


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        (("gripper",), "'gripper' is none of this policy's"),
        (("lift[0:2]", "lift[0:2]"), "would be on one topic, lift_0_2"),
    ],
)
def test_targets_that_cannot_be(settings, tmp_path, targets, words):
    bag = write_bag(tmp_path / "bag", observed(2))
    with pytest.raises(ReplayError, match=words.replace("[", r"\[")):
        replay_bag(bag, tmp_path / "out", replace(settings, method="contribution", targets=targets))
    assert replace(settings, targets=targets).identity()["targets"] == list(targets)
    assert "targets" not in settings.identity()
