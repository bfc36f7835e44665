# SPDX-License-Identifier: Apache-2.0
"""The demo robot as a ROS 2 driver: cameras and joint states out, joint commands in.

In real time it publishes at 10 Hz by the wall clock and never waits. In lock-step it publishes
/clock and one observation, waits for the command that answers it, and only then lets 0.1 s of
simulated time pass: what a policy reaches then does not depend on the machine's load.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rclpy.clock import ClockType
from rclpy.node import Node
from rclpy.time import Time
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger

from pam_ros.msg import AttentionMap
from pam_ros.nodes.demo.result_listener import RESULT_QOS
from pam_ros.nodes.demo.robot_frames import RobotFrames
from pam_ros.nodes.demo.scene_markers import SceneMarkers
from pam_ros.nodes.kit.parameters import Declared, declare
from pam_ros.nodes.kit.running import run_node
from pam_ros.nodes.kit.said import Said
from pam_ros.robot.topics import JOINT_COMMANDS, NODE
from pam_ros.sim.errors import SimError
from pam_ros.sim.instructions import asked_for
from pam_ros.sim.scene import CAMERA_NAMES, CONTROL_HZ, JOINT_NAMES
from pam_ros.sim.urdf import optical_frame
from pam_ros.sim.world import PERIOD_NS, World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rclpy.task import Future

    from pam_ros.sim.rollout import Episode

RESET_PERIODS = 5 * CONTROL_HZ
"""An answer to ~/reset that takes longer than this is asked for again."""

PARAMETERS = (
    Declared(
        "seed", 1000, "Seed of the first scene; each episode takes the next.", True, 0, 2**31 - 1
    ),
    Declared("episodes", 0, "Stop after so many episodes; 0 never stops.", True, 0, 2**31 - 1),
    Declared("lock_step", False, "Publish /clock and wait for the answer to each observation."),
    Declared("wait_for_start", False, "Publish nothing until ~/start is called."),
    Declared("policy_node", NODE, "Its ~/reset is called before every episode."),
    Declared("follows_words", False, "The task is the object that the policy's words ask for."),
    Declared("blind", "", "Checkpoint folder whose mean pictures replace the cameras'."),
)


class DemoRobotNode(Node):
    """Topics around World. One thread: MuJoCo's renderer belongs to one."""

    def __init__(self) -> None:
        super().__init__("demo_robot")
        self._said = Said(self.get_logger())
        values = declare(self, PARAMETERS)
        self._world = World(values["seed"], _mean_images(values["blind"]))
        self._first = True
        self._lock_step: bool = values["lock_step"]
        self._episodes: int = values["episodes"]
        self._finished = 0
        self._running = False
        self._reset_due = False
        self._resetting: Future | None = None
        self._periods_resetting = 0
        self._episode_begin: Time | None = None
        self._waiting_for_command = False
        self._refused = 0
        self._newest = (-1, -1)

        self._images = {
            name: self.create_publisher(Image, f"/{name}/image_raw", 2) for name in CAMERA_NAMES
        }
        self._joints = self.create_publisher(JointState, "/joint_states", 10)
        self._frames = RobotFrames(self, self._world.scene)
        self._markers = SceneMarkers(self, self._world.scene)
        self._results = self.create_publisher(String, "~/result", RESULT_QOS)
        self._clock_topic = self.create_publisher(Clock, "/clock", 10) if self._lock_step else None
        self.create_subscription(JointState, JOINT_COMMANDS, self._on_command, 10)
        if values["follows_words"]:
            topic = f"{values['policy_node']}/attention"
            self.create_subscription(AttentionMap, topic, self._on_map, 10)
        self._reset = self.create_client(Trigger, f"{values['policy_node']}/reset")
        self.create_service(Trigger, "~/start", self._on_start)
        self.create_timer(1.0 / CONTROL_HZ, self._on_period)
        if not values["wait_for_start"]:
            self._begin_episode()

    def close(self) -> None:
        """Free the renderer."""
        self._world.close()

    def _on_start(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        if not self._running and not self._reset_due:
            self._begin_episode()
        response.success = True
        response.message = f"episode with seed {self._world.seed}"
        return response

    def _begin_episode(self) -> None:
        """Place the next scene; it starts once the policy has forgotten the last one."""
        self._running = False
        self._reset_due = True
        if not self._first:
            self._world.reset()
        self._first = False

    def _ask_for_reset(self) -> None:
        if self._resetting is not None:
            # An answer that was lost, or a node that was restarted: ask again.
            self._periods_resetting += 1
            if self._periods_resetting < RESET_PERIODS:
                return
            self._reset.remove_pending_request(self._resetting)
            self._resetting = None
        if self._reset.service_is_ready():
            self._periods_resetting = 0
            self._resetting = self._reset.call_async(Trigger.Request())
            self._resetting.add_done_callback(self._on_policy_reset)

    def _on_policy_reset(self, future: Future) -> None:
        if future is not self._resetting:
            return
        self._resetting = None
        self._reset_due = False
        self._running = True
        if self._lock_step:
            self._observe()

    def _on_period(self) -> None:
        """Real time: the last command has had its period; show what came of it."""
        if self._reset_due:
            self._ask_for_reset()
        elif self._running and not self._lock_step:
            if self._episode_begin is not None:
                self._advance()
            if self._running:
                self._observe()

    def _on_map(self, message: AttentionMap) -> None:
        """What the policy has read is what it is judged by; other words leave the task as it is."""
        number = (message.episode, message.tick)
        if number < self._newest:  # a map that came late, of words from before
            return
        self._newest = number
        target, before = asked_for(message.instruction), self._world.target
        if target is not None and target != before:
            if self._running:
                told = {"seed": self._world.seed, "success": False, "interrupted": True}
                self._results.publish(String(data=json.dumps({**told, "target": before})))
            self._world.aim(target)
            self.get_logger().info(f"the task: {message.instruction}")

    def _advance(self) -> None:
        result = self._world.step()
        if result is not None:
            self._finish(result)

    def _finish(self, result: Episode) -> None:
        told = {**asdict(result), "target": self._world.target}
        self._results.publish(String(data=json.dumps(told)))
        word = "reached" if result.success else "missed"
        self.get_logger().info(
            f"seed {result.seed}: {word} after {result.ticks / CONTROL_HZ:.1f} s, "
            f"{result.distance * 100:.1f} cm from the goal"
        )
        self._finished += 1
        self._episode_begin = None
        self._running = False
        if self._episodes == 0 or self._finished < self._episodes:
            self._begin_episode()

    def _observe(self) -> None:
        observation = self._world.observe()
        if self._clock_topic is None:
            stamp = self.get_clock().now()
        else:
            # A stamp of zero means "none" in ROS: simulated time begins one period later.
            stamp = Time(nanoseconds=observation.time_ns + PERIOD_NS, clock_type=ClockType.ROS_TIME)
            self._clock_topic.publish(Clock(clock=stamp.to_msg()))
        if self._episode_begin is None:
            self._episode_begin = stamp
        self._waiting_for_command = True
        joints = JointState(name=list(JOINT_NAMES))
        joints.header.stamp = stamp.to_msg()
        joints.position = observation.positions.tolist()
        joints.velocity = observation.velocities.tolist()
        self._joints.publish(joints)
        self._frames.publish(stamp.to_msg(), observation.positions)
        self._markers.publish(stamp.to_msg())
        for name, publisher in self._images.items():
            picture = observation.images[name]
            image = Image(height=picture.shape[0], width=picture.shape[1], encoding="rgb8")
            image.header.stamp = stamp.to_msg()
            image.header.frame_id = optical_frame(name)
            image.step = picture.shape[1] * 3
            image.data = picture.tobytes()
            publisher.publish(image)

    def _on_command(self, message: JointState) -> None:
        if not self._running or self._episode_begin is None:
            return
        late = Time.from_msg(message.header.stamp, clock_type=self._episode_begin.clock_type)
        if not self._lock_step and late < self._episode_begin:
            return
        try:
            self._world.command(message.name, message.position)
        except SimError as error:
            self._refused += 1
            self._said.warning(f"command refused: {error}", state="command refused")
            return
        if self._lock_step and self._waiting_for_command:
            self._waiting_for_command = False
            self._advance()
            if self._running:
                self._observe()


def _mean_images(folder: str) -> Any:
    if not folder:
        return None
    from pam_ros.sim.training.checkpoint import load_mean_images  # noqa: PLC0415  (loads torch)

    return load_mean_images(Path(folder))


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `ros2 run pam_ros demo_robot`."""
    return run_node(DemoRobotNode, arguments, threads=1)
