# SPDX-License-Identifier: Apache-2.0
"""Repairing bags: what comes back, what stays as it was, and what hostile files get."""

import os
import sqlite3
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
import yaml
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader
from mcap.writer import CompressionType, Writer
from rosbags.interfaces import QosDurability
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2 import Writer as RosbagsWriter
from synthetic_bags import START_NS, TYPES, string_cdr

from pam_ros.bags import BagError, BagReader, BagWriter, qos, repair
from pam_ros.bags import repair as repair_function
from pam_ros.bags.main import main

STRING = "std_msgs/msg/String"
STORAGES = pytest.mark.parametrize("storage", ["mcap", "sqlite3"])


def record(bag, storage="mcap", count=40, **options) -> None:
    with BagWriter(bag, storage, **options) as writer:
        writer.add_topic("/words", STRING, qos(durability="transient_local"))
        for index in range(count):
            writer.write("/words", string_cdr(f"message {index}"), START_NS + index)


def words(bag) -> list[str]:
    with BagReader(bag) as reader:
        return [reader.decode(message).data for message in reader.messages()]


def expected(count) -> list[str]:
    return [f"message {index}" for index in range(count)]


def contents(folder) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def several_chunks(path, count=40, per_chunk=10, end=True, compression=CompressionType.ZSTD):
    """An mcap file of the library alone, with so many messages in each chunk."""
    with path.open("wb") as stream:
        writer = Writer(stream, compression=compression)
        writer.start(profile="ros2")
        schema = writer.register_schema(STRING, "ros2msg", b"string data")
        channel = writer.register_channel("/words", "cdr", schema)
        places = []
        for index in range(count):
            writer.add_message(
                channel, START_NS + index, string_cdr(f"message {index}"), START_NS + index
            )
            if index % per_chunk == per_chunk - 1:
                places.append(stream.tell())
                writer.flush()
        if end:
            writer.finish()
    return places


@STORAGES
def test_a_whole_bag_is_left_alone(tmp_path, storage):
    record(tmp_path / "bag", storage)
    before = contents(tmp_path / "bag")
    report = repair(tmp_path / "bag")
    assert not report.changed
    assert report.messages == 40
    assert contents(tmp_path / "bag") == before


@STORAGES
def test_lost_metadata_is_made_again_as_it_was(tmp_path, storage):
    bag = tmp_path / "bag"
    record(bag, storage, split_bytes=2000)
    before = yaml.safe_load((bag / "metadata.yaml").read_text())
    (bag / "metadata.yaml").unlink()
    assert repair(bag).metadata_written
    assert yaml.safe_load((bag / "metadata.yaml").read_text()) == before
    with BagReader(bag) as reader:
        (profile,) = reader.topics["/words"].qos
    assert profile.durability is QosDurability.TRANSIENT_LOCAL


def test_a_file_cut_off_in_a_chunk_keeps_the_chunks_before_it(tmp_path):
    file = tmp_path / "cut.mcap"
    places = several_chunks(file)
    file.write_bytes(file.read_bytes()[: places[3] + 30])
    report = repair(file)
    assert words(file) == expected(30)
    (repaired,) = report.files
    assert any("cut off" in note for note in repaired.notes)
    # The old file is there, to the byte.
    assert repaired.kept.stat().st_size == places[3] + 30
    with file.open("rb") as stream:
        summary = make_reader(stream).get_summary()
    assert summary.statistics.message_count == 30


@pytest.mark.parametrize("compression", list(CompressionType))
def test_a_damaged_chunk_in_the_middle_costs_itself_alone(tmp_path, compression):
    file = tmp_path / "damaged.mcap"
    places = several_chunks(file, compression=compression)
    content = bytearray(file.read_bytes())
    content[places[1] + 100] ^= 0xFF
    file.write_bytes(content)
    (repaired,) = repair(file).files
    assert words(file) == expected(10) + expected(40)[20:]
    assert len(repaired.notes) == 1
    assert f"byte {places[1]} is damaged" in repaired.notes[0]


