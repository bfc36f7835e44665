# SPDX-License-Identifier: Apache-2.0
"""The sidecar on the real node, whose passes end after later ticks: rows of the right ticks."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from recorded_node import RecordedNode, SlowPasses
from sae_folder import write_sae
from sidecar_robot import FEATURES_TOPIC
from std_srvs.srv import SetBool, Trigger

from pam_ros.bags import BagReader
from pam_ros.bags.messages import Messages
from pam_ros.policy import load_policy
from pam_ros.robot.stamps import stamp_nanoseconds
from pam_ros.sae.store.tokens import parse_sampler
from pam_ros.tick.feature_encoding import FeatureEncoding
from pam_ros.tick.outcome import TickOutcome
from pam_ros.tick.token_activations import TokenMaker

TICKS = 50
NEAR = 2e-2
"""Tokens go over the topic as 16-bit floats."""


@pytest.fixture
def spun(attention_robot):  # which ends after what is spun here
    """Spins a node, and ends it."""
    executors, nodes, threads = [], [], []

    def run(executor) -> None:
        try:
            executor.spin()
        except ExternalShutdownException:
            return

    def spin(node):
        executors.append(SingleThreadedExecutor())
        nodes.append(node)
        executors[-1].add_node(node)
        threads.append(threading.Thread(target=run, args=(executors[-1],), daemon=True))
        threads[-1].start()
        return node

    yield spin
    for executor, thread, node in zip(executors, threads, nodes, strict=True):
        executor.shutdown(timeout_sec=5.0)
        thread.join(timeout=5.0)
        node.close()
        node.destroy_node()


class Reference:
    """The features of an observation, without any node."""

    def __init__(self, checkpoint, sae) -> None:
        self._policy = load_policy(checkpoint, device="cpu")
        self._encoding = FeatureEncoding(sae, Messages())
        spec = self._policy.spec
        self._maker = TokenMaker(Messages(), spec, "encoder", parse_sampler("all"))

    def strengths(self, observation) -> np.ndarray:
        output = self._policy.explain(observation)
        outcome = TickOutcome(0, 0, 0, False, False, False, "", output)
        header = Messages().new("std_msgs/msg/Header")
        return strengths(self._encoding.encode(self._maker.make(outcome, header)))


def strengths(message) -> np.ndarray:
    """The maxima (features,) of a SaeFeatures."""
    assert message.valid
    found = np.zeros(message.dictionary_size, np.float32)
    found[np.asarray(message.feature, np.int64)] = message.maximum
    return found


def observe(robot, rng) -> tuple[int, np.ndarray, np.ndarray]:
    """One observation unlike the others, and the end of its tick; stamp, pixels and positions."""
    ticks = robot.node.ticks
    before = ticks._loop.ticks
    pixels = np.full((64, 96, 3), rng.integers(0, 256, 3), np.uint8)
    positions = rng.uniform(-2.5, 2.5, 2)
    stamp = robot.observe(pixels=pixels, positions=positions)
    assert robot.wait(lambda: ticks._loop.ticks > before)
    with ticks._ticking:
        return stamp, pixels, positions.astype(np.float32)


@pytest.mark.parametrize("execution", ["async", "blocking"])
def test_every_row_is_of_the_tick_whose_stamp_it_carries_and_all_ticks_add_up(
    attention_robot, checkpoint, tmp_path, spun, execution
):
    from pam_ros.nodes.recorders.sae_node import SaeRecorderNode

    sae, bag = tmp_path / "sae", tmp_path / "bag"
    sha256 = load_policy(checkpoint, device="cpu").spec.sha256
    write_sae(sae, width=32, features=64, policy=sha256, bias=-0.3)
    robot = attention_robot(
        # Images make the ticks: with time until the next chunk, passes begin beside them.
        rate_hz=0.5, execution=execution, n_action_steps=8, enabled=True,
        tokens_sampler="all", sae=sae, bag=bag,
    )  # fmt: skip
    node = RecordedNode(robot, tmp_path / "maps")
    passes = SlowPasses(robot.node.ticks)
    sidecar = spun(SaeRecorderNode())
    robot.spin()
    assert robot.wait(robot.node.ticks.shown.tokens.wanted)
    rng = np.random.default_rng(0)
    pixels, positions = {}, {}
    for number in range(TICKS):
        robot.wait(passes.on_time, 0.3)
        stamp, image, state = observe(robot, rng)
        pixels[stamp], positions[stamp] = image, state
        if number == 20:
            assert robot.call(Trigger, "/act_attention/reset", Trigger.Request()).success
        if number in (30, 33):
            request = SetBool.Request(data=number == 33)
            assert robot.call(SetBool, "/act_attention/enable", request).success
    robot.node.ticks.stop()
    passes.release()
    assert robot.wait(lambda: len(node.maps) == TICKS)
    assert robot.wait(lambda: sidecar._counts.total == TICKS)
    assert sidecar._encoding.lost.total == 0
    sidecar.close()
    node.close()

    live = node.by_tick()
    with BagReader(bag) as reader:
        rows = [reader.decode(one) for one in reader.messages([FEATURES_TOPIC])]
    assert sorted(row.tick for row in rows) == list(range(TICKS))
    assert [row.tick for row in rows] != list(range(TICKS))
    reference = Reference(checkpoint, sae)
    expected = {}
    for number, message in live.items():
        # An image may be looked at with the joint state before: they are closer than the tolerance.
        camera = stamp_nanoseconds(message.cameras[0].header.stamp)
        expected[number] = reference.strengths(
            {
                "observation.images.top": pixels[camera],
                "observation.state": positions[stamp_nanoseconds(message.joint_state_stamp)],
            }
        )
    # Else they would tell nothing.
    assert all(np.abs(expected[a] - expected[b]).max() > 5 * NEAR
               for a in expected for b in expected if a < b)  # fmt: skip
    for row in rows:
        mine = live[row.tick]
        assert row.episode == mine.episode
        assert stamp_nanoseconds(row.header.stamp) == stamp_nanoseconds(mine.header.stamp)
        assert row.valid == (not mine.inference_skipped), row.invalid_reason
        if row.valid:
            np.testing.assert_allclose(strengths(row), expected[row.tick], atol=NEAR)
    valid = sum(row.valid for row in rows)
    assert TICKS / 5 < valid < TICKS
    assert (sidecar._counts.encoded, sidecar._counts.missing) == (valid, TICKS - valid)
