# SPDX-License-Identifier: Apache-2.0
"""The attention node over topics, with a small random policy."""

import math
import time

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from sensor_msgs.msg import CompressedImage, Image, JointState
from std_msgs.msg import Float64MultiArray
from std_srvs.srv import SetBool, Trigger
from trajectory_msgs.msg import JointTrajectory

from pam_ros.msg import AttentionMap, TokenActivations
from pam_ros.nodes.act.token_publisher import TOKEN_QOS
from pam_ros.nodes.kit.parameters import ParameterError
from pam_ros.policy import PolicyError, load_policy

ATTENTION = "/act_attention/attention"
OVERLAY = "/act_attention/attention/top/image"


def nanoseconds(stamp) -> int:
    return stamp.sec * 10**9 + stamp.nanosec


def tick(robot, maps, **observation):
    """One observation and the map that explains it."""
    stamp = robot.observe(**observation)

    def found():
        # Maps of observations before may come first, and after it.
        return [one for one in list(maps) if robot.stamp(one) == stamp]

    assert robot.wait(found), "no map of this observation came back"
    return found()[0]


def test_a_tick_shows_raw_mass_that_sums_to_one_with_the_stamp_of_its_observation(attention_robot):
    robot = attention_robot(attention_method="rollout")
    maps = robot.listen(AttentionMap, ATTENTION)
    robot.spin()
    message = tick(robot, maps, frame_id="top_optical")
    (camera,) = message.cameras
    assert message.valid
    assert (camera.rows, camera.cols) == (2, 3)
    assert camera.header.frame_id == message.header.frame_id == "top_optical"
    mass = sum(camera.cells) + message.latent_share + message.joint_state_share
    assert mass == pytest.approx(1.0, abs=1e-5)
    assert camera.share == pytest.approx(sum(camera.cells), abs=1e-6)
    assert math.isnan(message.environment_share)
    peak = camera.peak_row * camera.cols + camera.peak_col
    assert camera.cells[peak] == max(camera.cells)
    assert (camera.x0, camera.y0, camera.dx, camera.dy) == (0, 0, 32, 32)
    assert 0 < message.entropy <= math.log(2 * 3 + 2)
    assert message.forward_seconds > 0


def test_cells_are_placed_in_the_source_image_through_the_resize(attention_robot):
    robot = attention_robot(attention_method="rollout")
    maps = robot.listen(AttentionMap, ATTENTION)
    robot.spin()
    pixels = np.zeros((128, 192, 3), np.uint8)
    (camera,) = tick(robot, maps, pixels=pixels).cameras
    assert (camera.image_height, camera.image_width) == (128, 192)
    # x_source = (x_policy + 0.5) * 2 - 0.5
    assert (camera.x0, camera.y0, camera.dx, camera.dy) == (0.5, 0.5, 64, 64)


def test_disabled_shows_everything_and_commands_nothing_until_the_service_says_so(attention_robot):
    robot = attention_robot({"max_age": 0.5})
    maps = robot.listen(AttentionMap, ATTENTION)
    commands = robot.listen(JointState, "/joint_commands")
    robot.spin()
    message = robot.show(maps)
    assert message.valid
    assert not message.chunk_executed
    time.sleep(1.0)
    assert commands == []
    # The joint state is a second old by now: nobody knows where the robot stands.
    refused = robot.call(SetBool, "/act_attention/enable", SetBool.Request(data=True))
    assert not refused.success
    assert "joint state" in refused.message
    assert not robot.node.get_parameter("enabled").value

    def enabled() -> bool:
        # A busy machine may be late with the answer: the joint state has to be fresh by then.
        robot.observe()
        return robot.call(SetBool, "/act_attention/enable", SetBool.Request(data=True)).success

    assert robot.wait(enabled)
    assert robot.node.get_parameter("enabled").value
    robot.show(maps)
    assert robot.wait(lambda: len(commands) > 0)
    assert commands[0].name == ["pan", "lift"]
    assert robot.call(SetBool, "/act_attention/enable", SetBool.Request(data=False)).success
    published = robot.node.ticks.commander.publisher.published
    robot.show(maps)
    time.sleep(1.0)
    assert robot.node.ticks.commander.publisher.published == published
    # What was sent before may still be on its way.
    assert robot.wait(lambda: len(commands) == published)


def test_the_first_command_is_where_the_robot_stands(attention_robot):
    robot = attention_robot(enabled=True)
    maps = robot.listen(AttentionMap, ATTENTION)
    commands = robot.listen(JointState, "/joint_commands")
    robot.spin()
    tick(robot, maps, positions=(0.7, -0.4))
    assert robot.wait(lambda: len(commands) > 0)
    assert commands[0].position == pytest.approx([0.7, -0.4], abs=1e-6)


