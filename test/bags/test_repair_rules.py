# SPDX-License-Identifier: Apache-2.0
"""What a repair keeps, what it says, and when it does not let a new file take its place."""

import os
import random
import sqlite3
from contextlib import closing

import pytest
import yaml
from bag_kinds import STRING, by_mcap, by_rosbags, draws, split_by_mcap
from mcap.reader import make_reader
from mcap.records import Message
from mcap.stream_reader import StreamReader
from mcap.writer import CompressionType, IndexType, Writer
from rosbags.rosbag2 import CompressionMode, StoragePlugin
from rosbags.rosbag2 import Writer as RosbagsWriter
from synthetic_bags import START_NS, string_cdr

from pam_ros.bags import BagError, BagReader, BagWriter, repair
from pam_ros.bags.damaged import repaired_copy
from pam_ros.bags.main import main
from pam_ros.bags.salvage.from_mcap import McapSalvage
from pam_ros.bags.salvage.from_sqlite import SqliteSalvage

MESSAGES = draws(1, 40)


def triples(bag):
    with BagReader(bag) as reader:
        return [(m.topic, m.stamp_ns, bytes(m.data)) for m in reader.messages()]


def information(bag):
    return yaml.safe_load((bag / "metadata.yaml").read_text())["rosbag2_bagfile_information"]


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def cut_tail(file, size=60):
    os.truncate(file, file.stat().st_size - size)


def in_order(messages):
    return sorted(messages, key=lambda message: message[1])


@pytest.mark.parametrize("storage", list(StoragePlugin))
@pytest.mark.parametrize("stated", [True, False])
def test_messages_that_are_compressed_one_by_one_stay_readable(tmp_path, storage, stated):
    bag = tmp_path / "bag"
    by_rosbags(
        bag, MESSAGES, random.Random(1), compression=CompressionMode.MESSAGE, storage=storage
    )
    (file,) = (f for f in bag.iterdir() if f.suffix != ".yaml")
    if storage is StoragePlugin.MCAP:
        cut_tail(file)
    else:
        file.with_name(file.name + "-journal").write_bytes(b"\0" * 8)
    if not stated:
        (bag / "metadata.yaml").unlink()
    copied = repaired_copy(bag, tmp_path / "copy", "")
    assert copied.messages == 40
    assert triples(tmp_path / "copy") == MESSAGES
    assert repair(bag).messages == 40
    assert triples(bag) == MESSAGES
    assert information(bag)["compression_mode"].lower() == "message"
    assert information(bag)["compression_format"] == "zstd"
    assert not repair(bag).changed
    # The file by itself is readable too.
    assert triples(file) == MESSAGES


def test_a_bag_whose_metadata_forgot_that_messages_are_compressed_is_mended(tmp_path):
    bag = tmp_path / "bag"
    by_rosbags(
        bag,
        MESSAGES,
        random.Random(1),
        compression=CompressionMode.MESSAGE,
        storage=StoragePlugin.MCAP,
    )
    facts = information(bag) | {"compression_mode": "", "compression_format": ""}
    (bag / "metadata.yaml").write_text(yaml.safe_dump({"rosbag2_bagfile_information": facts}))
    report = repair(bag)
    assert report.metadata_written
    assert report.files[0].kept is None
    assert triples(bag) == MESSAGES


def test_what_only_metadata_states_is_kept(tmp_path):
    bag = tmp_path / "bag"
    split_by_mcap(bag, MESSAGES, random.Random(3))
    before = information(bag)
    cut_tail(bag / "bag_2.mcap", 30)
    report = repair(bag)
    assert report.files[2].kept is not None
    assert [file.kept for file in report.files[:2]] == [None, None]
    assert in_order(triples(bag)) == MESSAGES
    facts = information(bag)
    assert facts["topics_with_message_count"] == before["topics_with_message_count"]
    for key in ("version", "custom_data", "ros_distro", "relative_file_paths"):
        assert facts[key] == before[key]


def test_missing_files_are_named_and_taken_in_again_when_they_are_back(tmp_path, capsys):
    bag = tmp_path / "bag"
    split_by_mcap(bag, MESSAGES, random.Random(3))
    (bag / "bag_1.mcap").rename(tmp_path / "bag_1.mcap")
    assert main(["repair", str(bag)]) == 1
    said = capsys.readouterr().out
    assert "is repaired: 27 messages" in said
    assert "bag_1.mcap is missing" in said
    assert len(triples(bag)) == 27
    assert information(bag)["custom_data"] == {"site": "hall 4"}
    assert main(["repair", str(bag)]) == 0
    (tmp_path / "bag_1.mcap").rename(bag / "bag_1.mcap")
    assert main(["repair", str(bag)]) == 0
    assert in_order(triples(bag)) == MESSAGES


