# SPDX-License-Identifier: Apache-2.0
"""From a set of messages to what the policy reads."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pam_ros.robot import STATE, MessageError, MessageSet, build_observation, parse_contract

RNG = np.random.default_rng(5)
TOP = RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8)
WRIST = RNG.integers(0, 256, (10, 12, 3), dtype=np.uint8)


def image(rgb, encoding="rgb8"):
    height, width = rgb.shape[:2]
    return SimpleNamespace(
        height=height, width=width, encoding=encoding, step=3 * width, data=rgb.tobytes()
    )


@pytest.fixture
def messages():
    return {
        "top": image(TOP),
        "wrist": image(WRIST[:, :, ::-1].copy(), "bgr8"),
        STATE: SimpleNamespace(name=["gripper", "x", "shoulder"], position=[1.5, 9.0, -0.25]),
    }


def message_set(messages) -> MessageSet:
    return MessageSet(dict.fromkeys(messages, 1), messages, 1, 1)


def test_features_are_exactly_what_the_policy_names(contract, spec, messages):
    observation = build_observation(contract.bind(spec), message_set(messages))
    assert set(observation.features) == set(spec.features)
    np.testing.assert_array_equal(observation.features["observation.images.top"], TOP)
    # Crop rows 1 to 7 and columns 2 to 10, then halve: means of blocks of four.
    blocks = WRIST[1:7, 2:10].reshape(3, 2, 4, 2, 3).mean(axis=(1, 3))
    wrist = observation.features["observation.images.wrist"]
    assert wrist.shape == (3, 4, 3)
    assert np.abs(wrist - blocks).max() <= 0.5
    state = observation.features["observation.state"]
    assert state.dtype == np.float32
    np.testing.assert_allclose(state, [-0.25, 50.0], atol=1e-5)


def test_pictures_and_safety_get_whole_images_and_radians(contract, spec, messages):
    observation = build_observation(contract.bind(spec), message_set(messages))
    np.testing.assert_array_equal(observation.sources["wrist"], WRIST)
    assert vars(observation.regions["wrist"]) == {
        "crop_x": 2,
        "crop_y": 1,
        "crop_width": 8,
        "crop_height": 6,
        "width": 4,
        "height": 3,
        "rotate": 0,
        **dict.fromkeys(("left", "top", "right", "bottom"), 0),
    }
    np.testing.assert_allclose(observation.measured, [-0.25, 1.5])


def test_measured_positions_follow_the_commands_order(data, spec, messages):
    data["command"]["joints"] = ["gripper", "shoulder"]
    contract = parse_contract(data, "file.yaml").bind(spec)
    np.testing.assert_allclose(
        build_observation(contract, message_set(messages)).measured, [1.5, -0.25]
    )


@pytest.mark.parametrize(
    ("source", "message", "sentence"),
    [
        ("top", image(TOP, "bgr8"), r"camera 'top' \(/top/image_raw\): image encoding is 'bgr8'"),
        ("top", image(TOP[:4]), "camera 'top' gives 4x8 .* wants 6x8"),
        ("wrist", image(TOP), "camera 'wrist' sends 6x8"),
        (STATE, SimpleNamespace(name=[], position=[]), "/joint_states: joint message lacks"),
    ],
)
def test_a_bad_message_names_its_source(contract, spec, messages, source, message, sentence):
    messages[source] = message
    with pytest.raises(MessageError, match=sentence):
        build_observation(contract.bind(spec), message_set(messages))


def test_a_number_that_float32_does_not_have_is_told_with_its_topic(contract, spec, messages):
    messages[STATE].position[0] = 1e300
    with pytest.raises(MessageError, match=r"^/joint_states: joint message has no usable position"):
        build_observation(contract.bind(spec), message_set(messages))
