# SPDX-License-Identifier: Apache-2.0
"""Two cameras of a contract that share one topic, each with a crop of its own."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pam_ros.robot import (
    STATE,
    ContractError,
    MessageSet,
    Synchroniser,
    build_observation,
    parse_contract,
)
from pam_ros.robot import observation as observation_module
from pam_ros.robot.sync import sources_by_topic

WIDE = np.random.default_rng(4).integers(0, 256, (6, 20, 3), dtype=np.uint8)


@pytest.fixture
def shared(data):
    left, right = data["cameras"]
    left |= {"topic": "/wide", "crop": {"x": 0, "y": 0, "width": 8, "height": 6}}
    right |= {"topic": "/wide", "crop": {"x": 12, "y": 0, "width": 8, "height": 6}}
    right["encoding"] = "rgb8"
    return data


def test_each_gets_its_part_of_one_picture_that_is_converted_once(shared, spec, monkeypatch):
    contract = parse_contract(shared, "shared.yaml").bind(spec)
    converted = []
    convert = observation_module.camera_image
    monkeypatch.setattr(
        observation_module,
        "camera_image",
        lambda camera, message: converted.append(camera.name) or convert(camera, message),
    )
    wide = SimpleNamespace(
        height=6, width=20, encoding="rgb8", step=60, is_bigendian=0, data=WIDE.tobytes()
    )
    joints = SimpleNamespace(name=["shoulder", "gripper"], position=[0.1, 0.2])
    messages = {"top": wide, "wrist": wide, STATE: joints}
    found = build_observation(contract, MessageSet(dict.fromkeys(messages, 1), messages, 1, 1))
    assert len(converted) == 1
    np.testing.assert_array_equal(found.features["observation.images.top"], WIDE[:, :8])
    means = WIDE[:, 12:].reshape(3, 2, 4, 2, 3).mean(axis=(1, 3))
    assert np.abs(found.features["observation.images.wrist"] - means).max() <= 0.5
    assert (found.regions["top"].crop_x, found.regions["wrist"].crop_x) == (0, 12)


def test_one_message_is_the_synchronisers_of_both(shared):
    contract = parse_contract(shared, "shared.yaml")
    topics = sources_by_topic(contract)
    assert topics == {"/wide": ("top", "wrist"), "/joint_states": (STATE,)}
    synchroniser = Synchroniser.for_contract(contract)
    for topic, message in (("/wide", "picture"), ("/joint_states", "joints")):
        for source in topics[topic]:
            synchroniser.add(source, 10**9, message)
    found = synchroniser.newest(10**9)
    assert found.messages == {"top": "picture", "wrist": "picture", STATE: "joints"}


@pytest.mark.parametrize(
    ("key", "value"), [("type", "sensor_msgs/msg/CompressedImage"), ("encoding", "bgr8")]
)
def test_they_agree_on_what_the_topic_carries(shared, key, value):
    shared["cameras"][1][key] = value
    with pytest.raises(ContractError) as caught:
        parse_contract(shared, "shared.yaml")
    sentence = f"cameras 'top' and 'wrist' share /wide: give them the same {key}"
    assert sentence in caught.value.problems
