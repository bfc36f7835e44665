# SPDX-License-Identifier: Apache-2.0
"""Recorded images that tell only their type, shown as the contract says."""

from __future__ import annotations

import numpy as np
import pytest
import yaml
from synthetic_recording import TOP, TYPES, write_recording

from pam_ros.bags import BagReader, BagWriter
from pam_ros.robot import ContractError
from pam_ros.show.report.frames import tick_pictures
from pam_ros.show.report.main import contract_encodings
from pam_ros.show.report.recording import read_recording

IMAGE = "sensor_msgs/msg/Image"


@pytest.fixture
def contract(tmp_path):
    file = tmp_path / "contract.yaml"
    file.write_text(yaml.safe_dump({
        "robot": "arm", "rate_hz": 10,
        "cameras": [
            {"name": "top", "topic": TOP, "feature": "observation.images.top", "encoding": "rgb8"},
            {"name": "side", "topic": "/side", "feature": "observation.images.side"},
        ],
        "state": {"topic": "/joints", "joints": [{"name": "pan", "limits": [-3, 3]}]},
        "command": {"topic": "/go", "type": "sensor_msgs/msg/JointState", "max_velocity": 5},
    }))  # fmt: skip
    return str(file)


def copied(source, target):
    """The bag with images of TOP that say 8UC3."""
    with BagReader(source) as reader, BagWriter(target) as writer:
        for topic in reader.topics.values():
            writer.add_topic(topic.name, topic.type)
        for message in reader.messages():
            data = message.data
            if message.topic == TOP:
                decoded = reader.decode(message)
                assert decoded.encoding == "rgb8"
                decoded.encoding = "8UC3"
                data = bytes(TYPES.serialize_cdr(decoded, IMAGE))
            writer.write(message.topic, data, message.stamp_ns)
    return target


def test_a_report_shows_them_as_the_contract_says(tmp_path, contract):
    write_recording(tmp_path / "named")
    bag = copied(tmp_path / "named", tmp_path / "typed")
    assert contract_encodings("") == {}
    assert contract_encodings(contract) == {TOP: "rgb8"}
    named = list(tick_pictures(tmp_path / "named", read_recording(tmp_path / "named")))
    recording = read_recording(bag)
    assert all("top" not in pictures for pictures in tick_pictures(bag, recording))
    assert recording.notes[-1].endswith("could not be read and are left out")
    recording.encodings = contract_encodings(contract)
    for found, expected in zip(tick_pictures(bag, recording), named, strict=True):
        np.testing.assert_array_equal(found["top"], expected["top"])


def test_a_contract_that_is_wrong_is_told(tmp_path):
    (tmp_path / "wrong.yaml").write_text("robot: arm")
    with pytest.raises(ContractError, match=r"wrong\.yaml has"):
        contract_encodings(str(tmp_path / "wrong.yaml"))
