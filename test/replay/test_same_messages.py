# SPDX-License-Identifier: Apache-2.0
"""A node and a replay make the same bytes of the same tick: they differ by their port alone."""

from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from rclpy.serialization import serialize_message

from pam_ros.attention.layout import CameraTokens
from pam_ros.attention.maps import attention_maps
from pam_ros.attention.overlay import Overlay
from pam_ros.attention.scale import TickScale
from pam_ros.bags.messages import Messages
from pam_ros.nodes.kit.messages import RosMessages
from pam_ros.policy.act.spec import lay_out
from pam_ros.robot import (
    COMMAND_TYPES,
    CommandContract,
    CommandPart,
    JointContract,
    MessageSet,
    build_observation,
    parse_contract,
)
from pam_ros.robot.images import fill_image
from pam_ros.robot.stamps import set_stamp
from pam_ros.robot.values.spatial import POSE_COMMAND
from pam_ros.sae.store.tokens import parse_sampler
from pam_ros.tick.attention_map import ATTENTION_MAP, AttentionMapMaker
from pam_ros.tick.commands import ChunkMaker, CommandMaker
from pam_ros.tick.explained import ExplainedTick
from pam_ros.tick.loop import TickOutcome
from pam_ros.tick.pictures import OverlayMaker
from pam_ros.tick.token_activations import TokenMaker

STAMP = 1_700_000_000_123_456_789
CAMERAS = ("top", "wrist")
CONTRACT = parse_contract(
    yaml.safe_load("""
robot: arm
rate_hz: 10
cameras:
  - {name: top, topic: /top, type: sensor_msgs/msg/Image, feature: observation.images.top}
  - {name: wrist, topic: /wrist, type: sensor_msgs/msg/Image, feature: observation.images.wrist}
state:
  topic: /joint_states
  feature: observation.state
  joints:
    - {name: pan, limits: [-3, 3]}
    - {name: lift, limits: [-3, 3]}
command: {topic: /commands, type: sensor_msgs/msg/JointState, max_velocity: 5}
"""),
    "arm.yaml",
)
LAYOUT = lay_out(
    [
        CameraTokens(f"observation.images.{name}", 0, 2, 3, 64, 96, 0.0, 0.0, 32.0, 32.0)
        for name in CAMERAS
    ],
    joint_state=True,
    environment=False,
)
SPEC = SimpleNamespace(
    layout=LAYOUT, name="/models/act", sha256="c" * 64, chunk_mode="queue", denoising_steps=0,
    state_feature="observation.state",
)  # fmt: skip


def explained(port, reason=""):
    """The same tick for every port, its inputs as the port makes them."""
    rng = np.random.default_rng(0)
    messages = {"joint_states": port.new("sensor_msgs/msg/JointState")}
    messages["joint_states"].name = ["lift", "pan"]
    messages["joint_states"].position = np.array([0.5, -0.5])
    for name in CAMERAS:
        messages[name] = port.new("sensor_msgs/msg/Image")
        messages[name].header.frame_id = f"{name}_optical"
        fill_image(messages[name], rng.integers(0, 256, (64, 96, 3), np.uint8))
    for number, message in enumerate(messages.values()):
        set_stamp(message.header.stamp, STAMP - number)
    stamps = {source: STAMP - number for number, source in enumerate(messages)}
    inputs = MessageSet(stamps, messages, STAMP, STAMP - 2)
    weights = rng.random((1, 2, 4, 14), np.float32)
    weights /= weights.sum(-1, keepdims=True)
    output = SimpleNamespace(
        tokens=rng.standard_normal((14, 8)).astype(np.float32), step=3, forward_seconds=0.25,
        chunk=rng.standard_normal((4, 2)).astype(np.float32), noise_seed=11,
    )  # fmt: skip
    outcome = TickOutcome(1, 7, 5, True, True, False, reason, output)
    maps = None if reason else attention_maps(weights, LAYOUT)
    return ExplainedTick(inputs, build_observation(CONTRACT, inputs), outcome, maps)