def test_files_that_are_not_the_bags_are_named_and_left_alone(tmp_path, capsys):
    bag = tmp_path / "run"
    with BagWriter(bag) as writer:
        writer.add_topic("/words_0", STRING)
        writer.write("/words_0", string_cdr("one"), START_NS)
    by_mcap(bag / "lidar.mcap", MESSAGES, random.Random(1), profile="", encodings=("json",))
    before = contents(bag)
    assert main(["repair", str(bag)]) == 0
    said = capsys.readouterr().out
    assert "is whole: 1 messages" in said
    assert "lidar.mcap is not the bag's" in said
    cut_tail(bag / "run_0.mcap")
    assert repair(bag).messages == 1
    assert contents(bag)["lidar.mcap"] == before["lidar.mcap"]
    assert information(bag)["relative_file_paths"] == ["run_0.mcap"]


@pytest.mark.parametrize("storage", list(StoragePlugin))
def test_an_empty_bag_is_left_as_it_was(tmp_path, capsys, storage):
    bag = tmp_path / "bag"
    with RosbagsWriter(bag, version=9, storage_plugin=storage):
        pass
    before = contents(bag)
    assert main(["repair", str(bag)]) == 0
    assert capsys.readouterr().out == f"{bag} is whole: nothing was recorded\n"
    assert contents(bag) == before


def damaged(folder, storage):
    """A bag of one file whose end is missing, or that was not closed."""
    bag = folder / "bag"
    with BagWriter(bag, storage) as writer:
        for topic, stamp, data in MESSAGES:
            writer.add_topic(topic, STRING)
            writer.write(topic, data, stamp)
    if storage == "mcap":
        cut_tail(bag / "bag_0.mcap", 37)
    else:
        (bag / "bag_0.db3-journal").write_bytes(b"\0" * 8)
    return bag


STORAGES = pytest.mark.parametrize(
    ("storage", "salvage"), [("mcap", McapSalvage), ("sqlite3", SqliteSalvage)]
)


@STORAGES
@pytest.mark.parametrize("fault", ["drops one", "changes one", "doubles one"])
def test_a_new_file_that_differs_does_not_take_its_place(
    tmp_path, storage, salvage, fault, monkeypatch
):
    bag = damaged(tmp_path, storage)
    before = contents(bag)
    read, readings = salvage.read, []

    def faulty(self):
        """What the writer is given; what it is compared with afterwards is right."""
        readings.append(self)
        for index, item in enumerate(read(self)):
            if len(readings) > 1 or index != 5:
                yield item
            elif fault == "changes one":
                yield item._replace(data=item.data[:-2] + b"?\0")
            elif fault == "doubles one":
                yield item
                yield item._replace(number=9999)

    monkeypatch.setattr(salvage, "read", faulty)
    with pytest.raises(BagError, match=r"does not read back as it was: the bag is left as it was"):
        repair(bag)
    assert contents(bag) == before


@STORAGES
def test_a_salvage_that_sees_less_than_another_reader_is_not_believed(
    tmp_path, storage, salvage, monkeypatch
):
    bag = damaged(tmp_path, storage)
    before = contents(bag)
    survey, read = salvage.survey, salvage.read

    def blind(self):
        survey(self)
        name = next(topic.record.name for topic in self.topics.values())
        self.digests[name] = self.digests[name][1:]

    monkeypatch.setattr(salvage, "survey", blind)
    monkeypatch.setattr(salvage, "read", lambda self: list(read(self))[1:])
    with pytest.raises(BagError, match="another reader finds messages of /words_"):
        repair(bag)
    assert contents(bag) == before


def test_nothing_is_put_in_place_of_a_file_of_which_nothing_can_be_read(tmp_path):
    file = tmp_path / "bag.mcap"
    by_mcap(file, MESSAGES, random.Random(1), index_types=IndexType.NONE, use_chunking=False)
    with file.open("r+b") as stream:
        stream.seek(8)
        stream.write(b"\0" * 200)
    before = contents(tmp_path)
    with pytest.raises(BagError, match=r"nothing can be read of bag .*it is as it was"):
        repair(file)
    assert contents(tmp_path) == before


def records(file):
    with file.open("rb") as stream:
        return [
            (m.log_time, m.publish_time, m.sequence, m.data)
            for m in StreamReader(stream).records
            if isinstance(m, Message)
        ]