def test_in_queue_mode_each_map_says_which_tick_moves_the_robot(attention_robot):
    robot = attention_robot(enabled=True)
    maps = robot.listen(AttentionMap, ATTENTION)
    robot.spin()
    seen = [tick(robot, maps) for _ in range(6)]
    assert [m.chunk_mode for m in seen] == ["queue"] * 6
    assert [m.command_source_tick for m in seen] == [0, 0, 0, 0, 4, 4]
    assert [m.chunk_executed for m in seen] == [True, False, False, False, True, False]


def test_the_weights_are_those_of_the_policy_on_the_same_observation(attention_robot, checkpoint):
    robot = attention_robot(attention_method="cross_attention")
    maps = robot.listen(AttentionMap, ATTENTION)
    robot.spin()
    pixels = np.random.default_rng(3).integers(0, 256, (64, 96, 3), np.uint8)
    message = tick(robot, maps, pixels=pixels, positions=(0.3, -0.6))
    output = load_policy(checkpoint, device="cpu").step(
        {
            "observation.images.top": pixels,
            "observation.state": np.array([0.3, -0.6], np.float32),
        }
    )
    expected = output.attention[-1].mean(axis=(0, 1))
    assert message.latent_share == pytest.approx(expected[0], abs=1e-6)
    assert message.joint_state_share == pytest.approx(expected[1], abs=1e-6)
    np.testing.assert_allclose(message.cameras[0].cells, expected[2:], atol=1e-6)


def test_overlays_carry_the_stamp_and_frame_of_their_image_and_the_codec_of_the_transport(
    attention_robot,
):
    robot = attention_robot()
    maps = robot.listen(AttentionMap, ATTENTION)
    raw = robot.listen(Image, OVERLAY)
    compressed = robot.listen(CompressedImage, f"{OVERLAY}/compressed")
    robot.spin()
    message = tick(robot, maps, frame_id="top_optical")
    assert robot.wait(lambda: raw and compressed)
    for picture in (raw[0], compressed[0]):
        assert picture.header.stamp == message.header.stamp
        assert picture.header.frame_id == "top_optical"
    assert (raw[0].height, raw[0].width, raw[0].encoding) == (64, 96, "rgb8")
    assert bytes(compressed[0].data[:2]) == b"\xff\xd8"
    assert "jpeg" in compressed[0].format


def test_overlays_that_nobody_wants_are_not_drawn(attention_robot):
    robot = attention_robot()
    maps = robot.listen(AttentionMap, ATTENTION)
    robot.spin()
    tick(robot, maps)
    assert robot.node.ticks.shown.values()["overlays_top"] == 0


def test_diagnostics_say_how_many_subscriptions_the_overlays_have(attention_robot):
    robot = attention_robot()
    reports = robot.listen(DiagnosticArray, "/diagnostics")
    robot.spin()

    def said(count) -> bool:
        values = {one.key: one.value for one in reports[-1].status[0].values} if reports else {}
        return values.get("overlay_subscribers") == str(count)

    assert robot.wait(lambda: said(0))
    robot.listen(Image, OVERLAY)
    robot.listen(Image, OVERLAY)
    robot.listen(CompressedImage, f"{OVERLAY}/compressed")
    assert robot.wait(lambda: said(3))


def test_a_bad_image_is_counted_and_the_node_goes_on(attention_robot):
    robot = attention_robot()
    maps = robot.listen(AttentionMap, ATTENTION)
    reports = robot.listen(DiagnosticArray, "/diagnostics")
    robot.spin()
    tick(robot, maps)
    robot.observe(encoding="bgr8")

    def reported() -> bool:
        values = {v.key: v.value for report in reports for v in report.status[0].values}
        return "bgr8" in values.get("last_bad_message", "")

    assert robot.wait(reported)
    assert len(maps) == 1
    assert tick(robot, maps).valid


@pytest.mark.parametrize(
    ("command", "message_type"),
    [
        ("trajectory_msgs/msg/JointTrajectory", JointTrajectory),
        ("std_msgs/msg/Float64MultiArray", Float64MultiArray),
    ],
)
def test_commands_come_as_the_type_that_the_contract_names(attention_robot, command, message_type):
    robot = attention_robot({"command": command}, enabled=True)
    maps = robot.listen(AttentionMap, ATTENTION)
    commands = robot.listen(message_type, "/joint_commands")
    robot.spin()
    tick(robot, maps, positions=(0.7, -0.4))
    assert robot.wait(lambda: len(commands) > 0)
    if message_type is Float64MultiArray:
        assert list(commands[0].data) == pytest.approx([0.7, -0.4])
    else:
        # A stamp of zero means "now" to ros2_control; the point is due in one period.
        assert nanoseconds(commands[0].header.stamp) == 0
        (point,) = commands[0].points
        assert nanoseconds(point.time_from_start) == 250_000_000
        assert list(point.positions) == pytest.approx([0.7, -0.4])