def test_an_index_that_does_not_fit_its_chunks_is_made_again(tmp_path):
    file = tmp_path / "index.mcap"
    several_chunks(file)
    content = bytearray(file.read_bytes())
    # The summary's checksum is left out, and one chunk's index says another place.
    place = content.rindex(struct.pack("<Q", START_NS + 39), 0, len(content) - 37)
    (summary_start,) = struct.unpack("<Q", content[-28:-20])
    assert summary_start < place
    content[-12:-8] = b"\0\0\0\0"
    chunk = content.index(b"\x08", summary_start)
    while content[chunk + 9 : chunk + 17] != struct.pack("<Q", START_NS):
        chunk = content.index(b"\x08", chunk + 1)
    content[chunk + 25 : chunk + 33] = struct.pack("<Q", 12345)
    file.write_bytes(content)
    assert repair(file).changed
    assert words(file) == expected(40)


def test_a_bag_of_another_writer_is_repaired_too(tmp_path):
    bag = tmp_path / "foreign"
    for plugin in StoragePlugin:
        path = bag.with_name(plugin.name)
        with RosbagsWriter(path, version=9, storage_plugin=plugin) as writer:
            connection = writer.add_connection("/words", STRING, typestore=TYPES)
            for index in range(5):
                writer.write(connection, START_NS + index, string_cdr(f"message {index}"))
        (path / "metadata.yaml").unlink()
        assert repair(path).messages == 5
        assert words(path) == expected(5)


def test_damaged_rows_of_a_database_cost_themselves_alone(tmp_path):
    bag = tmp_path / "bag"
    record(bag, "sqlite3", count=2000)
    file = bag / "bag_0.db3"
    content = bytearray(file.read_bytes())
    middle = content.index(b"message 1000\0") // 4096 * 4096
    content[middle : middle + 4096] = b"\xa5" * 4096
    file.write_bytes(content)
    report = repair(bag)
    found = words(bag)
    assert set(found) < set(expected(2000))
    assert len(found) > 1800
    assert found[0] == "message 0"
    assert found[-1] == "message 1999"
    assert report.files[0].kept.read_bytes() == bytes(content)


@STORAGES
def test_an_empty_file_becomes_an_empty_bag(tmp_path, storage):
    bag = tmp_path / "bag"
    bag.mkdir()
    (bag / ("bag_0.mcap" if storage == "mcap" else "bag_0.db3")).write_bytes(b"")
    assert repair(bag).messages == 0
    with BagReader(bag) as reader:
        assert list(reader.messages()) == []


@STORAGES
def test_where_the_last_step_fails_the_bag_is_as_it_was(tmp_path, storage, monkeypatch):
    bag = tmp_path / "bag"
    record(bag, storage, split_bytes=500)
    (bag / "metadata.yaml").unlink()
    for file in sorted(bag.iterdir())[:2]:
        content = file.read_bytes()
        if storage == "mcap":
            file.write_bytes(content[:-40])
        else:
            file.with_name(file.name + "-journal").write_bytes(b"\0" * 8)
    before = contents(bag)
    rename, calls = Path.rename, []

    def failing(self, target):
        calls.append(self)
        if self.name == "metadata.yaml" and len(calls) > 3:
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(BagError, match="No space left on device; it is as it was"):
        repair(bag)
    assert len(calls) > 4
    assert contents(bag) == before