def test_stamps_numbers_attachments_and_what_channels_carry_stay(tmp_path):
    file = tmp_path / "bag.mcap"
    with file.open("wb") as stream:
        writer = Writer(stream, chunk_size=500, compression=CompressionType.LZ4)
        writer.start(profile="ros2")
        schema = writer.register_schema("my_msgs/srv/Do_Event", "ros2msg", b"not\n---\nfields")
        other = writer.register_schema(STRING, "ros2msg", b"string data")
        # One topic of two types, as after a change of the program that published it.
        channels = [
            writer.register_channel("/do", "cdr", kind, {"callerid": "node"})
            for kind in (schema, other)
        ]
        for index in range(30):
            writer.add_message(
                channels[index % 2], START_NS + index, string_cdr(str(index)), 7 + index, index * 9
            )
        writer.add_attachment(1, 2, "map.png", "image/png", b"\x89PNG")
        writer.add_metadata("robot", {"serial": "17"})
        writer.finish()
    before = records(file)
    cut_tail(file)
    assert repair(file).messages == 30
    assert records(file) == before
    with file.open("rb") as stream:
        reader = make_reader(stream)
        assert [a.data for a in reader.iter_attachments()] == [b"\x89PNG"]
        assert {"robot", "rosbag2"} == {m.name for m in reader.iter_metadata()}
        summary = reader.get_summary()
    assert [c.metadata["callerid"] for c in summary.channels.values()] == ["node", "node"]
    assert {s.data for s in summary.schemas.values()} == {b"not\n---\nfields", b"string data"}
    assert len(summary.chunk_indexes) > 0
    assert {chunk.compression for chunk in summary.chunk_indexes} == {"lz4"}


def chunk_places(file):
    with file.open("rb") as stream:
        indexes = make_reader(stream).get_summary().chunk_indexes
    return sorted((index.chunk_start_offset, index.chunk_length) for index in indexes)


def chunked(file):
    by_mcap(
        file,
        MESSAGES,
        random.Random(1),
        chunk_size=3000,
        use_chunking=True,
        compression=CompressionType.NONE,
        index_types=IndexType.ALL,
        repeat_channels=True,
        enable_crcs=True,
    )
    return chunk_places(file)


def test_a_damaged_first_chunk_does_not_take_the_topics_of_the_others_with_it(tmp_path):
    file = tmp_path / "bag.mcap"
    places = chunked(file)
    with file.open("r+b") as stream:
        stream.seek(places[0][0] + 200)
        stream.write(b"\xff" * 20)
    report = repair(file)
    found = triples(file)
    assert len(report.files[0].notes) == 1
    assert 0 < len(MESSAGES) - len(found) < 20
    assert set(found) < set(MESSAGES)


def test_after_a_record_without_a_length_reading_goes_on_at_the_next_chunk(tmp_path):
    file = tmp_path / "bag.mcap"
    places = chunked(file)
    whole = len(triples(file))
    with file.open("r+b") as stream:
        # What follows the second chunk, its index of messages, claims to be endless.
        stream.seek(places[1][0] + places[1][1] + 1)
        stream.write(b"\xff" * 8)
    report = repair(file)
    assert len(triples(file)) == whole
    assert any("cannot be read" in note for note in report.files[0].notes)


def test_rows_that_no_tree_of_the_database_leads_to_are_found(tmp_path):
    bag = tmp_path / "bag"
    with BagWriter(bag, "sqlite3") as writer:
        writer.add_topic("/words_0", STRING)
        for index in range(3000):
            writer.write("/words_0", string_cdr(f"message {index}"), START_NS + index)
    file = bag / "bag_0.db3"
    with closing(sqlite3.connect(file)) as database:
        (root,) = database.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'messages'"
        ).fetchone()
    with file.open("r+b") as stream:
        stream.seek((root - 1) * 4096)
        assert stream.read(1) == b"\x05"
        stream.seek((root - 1) * 4096)
        stream.write(b"\xa5" * 4096)
    assert repair(bag).messages == 3000
    assert len(triples(bag)) == 3000


def private(opcode: int) -> bytes:
    """A record that only its writer knows."""
    return bytes([opcode]) + (5).to_bytes(8, "little") + b"hello"


def test_records_of_unknown_kinds_are_skipped_and_named_when_they_are_left_out(tmp_path):
    file = tmp_path / "bag.mcap"
    by_mcap(file, MESSAGES, random.Random(1), use_chunking=False, index_types=IndexType.NONE)
    header = 8 + 9 + int.from_bytes(file.read_bytes()[9:17], "little")
    content = file.read_bytes()
    file.write_bytes(content[:header] + private(0x91) + private(0x30) + content[header:-60])
    (repaired,) = repair(file).files
    assert triples(file) == MESSAGES
    assert "2 records of unknown kinds are left out" in repaired.notes


@pytest.mark.parametrize("place", [16, 33])  # its size, and the name of its compression
def test_a_chunk_whose_checksum_fits_counts_whatever_else_it_states(tmp_path, place):
    file = tmp_path / "bag.mcap"
    by_mcap(
        file,
        MESSAGES,
        random.Random(1),
        use_chunking=True,
        chunk_size=3000,
        compression=CompressionType.LZ4,
        index_types=IndexType.ALL,
        repeat_channels=True,
        enable_crcs=True,
    )
    with file.open("r+b") as stream:
        stream.seek(chunk_places(file)[1][0] + 9 + place)
        stream.write(b"\xff" if place == 16 else b"?")
    assert repair(file).changed
    assert sorted(triples(file)) == sorted(MESSAGES)