def test_the_predicted_chunk_starts_at_the_observation(attention_robot):
    robot = attention_robot()
    maps = robot.listen(AttentionMap, ATTENTION)
    chunks = robot.listen(JointTrajectory, "/act_attention/predicted_chunk")
    robot.spin()
    message = tick(robot, maps)
    assert robot.wait(lambda: len(chunks) > 0)
    assert chunks[0].header.stamp == message.header.stamp
    assert [nanoseconds(p.time_from_start) for p in chunks[0].points] == [
        k * 250_000_000 for k in range(8)
    ]


def test_what_was_planned_before_a_long_gap_is_not_executed_after_it(attention_robot):
    robot = attention_robot({"max_age": 0.2}, enabled=True)  # 1.15 s are long then
    maps = robot.listen(AttentionMap, ATTENTION)
    robot.spin()
    robot.show(maps)
    assert robot.quiet(maps, 1.5)
    before = max(one.tick for one in maps)
    robot.show(maps)

    def after():
        return [one for one in list(maps) if one.tick == before + 1]

    assert robot.wait(after)
    (message,) = after()
    assert (message.episode, message.command_source_tick) == (0, before + 1)


def test_a_reset_starts_the_next_episode_with_an_empty_queue(attention_robot):
    robot = attention_robot(enabled=True)
    maps = robot.listen(AttentionMap, ATTENTION)
    robot.spin()
    tick(robot, maps)
    assert tick(robot, maps).command_source_tick == 0
    assert robot.call(Trigger, "/act_attention/reset", Trigger.Request()).success
    message = tick(robot, maps)
    assert (message.episode, message.tick, message.command_source_tick) == (1, 2, 2)


def set_parameter(robot, name, value):
    kinds = {str: ("PARAMETER_STRING", "string_value"), int: ("PARAMETER_INTEGER", "integer_value")}
    kind, slot = kinds[type(value)]
    parameter_value = ParameterValue(type=getattr(ParameterType, kind), **{slot: value})
    request = SetParameters.Request(parameters=[Parameter(name=name, value=parameter_value)])
    return robot.call(SetParameters, "/act_attention/set_parameters", request).results[0]


def test_head_and_query_change_on_the_next_tick(attention_robot):
    robot = attention_robot(attention_method="rollout")
    maps = robot.listen(AttentionMap, ATTENTION)
    robot.spin()
    first = tick(robot, maps)
    assert (first.head, first.query) == ("mean", "mean(0:8)")
    assert set_parameter(robot, "attention_head", "2").successful
    assert set_parameter(robot, "attention_query", "0:3").successful
    second = tick(robot, maps)
    assert (second.head, second.query) == ("2", "mean(0:3)")
    assert list(second.cameras[0].cells) != list(first.cameras[0].cells)


def test_rollout_is_shown_from_the_next_tick_on(attention_robot, checkpoint):
    robot = attention_robot(attention_method="cross_attention")
    maps = robot.listen(AttentionMap, ATTENTION)
    robot.spin()
    assert tick(robot, maps).method == "cross_attention"
    assert set_parameter(robot, "attention_method", "rollout").successful
    assert set_parameter(robot, "attention_head", "1").successful
    pixels = np.random.default_rng(3).integers(0, 256, (64, 96, 3), np.uint8)
    message = tick(robot, maps, pixels=pixels, positions=(0.3, -0.6))
    policy = load_policy(checkpoint, device="cpu", engine="eager")
    policy.show_encoder_layers([0])
    state = np.array([0.3, -0.6], np.float32)
    output = policy.step({"observation.images.top": pixels, "observation.state": state})
    # One encoder layer: half of each token stays, half is mixed.
    mixing = (np.eye(8) + output.encoder_attention[0].mean(axis=0)) / 2
    by_head = output.attention[-1].mean(axis=1) @ mixing
    assert (message.method, message.head) == ("rollout", "1")
    np.testing.assert_allclose(message.cameras[0].cells, by_head[1][2:], atol=1e-6)
    # Heads are described as they read the encoder's output.
    read = output.attention[-1].mean(axis=1)
    np.testing.assert_allclose(message.head_latent_share, read[:, 0], atol=1e-6)
    entropy = -(read * np.log(read)).sum(axis=1)
    np.testing.assert_allclose(message.head_entropy, entropy, atol=1e-5)


