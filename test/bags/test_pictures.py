# SPDX-License-Identifier: Apache-2.0
"""Which pictures a bag has, and in what order they are shown."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from synthetic_bags import SECOND, START_NS, TYPES, Shot, header, string_cdr, write_shots

from pam_ros.bags import BagError, BagReader, BagWriter
from pam_ros.bags.pictures import (
    CameraTopics,
    decode_picture,
    find_cameras,
    header_stamp_ns,
    pictures,
)

RED, BLUE, GREEN = (220, 20, 30), (20, 30, 220), (20, 200, 30)
OVERLAY = "/act_attention/attention/top/image"


def cameras_of(path, topics, raw=None):
    write_shots(path, [Shot(topic, 1.0, 1.0, RED) for topic in topics])
    with BagReader(path) as reader:
        return find_cameras(reader, raw)


@pytest.mark.parametrize(
    ("topics", "raw"),
    [
        (["/top/image_raw"], "/top/image_raw"),
        (["/robot/top/color/image_raw", "/wrist/image_raw"], "/robot/top/color/image_raw"),
        (["/top/image_raw", "/top/image_raw/compressed"], "/top/image_raw"),
        (["/top/depth/image_raw"], None),
        (["/laptop/image_raw"], None),
        ([], None),
    ],
)
def test_the_cameras_own_images_are_found_by_its_name(tmp_path, topics, raw):
    found = cameras_of(tmp_path / "bag", [OVERLAY, *topics])
    assert found == (CameraTopics("top", OVERLAY, raw),)


def test_the_raw_topic_can_be_given(tmp_path):
    topics = [OVERLAY, "/top/image_raw", "/camera_3/image"]
    found = cameras_of(tmp_path / "bag", topics, {"top": "/camera_3/image"})
    assert found[0].raw == "/camera_3/image"
    with pytest.raises(BagError, match="has no images on /camera_4, given for camera 'top'"):
        cameras_of(tmp_path / "bag2", topics, {"top": "/camera_4"})


def test_cameras_come_by_name_from_any_node_and_namespace(tmp_path):
    topics = ["/cell/left/my_node/attention/wrist/image", "/cell/left/my_node/attention/top/image"]
    found = cameras_of(tmp_path / "bag", topics)
    assert [camera.name for camera in found] == ["top", "wrist"]


def test_a_bag_without_overlays_says_what_it_lacks_and_what_it_has(tmp_path):
    with pytest.raises(
        BagError, match=r"~/attention/<camera>/image \(its topics: /top/image_raw\)"
    ):
        cameras_of(tmp_path / "bag", ["/top/image_raw"])
    with BagWriter(tmp_path / "empty") as writer:
        writer.add_topic(OVERLAY, "sensor_msgs/msg/Image")
    with BagReader(tmp_path / "empty") as reader, pytest.raises(BagError, match="no pictures on"):
        find_cameras(reader)


def order_of(path, shots) -> list[tuple[float, str]]:
    write_shots(path, shots)
    with BagReader(path) as reader:
        return [
            (round(picture.time_s, 6), picture.message.topic)
            for picture in pictures(reader, list(reader.topics))
        ]


def test_pictures_come_by_header_stamp_not_by_time_of_recording(tmp_path):
    shots = [
        Shot("/a", 1.0, 1.01, RED),
        Shot("/a", 1.1, 1.11, RED),
        Shot("/a", 1.2, 1.21, RED),
        Shot("/overlay", 1.0, 1.15, RED),  # explains the first image, recorded after the second
        Shot("/overlay", 1.1, 1.25, RED),
    ]
    assert order_of(tmp_path / "bag", shots) == [
        (0.0, "/a"),
        (0.0, "/overlay"),
        (0.1, "/a"),
        (0.1, "/overlay"),
        (0.2, "/a"),
    ]


def test_a_clock_that_begins_anew_goes_on_in_time(tmp_path):
    shots = [Shot("/a", 100 + k / 10, k / 10, RED) for k in range(5)]
    shots += [Shot("/a", 5 + k / 10, 0.5 + k / 10, BLUE) for k in range(4)]
    times = [time for time, _ in order_of(tmp_path / "bag", shots)]
    assert times == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4, 0.4, 0.5, 0.6, 0.7])


@pytest.mark.parametrize("absurd", [0.0, 5000.0, 2e8])
def test_one_absurd_stamp_costs_nothing(tmp_path, absurd):
    stamps = [1000 + k / 10 for k in range(8)]
    stamps[4] = absurd
    shots = [Shot("/a", value, k / 10, RED) for k, value in enumerate(stamps)]
    times = [time for time, _ in order_of(tmp_path / "bag", shots)]
    others = sorted(set(times))
    assert others == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.5, 0.6, 0.7])


def test_a_pause_of_the_robot_and_a_fast_simulation_keep_their_times(tmp_path):
    paused = [Shot("/a", t, t, RED) for t in (0.0, 0.1, 60.0, 60.1)]
    assert [t for t, _ in order_of(tmp_path / "a", paused)] == pytest.approx([0.0, 0.1, 60.0, 60.1])
    fast = [Shot("/a", 3.0 * k, 0.1 * k, RED) for k in range(5)]
    assert [t for t, _ in order_of(tmp_path / "b", fast)] == pytest.approx([0, 3, 6, 9, 12])


def test_the_header_stamp_is_read_from_either_byte_order():
    message = TYPES.types["sensor_msgs/msg/CompressedImage"](
        header=header(START_NS + 123), format="jpeg", data=np.zeros(3, np.uint8)
    )
    from pam_ros.bags import BagMessage

    for little in (True, False):
        data = bytes(
            TYPES.serialize_cdr(message, "sensor_msgs/msg/CompressedImage", little_endian=little)
        )
        assert header_stamp_ns(BagMessage("/a", "", 0, data)) == START_NS + 123
    with pytest.raises(BagError, match="/a is cut short"):
        header_stamp_ns(BagMessage("/a", "", 0, data[:8]))


def test_compressed_overlays_are_read_too(tmp_path):
    rgb = np.full((32, 48, 3), RED, dtype=np.uint8)
    data = cv2.imencode(".png", rgb[:, :, ::-1])[1].reshape(-1)
    message = TYPES.types["sensor_msgs/msg/CompressedImage"](
        header=header(START_NS), format="rgb8; png compressed bgr8", data=data
    )
    kind = "sensor_msgs/msg/CompressedImage"
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic(OVERLAY + "/compressed", kind)
        writer.write(OVERLAY + "/compressed", TYPES.serialize_cdr(message, kind), START_NS + SECOND)
    with BagReader(tmp_path / "bag") as reader:
        assert find_cameras(reader) == (CameraTopics("top", OVERLAY + "/compressed", None),)
        (picture,) = reader.messages()
        np.testing.assert_array_equal(decode_picture(reader, picture), rgb)


def test_a_picture_that_is_none_is_named(tmp_path):
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic(OVERLAY, "sensor_msgs/msg/Image")
        writer.write(OVERLAY, string_cdr("not an image at all"), START_NS)
    with BagReader(tmp_path / "bag") as reader:
        (message,) = reader.messages()
        with pytest.raises(BagError, match="is no sensor_msgs/msg/Image"):
            decode_picture(reader, message)
