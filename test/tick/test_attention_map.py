# SPDX-License-Identifier: Apache-2.0
"""What an AttentionMap says of tokens beside the images, and of attributions."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pam_ros.attention.attribution import attribution_maps
from pam_ros.attention.layout import CameraTokens, TokenGroup, TokenLayout
from pam_ros.attention.maps import GroupMass, weights_maps
from pam_ros.bags.messages import Messages
from pam_ros.robot import MessageSet, build_observation, parse_contract
from pam_ros.robot.images import fill_image
from pam_ros.tick.attention_map import AttentionMapMaker, group_names
from pam_ros.tick.explained import ExplainedTick
from pam_ros.tick.loop import TickOutcome

CAMERA = "observation.images.top"
GRID = CameraTokens(CAMERA, 2, 2, 3, 64, 96, 0.0, 0.0, 32.0, 32.0)
LAYOUT = TokenLayout(
    (
        TokenGroup("latent", 0, 1),
        TokenGroup("joint_state", 1, 2),
        TokenGroup("image", 2, 8, GRID),
        TokenGroup("language", 8, 11, labels=("pick", "the", "cube")),
        TokenGroup("padding", 11, 12),
        TokenGroup("language", 12, 13, labels=("now",)),
        TokenGroup("action", 13, 17),
    )
)
CONTRACT = parse_contract(
    {
        "robot": "arm", "rate_hz": 10,
        "cameras": [{"name": "top", "topic": "/top", "type": "sensor_msgs/msg/Image",
                     "feature": CAMERA}],
        "state": {"topic": "/joint_states", "feature": "observation.state",
                  "joints": [{"name": "pan", "limits": [-3, 3]}]},
        "command": {"topic": "/commands", "type": "sensor_msgs/msg/JointState",
                    "max_velocity": 5},
    },
    "arm.yaml",
)  # fmt: skip
SPEC = SimpleNamespace(
    layout=LAYOUT, name="/models/vla", sha256="c" * 64, chunk_mode="queue", denoising_steps=3,
    state_feature="observation.state",
)  # fmt: skip
PORT = Messages()


def message(maps, reason="", rows_dropped=0, noise_seed=0, **asked):
    image = PORT.new("sensor_msgs/msg/Image")
    fill_image(image, np.zeros((64, 96, 3), np.uint8))
    state = PORT.new("sensor_msgs/msg/JointState")
    state.name, state.position = ["pan"], np.array([0.5])
    sources = {"top": image, "joint_states": state}
    inputs = MessageSet(dict.fromkeys(sources, 5), sources, 5, 5)
    output = SimpleNamespace(forward_seconds=0.25, noise_seed=noise_seed)
    outcome = TickOutcome(1, 7, 5, True, False, False, reason, output, None, False, rows_dropped)
    tick = ExplainedTick(inputs, build_observation(CONTRACT, inputs), outcome, maps, **asked)
    made = AttentionMapMaker(PORT, SPEC, CONTRACT).make(tick)
    # What cannot be serialised is no message.
    return PORT.decode(bytes(PORT.encode(made, "pam_ros/msg/AttentionMap")), made.__msgtype__)


@pytest.fixture
def attention():
    weights = np.random.default_rng(0).random((2, 4, 17), np.float32)
    weights /= weights.sum(-1, keepdims=True)
    return weights_maps("joint_attention", "expert.layers.0", weights, LAYOUT)


def test_cells_and_groups_are_the_whole_and_the_named_shares_repeat_theirs(attention):
    made = message(attention)
    groups = {group.name: group for group in made.groups}
    assert list(groups) == [
        "latent", "joint_state", "language 0", "padding", "language 1", "action",
    ]  # fmt: skip
    assert [group.kind for group in made.groups] == [
        "latent", "joint_state", "language", "padding", "language", "action",
    ]  # fmt: skip
    whole = made.cameras[0].share + sum(group.share for group in made.groups)
    assert whole == pytest.approx(1, abs=1e-6)
    for group in made.groups:
        assert group.share == pytest.approx(float(group.mass.sum()), abs=1e-6)
        assert np.isnan(group.contribution)
    assert groups["latent"].share == made.latent_share
    assert groups["joint_state"].share == made.joint_state_share
    assert np.isnan(made.environment_share)
    assert groups["language 0"].labels == ["pick", "the", "cube"]
    assert len(groups["action"].mass) == 4 and not groups["action"].labels


def test_what_attention_has_not_is_neutral(attention):
    made = message(attention, method_asked="joint_attention")
    assert (made.unit, made.baseline, made.points, made.target) == ("", "", 0, "")
    assert (made.instruction, made.noise_seed) == ("", 0)
    assert message(attention, noise_seed=2**63 - 1).noise_seed == 2**63 - 1
    assert (made.method_asked, made.method_reason) == ("joint_attention", "")
    assert (made.denoising_step, made.denoising_steps) == (-1, 3)
    assert made.first_executed_tick == made.tick == 7
    assert message(attention, rows_dropped=2).first_executed_tick == 9
    assert len(made.cameras[0].signed_cells) == 0
    assert np.isnan([made.cameras[0].contribution, made.cameras[0].part_share]).all()


def test_a_signed_attribution_keeps_its_signs_and_its_sum_is_the_change():
    values = np.random.default_rng(1).normal(size=(64, 96)).astype(np.float32)
    maps = attribution_maps(
        "integrated_gradients", {CAMERA: values}, LAYOUT,
        target="chunk", baseline="blur", points=32, contributions={"joint_state": -0.5},
    )  # fmt: skip
    asked = {"method_asked": "input_gradients", "method_reason": "there are no gradients"}
    made = message(maps, **asked)
    camera = made.cameras[0]
    cells, signed = camera.cells, camera.signed_cells
    assert (signed < 0).any() and (cells >= 0).all() and len(cells) == len(signed) == 6
    assert camera.contribution == pytest.approx(float(values.sum(dtype=np.float64)), rel=1e-4)
    assert camera.contribution == pytest.approx(float(signed.sum()), rel=1e-4)
    assert (made.unit, made.baseline, made.points) == ("normalised action", "blur", 32)
    assert (made.method_asked, made.method_reason) == tuple(asked.values())
    by_name = {group.name: group for group in made.groups}
    assert by_name["joint_state"].contribution == -0.5
    assert all(np.isnan(group.share) and len(group.mass) == 0 for group in made.groups)
    assert np.isnan(by_name["language 0"].contribution)
    assert by_name["language 0"].labels == ["pick", "the", "cube"]


@pytest.mark.parametrize("known", [True, False])
def test_a_contributions_parts_are_no_sums_of_its_cells(known):
    values = np.ones((64, 96), np.float32)
    parts = {CAMERA: -0.5, "joint_state": 1.5} if known else {}
    maps = attribution_maps("contribution", {CAMERA: values}, LAYOUT, contributions=parts)
    made = message(maps)
    (camera,) = made.cameras
    (state,) = (group for group in made.groups if group.kind == "joint_state")
    assert camera.signed_cells.sum() == pytest.approx(values.sum())
    assert camera.share == pytest.approx(1)
    found = [camera.contribution, state.contribution, camera.part_share, made.joint_state_share]
    expected = [-0.5, 1.5, 0.25, 0.75] if known else [np.nan] * 4
    np.testing.assert_allclose(found, expected)
    assert np.isnan(made.environment_share)


@pytest.mark.parametrize("method", ["input_gradients", "grad_cam"])
def test_a_method_without_a_sign_has_no_signed_cells(method):
    made = message(attribution_maps(method, {CAMERA: np.ones((64, 96), np.float32)}, LAYOUT))
    assert len(made.cameras[0].signed_cells) == 0
    assert np.isnan(made.cameras[0].contribution)
    assert all(np.isnan(group.contribution) for group in made.groups)


def test_a_tick_without_a_map_says_what_was_asked_and_has_no_groups():
    made = message(None, "the policy failed", method_asked="rollout")
    assert (made.valid, made.method, made.method_asked) == (False, "", "rollout")
    assert made.groups == []
    assert (made.denoising_step, made.denoising_steps, made.first_executed_tick) == (-1, 3, 7)
    camera = made.cameras[0]
    assert np.isnan([camera.share, camera.contribution, camera.part_share]).all()


def test_one_group_of_a_kind_has_no_number():
    nothing = np.zeros(0, np.float32)
    kinds = ("other", "language", "other")
    names = group_names([GroupMass(kind, 0.0, nothing) for kind in kinds])
    assert list(names) == ["other 0", "language", "other 1"]


def test_a_robot_whose_messages_all_lack_a_header_has_its_maps_all_the_same():
    array = "std_msgs/msg/Float64MultiArray"
    contract = parse_contract(
        {"robot": "blind", "rate_hz": 10,
         "state": {"topic": "/state", "type": array, "feature": "observation.state",
                   "joints": [{"name": "pan", "limits": [-3, 3]}]},
         "environment": {"topic": "/world", "feature": "observation.environment_state"},
         "command": {"topic": "/commands", "type": array, "joints": ["pan"], "max_velocity": 5}},
        "blind.yaml",
    )  # fmt: skip
    sources = {"joint_states": PORT.new(array), "environment": PORT.new(array)}
    for each in sources.values():
        each.data = np.array([0.5])
    inputs = MessageSet(dict.fromkeys(sources, 5), sources, 5, 5)
    outcome = TickOutcome(1, 7, 5, True, False, False, "skipped", None)
    tick = ExplainedTick(inputs, build_observation(contract, inputs, 1), outcome, None)
    made = AttentionMapMaker(PORT, SPEC, contract).make(tick)
    assert made.header.stamp.nanosec == 5
    assert (made.header.frame_id, made.joint_state_stamp.nanosec) == ("", 0)
