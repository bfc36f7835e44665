# SPDX-License-Identifier: Apache-2.0
"""What repair makes of what is no bag, or was made to do harm."""

import sqlite3
import struct
import zlib

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.writer import CompressionType, Writer
from synthetic_bags import START_NS, string_cdr
from words_bags import STRING, contents, expected, record, several_chunks, words

from pam_ros.bags import BagError, BagReader, repair
from pam_ros.bags import repair as repair_function


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
    with pytest.raises(BagError, match=r"nothing can be read .*its compression is damaged"):
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
