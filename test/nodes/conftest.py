# SPDX-License-Identifier: Apache-2.0
"""A small random policy, its contract, and a robot that publishes what a test tells it to."""

import gc
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import rclpy
from rcl_interfaces.msg import Log
from rclpy.executors import Executor, ExternalShutdownException, SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.time import Time
from sensor_msgs.msg import Image, JointState

from rclpy_cyclone import installed

sys.path.insert(0, str(Path(__file__).parent))

JOINTS = ("pan", "lift")
HEIGHT, WIDTH = 64, 96
PATIENT_S = 60.0
"""How old observations may be where a test says nothing of it: a busy machine is late at times."""

CONTRACT = """
robot: test
rate_hz: 4.0
trigger: {trigger}
sync_tolerance_s: 0.02
max_age_s: {max_age}
cameras:
  - {{name: top, topic: /top/image_raw, type: sensor_msgs/msg/Image,
     feature: observation.images.top, encoding: {encoding}, resize: policy}}
state:
  topic: /joint_states
  feature: observation.state
  unit: rad
  joints:
    - {{name: pan, limits: [-3.0, 3.0]}}
    - {{name: lift, limits: [-3.0, 3.0]}}
command:
  topic: /joint_commands
  type: {command}
  max_velocity: 5.0
"""


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory) -> Path:
    """A random ACT with one 64x96 camera and two joints, in queue mode, on disk."""
    import torch
    from lerobot.configs.types import FeatureType, PolicyFeature
    from lerobot.policies.act.configuration_act import ACTConfig
    from lerobot.policies.act.modeling_act import ACTPolicy
    from lerobot.policies.factory import make_pre_post_processors

    folder = tmp_path_factory.mktemp("checkpoint")
    torch.manual_seed(0)
    inputs = {
        "observation.images.top": PolicyFeature(FeatureType.VISUAL, (3, HEIGHT, WIDTH)),
        "observation.state": PolicyFeature(FeatureType.STATE, (2,)),
    }
    config = ACTConfig(
        input_features=inputs,
        output_features={"action": PolicyFeature(FeatureType.ACTION, (2,))},
        pretrained_backbone_weights=None,
        dim_model=32,
        n_heads=4,
        dim_feedforward=32,
        n_encoder_layers=1,
        chunk_size=8,
        n_action_steps=4,
        use_vae=False,
        device="cpu",
    )
    stats = {
        "observation.images.top": {"mean": torch.full((3, 1, 1), 0.5), "std": torch.ones(3, 1, 1)},
        "observation.state": {"mean": torch.zeros(2), "std": torch.ones(2)},
        "action": {"mean": torch.zeros(2), "std": torch.full((2,), 0.1)},
    }
    for part in (ACTPolicy(config), *make_pre_post_processors(config, dataset_stats=stats)):
        part.save_pretrained(folder)
    return folder


@pytest.fixture
def contract(tmp_path):
    """Writes a contract file; keywords: trigger, encoding, command, max_age, more lines."""

    def write(
        trigger="top",
        encoding="rgb8",
        command="sensor_msgs/msg/JointState",
        max_age=PATIENT_S,
        more="",
    ) -> Path:
        file = tmp_path / "contract.yaml"
        text = CONTRACT.format(trigger=trigger, encoding=encoding, command=command, max_age=max_age)
        file.write_text(text + more)
        return file

    return write


