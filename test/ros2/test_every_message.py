# SPDX-License-Identifier: Apache-2.0
"""Every message type of this package's topics, from an embedded node to ROS 2 and back."""

import dataclasses
import sys
import time
from pathlib import Path

import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))
from every_message import TYPES, octets_as_bytes, topic

from pam_ros.bags import BagReader

pytestmark = [pytest.mark.ros2, pytest.mark.slow, pytest.mark.timeout(600)]

FILE = Path(__file__).with_name("every_message.py")


@pytest.fixture(scope="module")
def talker(ros2, workspace):
    """An embedded node that says every message five times a second."""
    process = ros2.embedded(FILE, "say")
    process.samples = process.wait_for_fact("samples")
    return process


@pytest.fixture(scope="module")
def listener(ros2, workspace):
    """An embedded node that repeats as JSON what it hears."""
    process = ros2.embedded(FILE, "hear")
    process.samples = process.wait_for_fact("samples")
    return process


def numbers(value):
    """Octets as numbers: rclpy has them as bytes, which YAML writes as text or as !!binary."""
    if isinstance(value, dict):
        return {name: numbers(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [numbers(inner) for inner in value]
    if isinstance(value, bytes) or value == "\x07":
        return ord(value)
    return value


def plain(value):
    """A message as rosbags decodes it, as data."""
    if dataclasses.is_dataclass(value):
        # Constants are fields there, in capitals; so is the type's name.
        names = [field.name for field in dataclasses.fields(value)]
        names = [name for name in names if name[0].islower()]
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value.tolist() if hasattr(value, "tolist") else value


@pytest.mark.parametrize("type_name", TYPES)
def test_ros2_topic_echo_prints_what_an_embedded_node_said(ros2, talker, type_name):
    done = ros2.run("topic", "echo", "--once", "--full-length", topic("say", type_name), type_name)
    assert done.returncode == 0, done.stderr
    assert numbers(next(yaml.safe_load_all(done.stdout))) == talker.samples[type_name]


@pytest.mark.parametrize("type_name", TYPES)
def test_an_embedded_node_hears_what_ros2_topic_pub_said(ros2, listener, type_name):
    # ros2 topic pub makes bytes(7), seven zeros, of the number 7: octets are given as !!binary.
    said = octets_as_bytes(type_name, listener.samples[type_name])
    text = yaml.safe_dump(said, allow_unicode=True)
    done = ros2.run("topic", "pub", "--times", "20", "-r", "10", "-w", "1",
                    topic("hear", type_name), type_name, text)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert listener.wait_for_fact(type_name) == listener.samples[type_name]


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_ros2_bag_records_every_message_of_an_embedded_node(ros2, talker, storage, tmp_path):
    """`ros2 bag record` while the node talks; what our reader finds in it is what was said."""
    if ros2.share(f"rosbag2_storage_{storage}") is None:
        pytest.skip(f"this ROS 2 cannot write {storage}")
    path = tmp_path / "bag"
    topics = [topic("say", type_name) for type_name in TYPES]
    recorder = ros2.start("bag", "record", "-s", storage, "-o", str(path), "--topics",
                          *topics)  # fmt: skip
    recorder.wait_for(lambda line: "All requested topics are subscribed" in line)
    time.sleep(1.0)
    assert recorder.stop() == 0, "\n".join(recorder.lines[-20:])
    info = ros2.run("bag", "info", str(path)).stdout
    for type_name in TYPES:
        assert f"Topic: {topic('say', type_name)} | Type: {type_name} | Count: " in info
    with BagReader(path) as reader:
        kept = {message.topic: plain(reader.decode(message)) for message in reader.messages()}
    for type_name in TYPES:
        assert kept[topic("say", type_name)] == talker.samples[type_name], type_name
