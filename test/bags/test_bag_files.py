# SPDX-License-Identifier: Apache-2.0
"""Writing and reading bags, against the mcap library, sqlite3 and rosbags' own reader."""

from __future__ import annotations

import io
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader
from rosbags.highlevel import AnyReader
from rosbags.interfaces import QosDurability, QosHistory, QosReliability, QosTime
from synthetic_bags import START_NS, TYPES, header, string_cdr

from pam_ros.bags import BagError, BagReader, BagWriter, qos, qos_of
from pam_ros.bags.types import empty_message

ROOT = Path(__file__).parents[2]
STRING = "std_msgs/msg/String"
MAP = "pam_ros/msg/AttentionMap"


def attention_map(tick: int) -> bytes:
    camera = empty_message(TYPES, "pam_ros/msg/CameraAttention")
    camera.header, camera.name = header(START_NS, "top_optical"), "top"
    camera.rows, camera.cols, camera.dx, camera.dy = 2, 3, 32.0, 32.0
    camera.cells, camera.share = np.arange(6, dtype=np.float32) / 30, 0.5
    words = empty_message(TYPES, "pam_ros/msg/TokenGroup")
    words.name = words.kind = "language"
    words.labels, words.mass = ["pick", "up"], np.array([0.25, 0.25], np.float32)
    message = empty_message(TYPES, MAP)
    message.header, message.tick, message.policy_name = header(START_NS + tick), tick, "act"
    message.policy_sha256, message.method, message.valid = "0" * 64, "cross_attention", True
    message.environment_share = message.completeness_error = float("nan")
    message.head_entropy = np.array([1.2, 1.7], np.float32)
    message.cameras, message.groups = [camera], [words]
    return bytes(TYPES.serialize_cdr(message, MAP))


def write_strings(path, count: int, storage: str = "mcap") -> list[bytes]:
    sent = [string_cdr(f"message {index}") for index in range(count)]
    with BagWriter(path, storage) as writer:
        writer.add_topic("/words", STRING, qos(durability="transient_local", depth=1))
        for index, data in enumerate(sent):
            writer.write("/words", data, START_NS + index)
    return sent


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_what_is_written_is_read_back_to_the_byte(tmp_path, storage):
    bag = tmp_path / "bag"
    sent = [attention_map(tick) for tick in range(5)]
    with BagWriter(bag, storage) as writer:
        writer.add_topic("/maps", MAP)
        writer.add_topic("/words", STRING)
        for tick, data in enumerate(sent):
            writer.write("/maps", data, START_NS + 10 * tick)
            writer.write("/words", string_cdr("x"), START_NS + 10 * tick + 5)
    assert writer.counts == {"/maps": 5, "/words": 5}
    with BagReader(bag) as reader:
        assert {name: topic.count for name, topic in reader.topics.items()} == writer.counts
        assert reader.topics["/maps"].type == MAP
        assert (reader.start_ns, reader.end_ns) == (START_NS, START_NS + 45)
        messages = list(reader.messages(["/maps"]))
        assert [message.data for message in messages] == sent
        assert [message.stamp_ns for message in messages] == [START_NS + 10 * t for t in range(5)]
        decoded = reader.decode(messages[3])
        assert decoded.tick == 3
        assert decoded.cameras[0].name == "top"
        np.testing.assert_allclose(decoded.cameras[0].cells, np.arange(6) / 30, rtol=1e-6)
        assert len(list(reader.messages())) == 10
        some = list(reader.messages(start_ns=START_NS + 10, stop_ns=START_NS + 30))
        assert [message.stamp_ns - START_NS for message in some] == [10, 15, 20, 25]


def test_the_mcap_library_reads_messages_schemas_and_qos(tmp_path):
    bag = tmp_path / "bag"
    sent = write_strings(bag, 7)
    (file,) = bag.glob("*.mcap")
    reader = make_reader(io.BytesIO(file.read_bytes()))
    found = list(reader.iter_messages())
    assert [message.data for _, _, message in found] == sent
    assert [message.log_time for _, _, message in found] == [START_NS + i for i in range(7)]
    schema, channel, _ = found[0]
    assert (schema.name, schema.encoding, channel.message_encoding) == (STRING, "ros2msg", "cdr")
    profile = yaml.safe_load(channel.metadata["offered_qos_profiles"])[0]
    assert reader.get_header().profile == "ros2"
    assert (profile["durability"], profile["reliability"]) == ("transient_local", "reliable")


def test_sqlite3_holds_the_rows(tmp_path):
    bag = tmp_path / "bag"
    sent = write_strings(bag, 3, "sqlite3")
    (file,) = bag.glob("*.db3")
    rows = sqlite3.connect(file).execute("select timestamp, data from messages").fetchall()
    assert rows == [(START_NS + index, data) for index, data in enumerate(sent)]