def test_encoder_attention_is_shown_from_the_next_tick_on(attention_robot, checkpoint):
    robot = attention_robot(attention_method="rollout")
    maps = robot.listen(AttentionMap, ATTENTION)
    robot.spin()
    assert tick(robot, maps).method == "rollout"
    assert set_parameter(robot, "attention_method", "encoder_attention").successful
    message = tick(robot, maps)
    assert message.valid
    assert message.layer == "encoder.layers.0.self_attn"
    assert message.query == "mean(0:8)"  # latent, joint state, six cells
    mass = sum(message.cameras[0].cells) + message.latent_share + message.joint_state_share
    assert mass == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "value", "valid"),
    [
        ("attention_head", "4", "0 to 3"),
        ("attention_query", "8", "0 to 7"),
        ("attention_layer", 1, "0 to 0"),
        ("attention_query", "5:5", "0 <= a < b <= 8"),
        ("attention_step", "0", 'without denoising steps; use "last"'),
        ("attention_method", "saliency", "cross_attention, encoder_attention, rollout"),
        ("explain_method", "rollout", "input_gradients, integrated_gradients, grad_cam"),
        ("explain_target", "elbow[0]", "joint of pan, lift and a step from 0 to 7"),
        ("explain_target", "pan[8]", "step from 0 to 7"),
        ("explain_baseline", "white", "black, mean, blur"),
        ("overlay_colormap", "rainbows", "turbo"),
        ("overlay_scale", "loud", "running"),
    ],
)
def test_a_setting_out_of_range_is_refused_with_the_range(attention_robot, name, value, valid):
    robot = attention_robot()
    robot.spin()
    result = set_parameter(robot, name, value)
    assert not result.successful
    assert valid in result.reason
    assert robot.node.get_parameter(name).value != value


def test_a_timer_ticks_without_a_trigger_camera(attention_robot):
    robot = attention_robot({"trigger": "null"})
    maps = robot.listen(AttentionMap, ATTENTION)
    robot.spin()
    for _ in range(3):
        tick(robot, maps)
    assert [m.tick for m in maps] == [0, 1, 2]


def test_a_camera_that_stops_holds_the_robot_at_its_last_command(attention_robot):
    robot = attention_robot(enabled=True)
    maps = robot.listen(AttentionMap, ATTENTION)
    commands = robot.listen(JointState, "/joint_commands")
    robot.spin()
    for _ in range(3):
        tick(robot, maps)
    stopped = robot.now()

    def held():
        # Commands of the ticks may still be on their way, and it was held between them.
        return [list(one.position) for one in list(commands) if robot.stamp(one) > stopped]

    assert robot.wait(lambda: len(held()) > 3)
    last = next(one for one in reversed(commands) if robot.stamp(one) <= stopped)
    assert all(position == list(last.position) for position in held())
    assert robot.node.ticks.commander.state.value == "holding"


def test_tokens_are_the_encoders_output_of_the_tick_that_the_map_explains(
    attention_robot, checkpoint
):
    robot = attention_robot()
    maps = robot.listen(AttentionMap, ATTENTION)
    tokens = []
    robot.peer.create_subscription(
        TokenActivations, "/act_attention/tokens", tokens.append, TOKEN_QOS
    )
    robot.spin()
    assert robot.wait(robot.node.ticks.shown.tokens.wanted)
    pixels = np.random.default_rng(5).integers(0, 256, (64, 96, 3), np.uint8)
    message = tick(robot, maps, pixels=pixels, positions=(0.3, -0.6))
    assert robot.wait(lambda: len(tokens) == 1)
    (sent,) = tokens
    assert sent.header == message.header
    assert (sent.episode, sent.tick) == (message.episode, message.tick)
    assert sent.policy_sha256 == message.policy_sha256
    assert (sent.layer, sent.sampler, sent.tokens, sent.width) == ("encoder", "all", 8, 32)
    output = load_policy(checkpoint, device="cpu").step(
        {
            "observation.images.top": pixels,
            "observation.state": np.array([0.3, -0.6], np.float32),
        }
    )
    rows = np.array(sent.data, np.uint16).view(np.float16).reshape(8, 32)
    np.testing.assert_allclose(rows, output.tokens, atol=2e-3)


def test_tokens_that_nobody_wants_are_not_made(attention_robot):
    robot = attention_robot()
    maps = robot.listen(AttentionMap, ATTENTION)
    robot.spin()
    tick(robot, maps)
    assert robot.node.ticks.shown.tokens.published == 0


def test_a_layer_or_sampler_that_does_not_exist_is_refused_with_those_that_do(attention_robot):
    with pytest.raises(PolicyError, match="encoder_input"):
        attention_robot(tokens_layer="decoder")
    rclpy.try_shutdown()
    with pytest.raises(ParameterError, match="'tokens_sampler'"):
        attention_robot(tokens_sampler="some")