def live_and_replayed(make, kind):
    """The bytes of what `make` gives for each of the two ports."""
    messages = Messages()
    return (
        bytes(serialize_message(make(RosMessages()))),
        bytes(messages.encode(make(messages), kind)),
    )


@pytest.mark.parametrize("reason", ["", "the policy failed"])
def test_attention_maps(reason):
    live, replayed = live_and_replayed(
        lambda port: AttentionMapMaker(port, SPEC, CONTRACT).make(explained(port, reason)),
        ATTENTION_MAP,
    )
    assert live == replayed


def test_tokens():
    def make(port):
        tick = explained(port)
        header = AttentionMapMaker(port, SPEC, CONTRACT).make(tick).header
        return TokenMaker(port, SPEC, "encoder", parse_sampler("all")).make(tick.outcome, header)

    live, replayed = live_and_replayed(make, "pam_ros/msg/TokenActivations")
    assert live == replayed


def commanded(kind):
    """What goes to one topic of this type, and numbers for it."""
    fields = {"Twist": ("linear.x", "angular.z"), "TwistStamped": ("linear.x", "angular.z"),
              "PoseStamped": POSE_COMMAND, "Float64MultiArray": ("data[0]", "data[1]")}.get(
        kind.rpartition("/")[2], ("position", "position"))  # fmt: skip
    names = fields if "." in fields[0] else ("pan", "lift")
    joints = tuple(JointContract(n, field=f) for n, f in zip(names, fields, strict=True))
    part = CommandPart("/go", kind, joints, frame_id="base")
    return CommandContract((part,)), np.array([0.5, -1.0, 0.25, 0.1, -0.2, 0.3])[: len(joints)]


@pytest.mark.parametrize("kind", COMMAND_TYPES)
def test_commands(kind):
    command, values = commanded(kind)

    def make(port):
        (message,) = CommandMaker(port, command, 0.1).make(values, STAMP)
        return message

    live, replayed = live_and_replayed(make, kind)
    assert live == replayed


@pytest.mark.parametrize("kind", COMMAND_TYPES)
def test_a_command_for_the_record_bears_its_stamp_wherever_there_is_a_header(kind):
    command, values = commanded(kind)
    (message,) = CommandMaker(Messages(), command, 0.1).make_for_the_record(values, STAMP)
    if COMMAND_TYPES[kind].has_header:
        assert (message.header.stamp.sec, message.header.stamp.nanosec) == divmod(STAMP, 10**9)
    elif kind.endswith("Twist"):
        assert (message.linear.x, message.angular.z) == (0.5, -1.0)
    else:
        assert list(message.data) == [0.5, -1.0]


def test_chunks():
    live, replayed = live_and_replayed(
        lambda port: ChunkMaker(port, CONTRACT.command, 0.1).make(
            explained(port).outcome.output.chunk, STAMP
        ),
        "trajectory_msgs/msg/JointTrajectory",
    )
    assert live == replayed


def test_overlays():
    def make(port):
        drawn = OverlayMaker(port, CONTRACT).draw(
            explained(port), Overlay(), TickScale(), ("wrist",)
        )
        (one,) = drawn
        return one.image()

    live, replayed = live_and_replayed(make, "sensor_msgs/msg/Image")
    assert live == replayed


def test_a_tick_whose_pictures_nobody_wants_counts_into_the_scale_all_the_same():
    counted = []
    scale = SimpleNamespace(scale=lambda maps: counted.append(maps) or 1.0)
    port = Messages()
    maker, tick = OverlayMaker(port, CONTRACT), explained(port)
    assert not list(maker.draw(tick, Overlay(), scale, ()))
    assert counted == [tick.maps]
    assert not list(maker.draw(explained(port, "failed"), Overlay(), scale, CAMERAS))
    assert counted == [tick.maps]
