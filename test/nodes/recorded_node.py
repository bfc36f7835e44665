# SPDX-License-Identifier: Apache-2.0
"""Records what a robot's node was given and what it said, and what its policy wanted."""

from __future__ import annotations

import threading
import time
from collections import Counter

from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image, JointState

from pam_ros.bags import BagWriter
from pam_ros.msg import AttentionMap

ATTENTION = "/act_attention/attention"
TOPICS = {
    "/top/image_raw": (Image, "sensor_msgs/msg/Image"),
    "/joint_states": (JointState, "sensor_msgs/msg/JointState"),
    ATTENTION: (AttentionMap, "pam_ros/msg/AttentionMap"),
}


class SlowPasses:
    """Passes beside the commands end when so many later ticks have been, or a command needs it."""

    def __init__(self, attention_ticks, ticks=2) -> None:
        loop, beside = attention_ticks._loop, attention_ticks._execution.beside
        policy = attention_ticks.policy
        self._loop, self._ticks = loop, ticks
        self._released = threading.Event()
        self._newest = self._running = _Pass(0)
        later = policy.explain_later

        def explain_later(observation):
            run, this = later(observation), _Pass(loop.ticks)
            self._newest = this

            def slowly():
                self._running, this.state = this, COMPUTES
                output = run()
                this.state = STAYS
                while not (loop.ticks >= this.tick + ticks or beside._refilling):
                    if self._released.wait(0.001):
                        break
                this.state = ENDED
                return output

            return slowly

        policy.explain_later = explain_later

    def on_time(self) -> bool:
        """Whether the next tick may come: on a busy machine the ticks would leave passes behind."""
        if self._running.state == COMPUTES:
            return self._loop.ticks < self._running.tick + self._ticks
        return self._newest.state != WAITS or self._running.state == STAYS

    def release(self) -> None:
        """Let passes end by themselves from now on."""
        self._released.set()


WAITS, COMPUTES, STAYS, ENDED = range(4)


class _Pass:
    def __init__(self, tick: int) -> None:
        self.tick = tick
        self.state = WAITS


class RecordedNode:
    """A bag of the node's inputs and maps in the order in which they came.

    actions: what the policy wanted of the robot, by the stamp of the tick's observation [ns].
    """

    def __init__(self, robot, path) -> None:
        self.robot = robot
        self.path = path
        self.actions: dict[int, object] = {}
        self.maps: list[AttentionMap] = []
        self._writer = BagWriter(path)
        for topic, (kind, name) in TOPICS.items():
            self._writer.add_topic(topic, name)
            robot.peer.create_subscription(kind, topic, self._taken(topic), 50)
        self._watch(robot.node.ticks)

    def _taken(self, topic):
        def take(message) -> None:
            self._writer.write(topic, serialize_message(message), time.time_ns())
            if topic == ATTENTION:
                self.maps.append(message)

        return take

    def _watch(self, ticks) -> None:
        run, act = ticks._loop.run, ticks.commander.act
        stamp = -1

        def running(features, sends, seconds_left, stamp_ns, **rest):
            nonlocal stamp
            stamp = stamp_ns
            return run(features, sends, seconds_left, stamp_ns, **rest)

        def acting(action, chunk, age_s, permit):
            sent = act(action, chunk, age_s, permit)
            if sent:
                self.actions[stamp] = action
            return sent

        ticks._loop.run, ticks.commander.act = running, acting

    def by_tick(self) -> dict[int, AttentionMap]:
        """The maps: one of each tick."""
        assert set(Counter(message.tick for message in self.maps).values()) == {1}
        return {message.tick: message for message in self.maps}

    def close(self) -> None:
        """Finish the bag."""
        self._writer.close()