def killed(bag, moment):
    """Repair a bag in a process that ends itself, as kill -9 would, before a certain rename."""
    program = (
        "import os, sys, pathlib\n"
        "from pam_ros.bags import repair\n"
        "rename, calls = pathlib.Path.rename, []\n"
        "def once(self, target):\n"
        "    calls.append(self)\n"
        "    if len(calls) == int(sys.argv[2]):\n"
        "        os._exit(9)\n"
        "    return rename(self, target)\n"
        "pathlib.Path.rename = once\n"
        "repair(sys.argv[1])\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(bag), str(moment)], check=False)
    assert done.returncode == 9


@pytest.mark.parametrize("moment", [1, 2])
@pytest.mark.parametrize("alone", [False, True], ids=["folder", "file"])
def test_a_repair_that_was_killed_between_two_renames_is_taken_up_again(tmp_path, moment, alone):
    record(tmp_path / "bag")
    file = tmp_path / "bag" / "bag_0.mcap"
    file.write_bytes(file.read_bytes()[:-40])
    bag = file if alone else tmp_path / "bag"
    killed(bag, moment)
    assert list(file.parent.glob(".pam_ros-repair-*"))
    assert repair(bag).messages == 40
    assert words(bag) == expected(40)
    assert not list(file.parent.glob(".pam_ros-repair-*"))


def test_a_repair_leaves_alone_what_belongs_to_others(tmp_path):
    """Another bag's repair in the same folder, and an old file whose repaired one was moved."""
    record(tmp_path / "bag")
    (tmp_path / "bag" / "bag_0.mcap").rename(tmp_path / "mine.mcap")
    mine = tmp_path / "mine.mcap"
    mine.write_bytes(mine.read_bytes()[:-40])
    (tmp_path / "other.mcap.before_repair").write_bytes(b"old")
    (tmp_path / ".pam_ros-repair-other").mkdir()
    (tmp_path / ".pam_ros-repair-other" / "new.mcap").write_bytes(b"half")
    assert repair(mine).changed
    assert (tmp_path / "other.mcap.before_repair").read_bytes() == b"old"
    assert (tmp_path / ".pam_ros-repair-other" / "new.mcap").read_bytes() == b"half"


def test_a_second_repair_keeps_the_old_files_of_the_first(tmp_path):
    bag = tmp_path / "bag"
    record(bag)
    for _ in range(2):
        file = bag / "bag_0.mcap"
        file.write_bytes(file.read_bytes()[:-40])
        assert repair(bag).changed
    assert (bag / "bag_0.mcap.before_repair").exists()
    assert (bag / "bag_0.mcap.before_repair.1").exists()


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("x.mcap", b"hello, I am no bag", "is no mcap file"),
        ("x.db3", b"hello, I am no bag", "is no sqlite3 file"),
        ("x.txt", b"hello", "neither a folder nor a .mcap or .db3 file"),
    ],
)
def test_what_is_no_bag_is_refused_in_one_sentence(tmp_path, name, content, sentence):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(BagError, match=sentence):
        repair(file)
    assert contents(tmp_path) == {name: content}


def test_folders_that_are_no_bag_are_refused(tmp_path):
    with pytest.raises(BagError, match="does not exist"):
        repair(tmp_path / "nowhere")
    with pytest.raises(BagError, match=r"holds no \.mcap and no \.db3 file"):
        repair(tmp_path)
    (tmp_path / "a.db3.zstd").write_bytes(b"x")
    with pytest.raises(BagError, match="unpack it with `zstd -d` first"):
        repair(tmp_path)
    (tmp_path / "a.db3").write_bytes(b"")
    (tmp_path / "a.mcap").write_bytes(b"")
    with pytest.raises(BagError, match="a bag has one kind"):
        repair(tmp_path)


def test_a_recording_of_something_else_is_refused(tmp_path):
    file = tmp_path / "x.mcap"
    with file.open("wb") as stream:
        writer = Writer(stream)
        writer.start(profile="protobuf")
        writer.finish()
    with pytest.raises(BagError, match="a recording of 'protobuf', not of ROS 2"):
        repair(file)


def chunk_record(data: bytes, size: int) -> bytes:
    body = struct.pack("<QQQI", 0, 0, size, zlib.crc32(data)) + struct.pack("<I", 4) + b"zstd"
    body += struct.pack("<Q", len(data)) + data
    return struct.pack("<BQ", 6, len(body)) + body


@pytest.mark.parametrize("size", [2**62, 2**29])
def test_a_chunk_that_claims_to_be_huge_takes_no_memory(tmp_path, size):
    file = tmp_path / "bomb.mcap"
    places = several_chunks(file, end=False)
    bomb = zstandard.ZstdCompressor().compress(b"\0" * 1000)
    content = file.read_bytes()
    file.write_bytes(content[: places[-1]] + chunk_record(bomb, size) + content[places[-1] :])
    report = repair(file)
    assert words(file) == expected(40)
    assert any("damaged" in note for note in report.files[0].notes)


def test_a_record_of_exabytes_ends_the_reading(tmp_path):
    file = tmp_path / "long.mcap"
    several_chunks(file, end=False)
    with file.open("ab") as stream:
        stream.write(struct.pack("<BQ", 6, 2**63))
    repair(file)
    assert words(file) == expected(40)


def test_a_database_with_tables_that_run_code_is_not_believed(tmp_path):
    file = tmp_path / "view.db3"
    database = sqlite3.connect(file)
    database.executescript(
        "CREATE TABLE topics(id INTEGER, name TEXT, type TEXT);"
        "CREATE VIEW messages AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) "
        "SELECT x AS id, 1 AS topic_id, x AS timestamp, zeroblob(9) AS data FROM c;"
    )
    database.close()
    assert repair(file).messages == 0