def test_metadata_is_rosbag2s_version_9(tmp_path):
    bag = tmp_path / "bag"
    write_strings(bag, 4)
    info = yaml.safe_load((bag / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert (info["version"], info["storage_identifier"], info["message_count"]) == (9, "mcap", 4)
    assert info["starting_time"]["nanoseconds_since_epoch"] == START_NS
    assert info["duration"]["nanoseconds"] == 3
    topic = info["topics_with_message_count"][0]
    assert topic["message_count"] == 4
    assert topic["topic_metadata"]["type"] == STRING
    assert topic["topic_metadata"]["type_description_hash"].startswith("RIHS01_")
    profile = topic["topic_metadata"]["offered_qos_profiles"][0]
    assert profile["durability"] == "transient_local"
    assert profile["depth"] == 1
    assert profile["lifespan"] == {"sec": 9223372036, "nsec": 854775807}


def test_a_bag_carries_the_definitions_of_its_own_messages(tmp_path):
    bag = tmp_path / "bag"
    with BagWriter(bag) as writer:
        writer.add_topic("/maps", MAP)
        writer.write("/maps", attention_map(1), START_NS)
    # AnyReader knows no type but those in the bag.
    with AnyReader([bag]) as reader:
        connection, _, data = next(reader.messages())
        assert reader.deserialize(data, connection.msgtype).policy_name == "act"


def test_further_message_folders_can_be_given(tmp_path):
    folder = tmp_path / "msg"
    folder.mkdir()
    (folder / "Weight.msg").write_text("float64 grams\nstd_msgs/Header header\n")
    bag = tmp_path / "bag"
    data = b"\x00\x01\x00\x00" + np.float64(3.5).tobytes() + b"\x00" * 8 + b"\x01\x00\x00\x00\x00"
    with BagWriter(bag, folders={"scales": folder}) as writer:
        writer.add_topic("/weight", "scales/msg/Weight")
        writer.write("/weight", data, START_NS)
    with BagReader(bag) as reader:
        (message,) = reader.messages()
        assert reader.decode(message).grams == 3.5
    with pytest.raises(BagError, match=r"holds no \.msg files for package 'empty'"):
        BagWriter(tmp_path / "other", folders={"empty": tmp_path / "nowhere"})
    (folder / "Odd.msg").write_text("nobody/Thing thing\n")
    with (
        BagWriter(tmp_path / "odd", folders={"scales": folder}) as writer,
        pytest.raises(BagError, match="scales/msg/Odd of /odd uses a type that is not known"),
    ):
        writer.add_topic("/odd", "scales/msg/Odd")
    (folder / "Bad.msg").write_text("float64 !\n")
    with pytest.raises(BagError, match=r"Bad\.msg cannot be read"):
        BagWriter(tmp_path / "other", folders={"scales": folder})


def test_an_exception_leaves_a_readable_bag(tmp_path):
    bag = tmp_path / "bag"

    def interrupted():
        with BagWriter(bag) as writer:
            writer.add_topic("/words", STRING)
            writer.write("/words", string_cdr("kept"), START_NS)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with BagReader(bag) as reader:
        assert [reader.decode(message).data for message in reader.messages()] == ["kept"]


RECORD = """
import signal, sys, time
sys.path.insert(0, sys.argv[2])
from pam_ros.bags import BagWriter

def stop(*_):
    raise SystemExit(0)

signal.signal(signal.SIGTERM, stop)
with BagWriter(sys.argv[1]) as writer:
    writer.add_topic("/words", "std_msgs/msg/String")
    index = 0
    while True:
        writer.write("/words", b"\\x00\\x01\\x00\\x00\\x02\\x00\\x00\\x00x\\x00", index)
        index += 1
        if index == 50:
            print("ready", flush=True)
        time.sleep(0.001)
"""


def test_a_recorder_that_is_told_to_stop_leaves_a_complete_bag(tmp_path):
    bag = tmp_path / "bag"
    process = subprocess.Popen(
        [sys.executable, "-c", RECORD, str(bag), str(ROOT)], stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"ready\n"
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(120) == 0
    process.stdout.close()
    with BagReader(bag) as reader:
        count = reader.topics["/words"].count
        assert count >= 50
        assert len(list(reader.messages())) == count


def test_a_bag_that_was_never_finished_says_so(tmp_path):
    bag = tmp_path / "bag"
    write_strings(bag, 4)
    (bag / "metadata.yaml").unlink()
    (file,) = bag.glob("*.mcap")
    with BagReader(bag) as reader:  # the storage file alone is enough
        assert reader.topics["/words"].count == 4
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(BagError, match=r"cannot be read: .*pam_ros bag repair"):
        BagReader(bag)
    file.unlink()
    with pytest.raises(BagError, match=r"no metadata\.yaml"):
        BagReader(bag)


def test_an_existing_folder_is_never_overwritten(tmp_path):
    (tmp_path / "bag").mkdir()
    with pytest.raises(BagError, match="exists already: remove it or choose another"):
        BagWriter(tmp_path / "bag")


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(BagError, match="cannot be created"):
        BagWriter(tmp_path / "file" / "bag")


def test_mistakes_while_writing_are_one_sentence(tmp_path):
    with pytest.raises(BagError, match="storage 'zip' is not known; use mcap or sqlite3"):
        BagWriter(tmp_path / "bag", "zip")
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic("/words", STRING)
        writer.add_topic("/words", STRING)
        with pytest.raises(BagError, match="a topic has one type"):
            writer.add_topic("/words", "std_msgs/msg/Int32")
        with pytest.raises(BagError, match=r"type other/msg/Thing of /thing is not known"):
            writer.add_topic("/thing", "other/msg/Thing")
        with pytest.raises(BagError, match="/other was not announced"):
            writer.write("/other", string_cdr("x"), 1)
        with pytest.raises(BagError, match="not serialised as CDR"):
            writer.write("/words", b"hello", 1)
        with pytest.raises(BagError, match="negative stamp -1"):
            writer.write("/words", string_cdr("x"), -1)
    writer.close()
    with pytest.raises(BagError, match="is closed"):
        writer.write("/words", string_cdr("x"), 1)


def test_several_threads_may_write(tmp_path):
    bag = tmp_path / "bag"
    with BagWriter(bag) as writer:

        def work(name):
            writer.add_topic(name, STRING)
            for index in range(200):
                writer.write(name, string_cdr(name), START_NS + index)

        threads = [threading.Thread(target=work, args=(f"/t{i}",)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with BagReader(bag) as reader:
        assert {topic.count for topic in reader.topics.values()} == {200}
        assert all(reader.decode(m).data == m.topic for m in reader.messages())


def test_an_empty_bag_is_a_bag(tmp_path):
    bag = tmp_path / "bag"
    with BagWriter(bag) as writer:
        writer.add_topic("/words", STRING)
    with BagReader(bag) as reader:
        assert list(reader.messages()) == []
        assert (reader.start_ns, reader.end_ns) == (0, 0)
        assert reader.topics["/words"].count == 0


def test_a_topic_that_is_not_there_is_named_with_those_that_are(tmp_path):
    write_strings(tmp_path / "bag", 1)
    with (
        BagReader(tmp_path / "bag") as reader,
        pytest.raises(BagError, match=r"has no topic /maps \(it has /words\)"),
    ):
        list(reader.messages(["/maps"]))


def test_a_missing_bag_is_named(tmp_path):
    with pytest.raises(BagError, match="nowhere does not exist"):
        BagReader(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(BagError, match="neither a folder"):
        BagReader(tmp_path / "notes.txt")


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_compressed_data_that_is_damaged_is_said_so(tmp_path, storage):
    bag = tmp_path / "bag"
    with BagWriter(bag, storage, compression="zstd") as writer:
        writer.add_topic("/words", "std_msgs/msg/String")
        for index in range(50):
            writer.write("/words", string_cdr(f"message {index}"), START_NS + index)
    (file,) = (path for path in bag.iterdir() if path.suffix != ".yaml")
    content = bytearray(file.read_bytes())
    # Where zstd's frames begin.
    place = content.index(b"\x28\xb5\x2f\xfd")
    content[place + 12 : place + 20] = b"\xff" * 8
    file.write_bytes(content)
    with BagReader(bag) as reader, pytest.raises(BagError):
        for message in reader.messages():
            reader.decode(message)


@given(data=st.data())
@settings(max_examples=30)
def test_damaged_files_are_read_or_refused_never_crash(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("damaged") / "bag"
    storage = data.draw(st.sampled_from(["mcap", "sqlite3"]))
    write_strings(folder, 3, storage)
    files = sorted(folder.iterdir())
    file = data.draw(st.sampled_from(files))
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    file.write_bytes(content)
    try:
        with BagReader(folder) as reader:
            for message in reader.messages():
                reader.decode(message)
    except BagError:
        pass


def test_qos_of_an_endpoint_is_kept(tmp_path):
    def member(name):
        return SimpleNamespace(name=name)

    infinite = SimpleNamespace(nanoseconds=2**63 - 1)
    profile = SimpleNamespace(
        history=member("KEEP_LAST"),
        depth=7,
        reliability=member("BEST_EFFORT"),
        durability=member("TRANSIENT_LOCAL"),
        deadline=SimpleNamespace(nanoseconds=1_500_000_000),
        lifespan=infinite,
        liveliness=member("AUTOMATIC"),
        liveliness_lease_duration=SimpleNamespace(nanoseconds=0),
        avoid_ros_namespace_conventions=False,
    )
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic("/words", STRING, qos_of(profile))
    with BagReader(tmp_path / "bag") as reader:
        (kept,) = reader.topics["/words"].qos
    assert (kept.history, kept.depth) == (QosHistory.KEEP_LAST, 7)
    assert kept.reliability is QosReliability.BEST_EFFORT
    assert kept.durability is QosDurability.TRANSIENT_LOCAL
    assert kept.deadline == QosTime(1, 500_000_000)
    assert kept.lifespan == kept.liveliness_lease_duration == QosTime(9223372036, 854775807)
    with pytest.raises(BagError, match="'sometimes' is none of system_default, reliable"):
        qos(reliability="sometimes")
