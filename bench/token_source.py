# SPDX-License-Identifier: Apache-2.0
"""Plays the attention node with its policy left out: tokens, maps and commands at a steady rate.

python -m bench.token_source --rate 30 --seconds 10; one line of JSON at the end.
"""

from __future__ import annotations

import argparse
import array
import json
import signal
import sys
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

POLICY_SHA256 = "0" * 64
LAYER = "encoder"
CAMERAS = ("top", "wrist")
_PICTURES = 8


@dataclass(frozen=True)
class Sent:
    """What was published. `publish_ms`: one tick's three messages; late: behind the clock."""

    ticks: int
    seconds: float
    publish_ms_p50: float
    publish_ms_p99: float
    publish_ms_max: float
    late_ms_max: float


def tokens_messages(tokens: int, width: int, seed: int) -> list[Any]:
    """A few TokenActivations with random normal rows, to be sent in turn."""
    from pam_ros.msg import TokenActivations  # noqa: PLC0415

    rng = np.random.default_rng(seed)
    cells = tokens - 2
    messages = []
    for _ in range(_PICTURES):
        message = TokenActivations(policy_name="stub", policy_sha256=POLICY_SHA256, layer=LAYER)
        message.sampler, message.valid = "all", True
        message.tokens, message.width = tokens, width
        rows = rng.standard_normal((tokens, width)).astype(np.float16)
        message.data = array.array("H", rows.tobytes())
        message.token = array.array("I", range(tokens))
        message.kind = array.array("B", [1, 2] + [0] * cells)
        message.camera_names = list(CAMERAS)
        half = cells // 2
        camera = [-1, -1] + [0] * half + [1] * (cells - half)
        message.camera = array.array("h", camera)
        message.row = array.array("h", [-1, -1, *(cell // 20 for cell in range(cells))])
        message.col = array.array("h", [-1, -1, *(cell % 20 for cell in range(cells))])
        message.block_rows = message.block_cols = 1
        messages.append(message)
    return messages


def attention_map(tokens: int, seed: int) -> Any:
    """An AttentionMap of as many cells as there are image tokens, with random ones."""
    from pam_ros.msg import AttentionMap, CameraAttention  # noqa: PLC0415

    rng = np.random.default_rng(seed)
    message = AttentionMap(policy_name="stub", policy_sha256=POLICY_SHA256, valid=True)
    message.method, message.layer = "cross_attention", "decoder.layers.0.multihead_attn"
    message.head, message.query, message.chunk_mode = "mean", "mean(0:20)", "queue"
    message.head_entropy = message.head_latent_share = array.array("f", rng.random(8))
    half = (tokens - 2) // 2
    for name, cells in zip(CAMERAS, (half, tokens - 2 - half), strict=True):
        camera = CameraAttention(name=name, image_height=480, image_width=640)
        camera.cols = 20 if cells % 20 == 0 else cells
        camera.rows = cells // camera.cols
        camera.cells = array.array("f", rng.random(cells) / tokens)
        message.cameras.append(camera)
    return message


def publish(node: Any, rate: float, seconds: float, tokens: int, width: int) -> Sent:
    """Publish until the time is over or the process is told to stop."""
    from sensor_msgs.msg import JointState  # noqa: PLC0415

    from pam_ros.msg import AttentionMap, TokenActivations  # noqa: PLC0415
    from pam_ros.nodes.act.token_publisher import TOKEN_QOS  # noqa: PLC0415

    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.append(1))
    out = node.create_publisher(TokenActivations, "/act_attention/tokens", TOKEN_QOS)
    maps = node.create_publisher(AttentionMap, "/act_attention/attention", 10)
    commands = node.create_publisher(JointState, "/joint_commands", 10)
    messages, shown = tokens_messages(tokens, width, 0), attention_map(tokens, 0)
    durations, late = [], 0.0
    begin = time.monotonic()
    tick = 0
    while not asked and tick < rate * seconds:
        due = begin + tick / rate
        time.sleep(max(0.0, due - time.monotonic()))
        late = max(late, time.monotonic() - due)
        message = messages[tick % len(messages)]
        before = time.perf_counter()
        message.tick = tick
        message.header.stamp = node.get_clock().now().to_msg()
        commands.publish(JointState(header=message.header, name=["a"], position=[float(tick)]))
        shown.header, shown.tick = message.header, tick
        for camera in shown.cameras:
            camera.header = message.header
        maps.publish(shown)
        if out.get_subscription_count() > 0:
            out.publish(message)
        durations.append(time.perf_counter() - before)
        tick += 1
    p50, p99, largest = np.percentile(np.array(durations or [0.0]) * 1e3, [50, 99, 100])
    passed = time.monotonic() - begin
    return Sent(tick, passed, float(p50), float(p99), float(largest), late * 1e3)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="bench.token_source", description=__doc__)
    parser.add_argument("--rate", type=float, default=30.0, help="ticks per second")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--tokens", type=int, default=602)
    parser.add_argument("--width", type=int, default=512)
    options = parser.parse_args(arguments)
    from pam_ros.share.folders import share_directory  # noqa: PLC0415
    from rclpy_cyclone import install  # noqa: PLC0415

    install(interfaces={"pam_ros": share_directory() / "msg"})
    import rclpy  # noqa: PLC0415
    from rclpy.signals import SignalHandlerOptions  # noqa: PLC0415

    rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
    node = rclpy.create_node("act_attention")
    sent = publish(node, options.rate, options.seconds, options.tokens, options.width)
    print(json.dumps(asdict(sent)))
    node.destroy_node()
    rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