def test_a_file_whose_index_has_a_wrong_length_is_not_taken_for_whole(tmp_path):
    file = tmp_path / "length.mcap"
    several_chunks(file, count=10, compression=CompressionType.NONE)
    content = bytearray(file.read_bytes())
    (summary_start,) = struct.unpack("<Q", content[-28:-20])
    content[-12:-8] = b"\0\0\0\0"
    # The chunk's index: its two times, where it is, and how long.
    times = struct.pack("<QQ", START_NS, START_NS + 9)
    place = content.index(times, summary_start) + 24
    content[place + 7] = 0x2C
    file.write_bytes(content)
    assert repair(file).messages == 10
    assert words(file) == expected(10)


def test_a_topic_whose_type_is_damaged_does_not_hide_the_others(tmp_path):
    file = tmp_path / "type.mcap"
    with file.open("wb") as stream:
        writer = Writer(stream, compression=CompressionType.NONE)
        writer.start(profile="ros2")
        for name, topic in ((STRING, "/words"), ("std_msgs-msg/String", "/broken")):
            schema = writer.register_schema(
                name, "ros2msg", b"" if topic == "/broken" else b"string data"
            )
            channel = writer.register_channel(topic, "cdr", schema)
            writer.add_message(channel, START_NS, string_cdr("message 0"), START_NS)
        writer.finish()
    repair(file)
    with BagReader(file) as reader:
        assert [reader.decode(m).data for m in reader.messages(["/words"])] == ["message 0"]
        (broken,) = reader.messages(["/broken"])
        with pytest.raises(BagError, match="definition of std_msgs-msg/String"):
            reader.decode(broken)


def test_a_definition_of_an_unknown_kind_is_made_anew(tmp_path):
    file = tmp_path / "kind.mcap"
    with file.open("wb") as stream:
        writer = Writer(stream, compression=CompressionType.NONE)
        writer.start(profile="ros2")
        schema = writer.register_schema(STRING, "ros3msg", b"string data")
        channel = writer.register_channel("/words", "cdr", schema)
        for index in range(4):
            writer.add_message(channel, START_NS, string_cdr(f"message {index}"), START_NS + index)
        writer.finish()
    assert repair(file).changed
    assert words(file) == expected(4)


@given(data=st.data())
@settings(max_examples=60)
def test_a_damaged_bag_is_repaired_or_refused_and_its_old_files_are_kept(tmp_path_factory, data):
    bag = tmp_path_factory.mktemp("damaged") / "bag"
    storage = data.draw(st.sampled_from(["mcap", "sqlite3"]))
    record(bag, storage, count=6, compression=data.draw(st.sampled_from(["none", "zstd"])))
    file = data.draw(st.sampled_from(sorted(bag.iterdir())))
    content = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    file.write_bytes(content)
    before = contents(bag)
    try:
        report = repair_function(bag)
    except BagError:
        assert contents(bag) == before
        return
    after = contents(bag)
    for name, old in before.items():
        assert old in (after.get(name), after.get(f"{name}.before_repair"))
    with BagReader(bag) as reader:
        assert len(list(reader.messages())) == report.messages
    assert not repair_function(bag).changed


def test_the_command_says_what_it_did(tmp_path, capsys):
    bag = tmp_path / "bag"
    record(bag)
    file = bag / "bag_0.mcap"
    file.write_bytes(file.read_bytes()[:-40])
    assert main(["repair", str(bag)]) == 0
    text = capsys.readouterr().out
    assert f"{bag} is repaired: 40 messages" in text
    assert "bag_0.mcap.before_repair" in text
    assert main(["repair", str(bag)]) == 0
    assert capsys.readouterr().out == f"{bag} is whole: 40 messages\n"
    assert main(["repair", str(tmp_path / "nowhere"), str(bag)]) == 1
    captured = capsys.readouterr()
    assert "does not exist" in captured.err
    assert "is whole" in captured.out


def test_a_bag_on_a_read_only_place_is_left_alone(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    bag = tmp_path / "bag"
    record(bag)
    (bag / "metadata.yaml").unlink()
    bag.chmod(0o500)
    with pytest.raises(BagError, match="cannot be repaired"):
        repair(bag)
    bag.chmod(0o700)
