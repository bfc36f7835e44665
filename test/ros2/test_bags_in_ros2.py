# SPDX-License-Identifier: Apache-2.0
"""Bags that pam_ros writes, as ROS 2's own tools read them; and the other way round."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
import zstandard

from pam_ros.bags import BagReader, BagWriter, qos, repair
from pam_ros.bags.types import empty, known_types

pytestmark = [pytest.mark.ros2, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
START_NS = 1_700_000_000_000_000_000
TYPES = known_types()
Header, Time = TYPES.types["std_msgs/msg/Header"], TYPES.types["builtin_interfaces/msg/Time"]
String = TYPES.types["std_msgs/msg/String"]


def string(text):
    return bytes(TYPES.serialize_cdr(String(text), "std_msgs/msg/String"))


@pytest.fixture(params=["mcap", "sqlite3"])
def bag(request, bag_tools, tmp_path):
    """Three seconds of /said at 10 Hz and one latched /note."""
    if bag_tools.share(f"rosbag2_storage_{request.param}") is None:
        pytest.skip(f"this ROS 2 cannot read {request.param}")
    path = tmp_path / request.param
    with BagWriter(path, storage=request.param) as writer:
        writer.add_topic("/said", "std_msgs/msg/String")
        writer.add_topic("/note", "std_msgs/msg/String", qos(durability="transient_local", depth=1))
        writer.write("/note", string("kept"), START_NS)
        for count in range(30):
            writer.write("/said", string(f"word {count}"), START_NS + count * 100_000_000)
    return path


def test_ros2_bag_info_counts_the_messages(bag_tools, bag):
    info = bag_tools.run("bag", "info", str(bag)).stdout
    assert f"Storage id:        {bag.name}" in info
    assert "Messages:          31" in info
    assert "Topic: /said | Type: std_msgs/msg/String | Count: 30" in info
    assert "Topic: /note | Type: std_msgs/msg/String | Count: 1 " in info
    assert re.search(r"Duration: +2\.9\d*s", info)


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("version", [5, 7, 8])
def test_bags_for_older_releases_are_read_by_this_one_too(bag_tools, tmp_path, storage, version):
    if bag_tools.share(f"rosbag2_storage_{storage}") is None:
        pytest.skip(f"this ROS 2 cannot read {storage}")
    path = tmp_path / "bag"
    with BagWriter(path, storage=storage, metadata_version=version) as writer:
        writer.add_topic("/note", "std_msgs/msg/String", qos(durability="transient_local", depth=1))
        writer.write("/note", string("kept"), START_NS)
    info = bag_tools.run("bag", "info", str(path)).stdout
    assert "Topic: /note | Type: std_msgs/msg/String | Count: 1 " in info


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_repaired_bag_of_packed_files_is_read_packed(bag_tools, tmp_path, storage):
    if bag_tools.share(f"rosbag2_storage_{storage}") is None:
        pytest.skip(f"this ROS 2 cannot read {storage}")
    if bag_tools.share("rosbag2_compression_zstd") is None:
        pytest.skip("this ROS 2 unpacks no zstd")
    path = tmp_path / "bag"
    with BagWriter(path, storage=storage) as writer:
        writer.add_topic("/said", "std_msgs/msg/String")
        for count in range(30):
            writer.write("/said", string(f"word {count}"), START_NS + count * 100_000_000)
    (file,) = (f for f in path.iterdir() if f.suffix != ".yaml")
    file.with_name(file.name + ".zstd").write_bytes(zstandard.compress(file.read_bytes()))
    file.unlink()
    (path / "metadata.yaml").unlink()
    assert repair(path).messages == 30
    assert [f.name for f in path.glob("*.zstd")] == [f"{file.name}.zstd"]
    copy = tmp_path / "copy"
    (tmp_path / "out.yaml").write_text(
        f"output_bags: [{{uri: {copy}, storage_id: {storage}, all_topics: true}}]\n"
    )
    done = bag_tools.run("bag", "convert", "-i", str(path), "-o", str(tmp_path / "out.yaml"))
    assert done.returncode == 0, done.stderr
    with BagReader(copy) as reader:
        assert [reader.decode(m).data for m in reader.messages(["/said"])] == [
            f"word {count}" for count in range(30)
        ]


def test_ros2_bag_play_publishes_what_was_written(bag_tools, bag):
    player = bag_tools.start("bag", "play", "--loop", str(bag))
    try:
        done = bag_tools.run("topic", "echo", "--once", "/said", "std_msgs/msg/String")
        assert re.search(r"data: word \d+", done.stdout), done.stderr
    finally:
        player.stop()


def test_ros2_bag_play_offers_the_recorded_qos(bag_tools, bag):
    """Only a publisher that is latched too matches a reader that asks for it."""
    player = bag_tools.start("bag", "play", "--loop", str(bag))
    try:
        done = bag_tools.run(
            "topic", "echo", "--once", "--qos-durability", "transient_local",
            "/note", "std_msgs/msg/String",
        )  # fmt: skip
        assert "data: kept" in done.stdout, done.stderr
    finally:
        player.stop()


@pytest.mark.parametrize("compression", ["none", "zstd"])
@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_killed_recording_plays_after_its_repair(bag_tools, tmp_path, storage, compression):
    """Written in three files, of which the last was never closed; the metadata is missing."""
    path = tmp_path / "killed"
    code = (
        "import os, sys, time\n"
        "from pam_ros.bags import BagWriter\n"
        f"writer = BagWriter({str(path)!r}, {storage!r}, compression={compression!r}, "
        "split_seconds=1.0)\n"
        "writer.add_topic('/said', 'std_msgs/msg/String')\n"
        "for count in range(30):\n"
        "    data = bytes([0, 1, 0, 0, 8, 0, 0, 0]) + b'word %02d\\0' % count\n"
        f"    writer.write('/said', data, {START_NS} + count * 100_000_000)\n"
        "time.sleep(0.6)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False, timeout=60)
    assert done.returncode == -9
    assert not (path / "metadata.yaml").exists()
    assert repair(path).messages == 30
    info = bag_tools.run("bag", "info", str(path)).stdout
    assert "Messages:          30" in info
    assert info.count("killed_") == 3
    player = bag_tools.start("bag", "play", "--loop", str(path))
    try:
        echo = bag_tools.run("topic", "echo", "--once", "/said", "std_msgs/msg/String")
        assert re.search(r"data: word \d+", echo.stdout), echo.stderr
    finally:
        player.stop()


def test_a_bag_that_ros2_recorded_reads_back(bag_tools, tmp_path):
    path = tmp_path / "recorded"
    recorder = bag_tools.start("bag", "record", "-o", str(path), "--topics", "/spoken")
    recorder.wait_for(lambda line: "Listening" in line or "Recording" in line)
    done = bag_tools.run(
        "topic", "pub", "--times", "5", "-r", "10", "-w", "1",
        "/spoken", "std_msgs/msg/String", "{data: hello}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert recorder.stop() == 0
    with BagReader(path) as reader:
        said = [reader.decode(message).data for message in reader.messages(["/spoken"])]
    assert 1 <= len(said) <= 5
    assert set(said) == {"hello"}


@pytest.mark.slow
def test_an_attention_map_survives_the_way_through_a_bag(bag_tools, workspace, tmp_path):
    names = TYPES.types
    header = Header(Time(12, 34), "top_frame")
    cells = [0.125, 0.25, 0.375, 0.0]

    def make(type_name, **values):
        for name, kind in TYPES.fielddefs[type_name][1]:
            values.setdefault(name, empty(TYPES, kind))
        return names[type_name](**values)

    camera = make(
        "pam_ros/msg/CameraAttention", header=header, name="top", image_height=64, image_width=96,
        rows=2, cols=2, cells=np.array(cells, np.float32), share=0.75, peak_row=1,
    )  # fmt: skip
    words = make(
        "pam_ros/msg/TokenGroup", name="instruction", kind="language", share=0.125,
        mass=np.array([0.0625, 0.0625], np.float32), labels=["pick", "cube"],
    )  # fmt: skip
    message = make(
        "pam_ros/msg/AttentionMap", header=header, tick=7, policy_name="act", valid=True,
        groups=[words],
        joint_state_stamp=Time(12, 30), joint_state_share=0.25, cameras=[camera],
        head_entropy=np.array([1.5, 2.5], np.float32),
        head_latent_share=np.array([0.5, 0.0], np.float32),
    )  # fmt: skip
    path = tmp_path / "maps"
    topic, type_name = "/act_attention/attention", "pam_ros/msg/AttentionMap"
    with BagWriter(path) as writer:
        writer.add_topic(topic, type_name)
        for count in range(20):
            data = bytes(TYPES.serialize_cdr(message, type_name))
            writer.write(topic, data, START_NS + count * 100_000_000)
    player = bag_tools.start("bag", "play", "--loop", str(path))
    try:
        done = bag_tools.run("topic", "echo", "--once", "--full-length", topic, type_name)
    finally:
        player.stop()
    read = next(yaml.safe_load_all(done.stdout))
    assert read["tick"] == 7
    assert read["valid"] is True
    assert read["policy_name"] == "act"
    assert read["header"] == {"stamp": {"sec": 12, "nanosec": 34}, "frame_id": "top_frame"}
    assert read["joint_state_share"] == 0.25
    assert read["groups"][0]["labels"] == ["pick", "cube"]
    assert read["groups"][0]["mass"] == [0.0625, 0.0625]
    assert read["cameras"][0]["cells"] == cells
    assert read["cameras"][0]["peak_row"] == 1
