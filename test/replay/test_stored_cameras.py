# SPDX-License-Identifier: Apache-2.0
"""A recording that holds its cameras compressed is replayed, reported and collected as it is."""

from dataclasses import replace

import numpy as np
import pytest
from recorded_robot import ATTENTION, TYPES, counts, observed, read, write_bag

from pam_ros.bags import BagReader, BagWriter, qos
from pam_ros.nodes.recorders.camera_store import CameraStore, Storing
from pam_ros.observations.bag import BagSource
from pam_ros.policy import load_policy
from pam_ros.replay.one_bag import replay_bag
from pam_ros.show.report.frames import tick_pictures
from pam_ros.show.report.recording import read_recording

FRAMES = 9


def stored_bag(path, storing):
    """What the recorder makes of the messages of `observed`."""
    with BagWriter(path) as writer:
        stores = {}
        for topic, kind in TYPES.items():
            if kind == "sensor_msgs/msg/Image":
                stores[topic] = CameraStore(writer, topic, qos(), storing, None, pytest.fail)
            else:
                writer.add_topic(topic, kind)
        for topic, _, received, data in observed(FRAMES):
            if topic in stores:
                stores[topic].put(data, received)
            else:
                writer.write(topic, data, received)
        for store in stores.values():
            store.close()
    return path


@pytest.mark.parametrize(
    ("storing", "ending"),
    [(Storing("jpeg", jpeg_quality=100), "compressed"), (Storing("h264", h264_crf=4), "ffmpeg")],
)
def test_it_is_read_as_if_the_raw_pictures_were_in_it(
    tmp_path, settings, checkpoint, contract, storing, ending
):
    bag = stored_bag(tmp_path / "stored", storing)
    whole = write_bag(tmp_path / "whole", observed(FRAMES))
    # Of a random network, gradients tell a lossy picture from the whole one; attention less so.
    settings = replace(settings, method="rollout")
    report = replay_bag(bag, tmp_path / "out", settings)
    expected = replay_bag(whole, tmp_path / "expected", settings)
    assert (report.ticks, report.valid) == (expected.ticks, expected.valid) == (FRAMES, FRAMES)
    assert not report.notes
    # The camera's topics are copied as they lie in the recording, no larger.
    copied = counts(tmp_path / "out")
    assert copied[f"/top/image_raw/{ending}"] == FRAMES
    assert "/top/image_raw" not in copied
    for ours, theirs in zip(
        read(tmp_path / "out", ATTENTION), read(tmp_path / "expected", ATTENTION), strict=True
    ):
        assert ours.header.stamp == theirs.header.stamp
        shares = [[camera.share for camera in m.cameras] for m in (ours, theirs)]
        assert np.allclose(*shares, atol=0.02)
    # The new bag is read in the same way, by the report too.
    recording = read_recording(tmp_path / "out")
    shown = {"compressed": "/{}/image_raw/compressed", "ffmpeg": "/{}/image_raw"}[ending]
    assert recording.camera_topics == {name: shown.format(name) for name in ("top", "side")}
    # Also by the name that somebody gives.
    given = {"top": "/top/image_raw/compressed"} if ending == "compressed" else {}
    assert read_recording(tmp_path / "out", given).camera_topics == recording.camera_topics
    pictures = list(tick_pictures(tmp_path / "out", recording))
    assert [sorted(found) for found in pictures] == [["side", "top"]] * FRAMES
    assert all(at.exact for found in recording.pictures for at in found.values())
    # And collected from.
    policy = load_policy(checkpoint, device="cpu")
    frames = list(BagSource(policy, [bag], contract).frames(None))
    raw = list(BagSource(policy, [whole], contract).frames(None))
    assert len(frames) == len(raw) == FRAMES
    with BagReader(bag) as reader:
        assert set(reader.stored) == {"/top/image_raw", "/side/image_raw"}