@pytest.fixture
def domain(monkeypatch, tmp_path, free_domain):
    """A DDS domain of this test's own, and no memory of nodes that other tests left."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("ROS_DOMAIN_ID", str(free_domain))
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")


@pytest.fixture
def logged(capfd):
    """Whether words are in what was logged so far, whoever has looked before."""
    lines: list[str] = []

    def is_there(words: str) -> bool:
        lines.append(capfd.readouterr().err)
        return words in "".join(lines)

    return is_there


@pytest.fixture
def patient_guard(monkeypatch):
    """Guard processes may take long to start, as they do on a busy machine."""
    monkeypatch.setattr("pam_ros.nodes.guard.link.START_S", 300.0)


class Robot:
    """The node under test, and a peer that plays cameras and joints and listens."""

    def __init__(self, node, contexts) -> None:
        self.node = node
        self.peer = rclpy.create_node("peer", context=contexts)
        self.images = self.peer.create_publisher(Image, "/top/image_raw", 5)
        self.joints = self.peer.create_publisher(JointState, "/joint_states", 5)
        self.received: dict[str, list] = {}
        self._executors: list[Executor] = []
        self._threads: list[threading.Thread] = []
        self._closed = False

    def listen(self, message_type, topic):
        """The list that messages of a topic go to."""
        messages = self.received.setdefault(topic, [])
        self.peer.create_subscription(message_type, topic, messages.append, 50)
        return messages

    def hear_log(self):
        """The list of log messages, with those of the 10 s before the two found each other."""
        messages: list = []
        kept = QoSProfile(depth=1000, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.peer.create_subscription(Log, "/rosout", messages.append, kept)
        return messages

    def spin(self, wait=True) -> None:
        """Begin to spin, once everything is wired; wait: until node and peer hear each other."""
        from rclpy.executors import MultiThreadedExecutor

        for node, executor in (
            (self.node, MultiThreadedExecutor(num_threads=5, context=self.peer.context)),
            (self.peer, SingleThreadedExecutor(context=self.peer.context)),
        ):
            executor.add_node(node)
            thread = threading.Thread(target=_spin, args=(executor,), daemon=True)
            thread.start()
            self._executors.append(executor)
            self._threads.append(thread)
        if not wait:
            return
        assert self.wait(lambda: self.images.get_subscription_count() > 0)
        assert self.wait(lambda: self.joints.get_subscription_count() > 0)
        assert self.wait(self._heard)

    def _heard(self) -> bool:
        """Whether what the node sends from now on comes to every list."""
        counts = {each.topic_name: each.get_subscription_count() for each in self.node.publishers}
        known = {topic: count for topic, count in counts.items() if topic in self.received}
        return all(known.values()) and all(map(self.peer.count_publishers, known))

    def observe(self, encoding="rgb8", pixels=None, frame_id="camera", positions=(0.1, 0.2)):
        """Publish one observation; returns its stamp in nanoseconds."""
        if pixels is None:
            pixels = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
        stamp = self.peer.get_clock().now()
        # In another order than the contract's, with a joint that the contract does not know.
        joints = JointState(name=["lift", "other", "pan"])
        joints.position = [float(positions[1]), 9.0, float(positions[0])]
        image = Image(height=pixels.shape[0], width=pixels.shape[1], encoding=encoding)
        image.step = pixels.shape[1] * 3
        image.data = pixels.tobytes()
        image.header.frame_id = frame_id
        joints.header.stamp = image.header.stamp = stamp.to_msg()
        self.joints.publish(joints)
        self.images.publish(image)
        return stamp.nanoseconds

    def now(self) -> int:
        """By the clock that stamps observations and commands [ns]."""
        return self.peer.get_clock().now().nanoseconds

    @staticmethod
    def stamp(message) -> int:
        """What a message is stamped [ns]: a map like its observation, a command when it is sent."""
        return Time.from_msg(message.header.stamp).nanoseconds

    def show(self, maps, **observation):
        """Observe until an observation has its map, which may be late or lost; that map.

        Maps of observations before it may still be on their way, and are none of it.
        """
        mine: set[int] = set()

        def found():
            return [one for one in list(maps) if self.stamp(one) in mine]

        def shown() -> bool:
            mine.add(self.observe(**observation))
            return self.wait(found, 1.0)

        assert self.wait(shown), "no map of these observations came back"
        return found()[0]

    def wait(self, condition, seconds=60.0) -> bool:
        """Whether the condition came true in time.

        A participant whose first announcement is lost is heard of with the next, 30 s later.
        """
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        return True

    def quiet(self, messages, seconds=0.5) -> bool:
        """Wait until nothing comes any more, for so long; False where it never stops."""

        def still() -> bool:
            before = len(messages)
            time.sleep(seconds)
            return len(messages) == before

        return self.wait(still)

    def call(self, service_type, name, request):
        """A service's response."""
        client = self.peer.create_client(service_type, name)
        there = client.wait_for_service(timeout_sec=60.0)
        assert there, f"no service {name}; ROS runs: {self.peer.context.ok()}"
        future = client.call_async(request)
        assert self.wait(future.done), f"{name} did not answer"
        return future.result()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for executor in self._executors:
            executor.shutdown(timeout_sec=5.0)
        for thread in self._threads:
            thread.join(timeout=5.0)
        self.node.close()
        self.node.destroy_node()
        self.peer.destroy_node()


def _spin(executor) -> None:
    try:
        executor.spin()
    except ExternalShutdownException:
        return


@pytest.fixture
def attention_robot(domain, checkpoint, contract):
    """Starts the attention node with parameters, in this process, and without its guard."""
    from pam_ros.nodes.act.node import ActAttentionNode

    opened = []
    plain = {"torch_threads": 1, "engine": "eager", "command_guard": False}
    # Contributions have tests of their own; these go by maps that come at once.
    plain["attention_method"] = "rollout"

    def start(contract_options=None, ros_arguments=(), **parameters) -> Robot:
        arguments = ["--ros-args", *ros_arguments]
        given = {"policy": checkpoint, "contract": contract(**(contract_options or {}))}
        for name, value in {**given, **plain, **parameters}.items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            arguments += ["-p", f"{name}:={text}"]
        if not installed():
            # rcl knows loggers by name: a node that is destroyed late takes /rosout from the next.
            gc.collect()
        rclpy.init(args=arguments)
        robot = Robot(ActAttentionNode(), rclpy.get_default_context())
        opened.append(robot)
        robot.node.start()
        return robot

    yield start
    for robot in opened:
        robot.close()
    rclpy.try_shutdown()


@pytest.fixture
def run_node(domain):
    """Runs `pam_ros run NODE` to its end; returns exit status and stderr."""

    def run(node, **parameters):
        command = [sys.executable, "-m", "pam_ros.cli", "run", node, "--ros-args"]
        for name, value in parameters.items():
            command += ["-p", f"{name}:={value}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        return done.returncode, done.stderr

    return run


@pytest.fixture
def sae(tmp_path) -> Path:
    """The folder of a small random SAE."""
    from sae_folder import write_sae

    write_sae(tmp_path / "sae")
    return tmp_path / "sae"


@pytest.fixture
def sidecar(domain, sae):
    """Starts the node with parameters."""
    from sidecar_robot import Sidecar

    from pam_ros.nodes.recorders.sae_node import SaeRecorderNode

    opened = []

    def start(namespace="", **parameters):
        arguments = ["--ros-args", "-r", f"__ns:={namespace or '/'}"]
        for name, value in {"sae": sae, **parameters}.items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            arguments += ["-p", f"{name}:={text}"]
        rclpy.init(args=arguments)
        opened.append(Sidecar(SaeRecorderNode(), namespace))
        return opened[-1]

    yield start
    for one in opened:
        one.close()
    rclpy.try_shutdown()
