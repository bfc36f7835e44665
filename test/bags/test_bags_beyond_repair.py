# SPDX-License-Identifier: Apache-2.0
"""Whole bags that need another reading, and bags that no repair can help."""

import os
import random
import shutil

import pytest
import yaml
from bag_kinds import STRING, by_mcap, by_rosbags, draws, split_by_mcap
from mcap.writer import CompressionType, IndexType, Writer
from rosbags.rosbag2 import CompressionMode, StoragePlugin
from rosbags.rosbag2 import Writer as RosbagsWriter
from synthetic_bags import START_NS, TYPES, string_cdr

from pam_ros.bags import BagError, BagReader, BagWriter, qos, repair
from pam_ros.bags.damaged import repaired_copy
from pam_ros.observations.recorded_bag import RecordedBag
from pam_ros.show.report.opening import readable

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


def out_of_order(file, chunking=False):
    messages = list(MESSAGES)
    random.Random(2).shuffle(messages)
    by_mcap(
        file,
        messages,
        random.Random(1),
        use_chunking=chunking,
        chunk_size=2000,
        index_types=IndexType.NONE,
    )


@pytest.mark.parametrize("chunking", [False, True])
def test_a_whole_file_without_index_is_read_in_the_order_of_time(tmp_path, chunking):
    file = tmp_path / "bag.mcap"
    out_of_order(file, chunking)
    assert triples(file) == MESSAGES
    assert not repair(file).changed
    start, stop = MESSAGES[10][1], MESSAGES[20][1]
    with BagReader(file) as reader:
        assert len(list(reader.messages(None, start, stop))) == 10
        (only,) = {m.topic for m in reader.messages(["/words_1"])}
        assert only == "/words_1"
        assert (reader.start_ns, reader.end_ns) == (MESSAGES[0][1], MESSAGES[-1][1])
        assert reader.decode(next(iter(reader.messages()))).data


def test_a_file_without_index_that_is_cut_is_damaged_all_the_same(tmp_path):
    file = tmp_path / "bag.mcap"
    out_of_order(file)
    cut_tail(file)
    with pytest.raises(BagError, match=f"pam_ros bag repair {file}"):
        BagReader(file)
    repair(file)
    assert triples(file) == MESSAGES


def lz4_by_message(folder):
    by_rosbags(
        folder / "bag",
        MESSAGES,
        random.Random(1),
        compression=CompressionMode.NONE,
        storage=StoragePlugin.MCAP,
    )
    facts = information(folder / "bag") | {"compression_mode": "message"}
    facts["compression_format"] = "lz4"
    document = {"rosbag2_bagfile_information": facts}
    (folder / "bag" / "metadata.yaml").write_text(yaml.safe_dump(document))
    return folder / "bag"


def of_tomorrow(folder):
    bag = lz4_by_message(folder)
    text = (bag / "metadata.yaml").read_text()
    (bag / "metadata.yaml").write_text(text.replace("version: 9", "version: 99"))
    return bag


def of_another_kind(folder):
    by_mcap(folder / "x.mcap", MESSAGES, random.Random(1), profile="", encodings=("json",))
    return folder / "x.mcap"


def no_bag_at_all(folder):
    (folder / "bag").mkdir()
    return folder / "bag"


@pytest.mark.parametrize("make", [lz4_by_message, of_another_kind, no_bag_at_all])
def test_the_reader_sends_nobody_to_a_repair_that_cannot_help(tmp_path, make):
    bag = make(tmp_path)
    with pytest.raises(BagError) as error:
        BagReader(bag)
    assert str(bag) in str(error.value)
    assert "pam_ros bag repair" not in str(error.value)


def test_a_bag_that_only_rosbag2s_plugin_reads_is_left_alone(tmp_path):
    bag = lz4_by_message(tmp_path)
    before = contents(bag)
    assert not repair(bag).changed
    assert contents(bag) == before
    cut_tail(bag / "bag.mcap")
    repair(bag)
    assert information(bag)["compression_format"] == "lz4"
    assert triples(bag / "bag.mcap") == MESSAGES


def test_a_bag_of_a_later_release_is_refused(tmp_path):
    (tmp_path / "x").mkdir()
    bag = of_tomorrow(tmp_path / "x")
    if information(bag)["version"] != 99:
        facts = information(bag) | {"version": 99}
        document = {"rosbag2_bagfile_information": facts}
        (bag / "metadata.yaml").write_text(yaml.safe_dump(document))
    before = contents(bag)
    with pytest.raises(BagError, match="is of version 99: up to 9 is known here"):
        repair(bag)
    assert contents(bag) == before


def test_of_another_recording_nothing_is_shown_as_a_repaired_copy(tmp_path):
    file = of_another_kind(tmp_path)
    with pytest.raises(BagError, match="not a recording of ROS 2"):
        repaired_copy(file, tmp_path / "copy", "why")
    shutil.rmtree(tmp_path / "copy")
    whole = tmp_path / "whole"
    with BagWriter(whole) as writer:
        writer.add_topic("/words_0", STRING, qos())
    with pytest.raises(BagError, match=r"^the reason$"):
        repaired_copy(whole, tmp_path / "copy", "the reason")


def test_a_recording_of_another_kind_that_was_not_closed_keeps_its_time(tmp_path):
    file = tmp_path / "bag.db3"
    with RosbagsWriter(tmp_path / "b", version=9, storage_plugin=StoragePlugin.SQLITE3) as writer:
        writer.add_connection("/x", STRING, typestore=TYPES, serialization_format="json")
    (tmp_path / "b" / "b.db3").rename(file)
    shutil.rmtree(tmp_path / "b")
    (tmp_path / "bag.db3-journal").write_bytes(b"\0" * 8)
    before = contents(tmp_path), tmp_path.stat().st_mtime_ns
    with pytest.raises(BagError, match="not a recording of ROS 2"):
        repair(file)
    assert (contents(tmp_path), tmp_path.stat().st_mtime_ns) == before


def test_replay_and_report_read_a_file_out_of_order_as_it_is(tmp_path):
    file = tmp_path / "bag.mcap"
    out_of_order(file)
    source = RecordedBag(file, tmp_path / "work")
    assert [m.stamp_ns for m in source.messages()] == [stamp for _, stamp, _ in MESSAGES]
    assert source.notes == []
    source.close()
    with readable(file, triples) as (path, found, notes):
        assert (path, found, notes) == (file, MESSAGES, ())


def test_replay_and_report_name_the_files_that_a_bag_lacks(tmp_path):
    bag = tmp_path / "bag"
    split_by_mcap(bag, MESSAGES, random.Random(3))
    (bag / "bag_1.mcap").unlink()
    before = contents(bag)
    source = RecordedBag(bag, tmp_path / "work")
    assert len(list(source.messages())) == 27
    assert "bag_1.mcap is missing: metadata.yaml names it" in source.notes
    assert any("13 of 40 are lost" in note for note in source.notes)
    source.close()
    with readable(bag, triples) as (_, found, notes):
        assert len(found) == 27
        assert "bag_1.mcap is missing: metadata.yaml names it" in notes
    assert contents(bag) == before


def announcing_another_kind(path, cut):
    """A file of ROS 2's in which a channel of JSON is announced, and holds nothing."""
    with path.open("wb") as stream:
        writer = Writer(stream, chunk_size=400, compression=CompressionType.NONE)
        writer.start(profile="ros2", library="another's")
        words = writer.register_schema("std_msgs/msg/String", "ros2msg", b"string data\n")
        pose = writer.register_schema("Pose", "jsonschema", b"{}")
        channel = writer.register_channel("/words", "cdr", words)
        writer.register_channel("/pose", "json", pose)
        for index in range(20):
            writer.add_message(channel, START_NS + index, string_cdr(f"{index}"), START_NS + index)
        writer.finish()
    if cut:
        path.write_bytes(path.read_bytes()[: -path.stat().st_size // 3])


def test_a_silent_channel_of_another_kind_does_not_keep_a_damaged_recording_from_repair(tmp_path):
    announcing_another_kind(tmp_path / "cut.mcap", cut=True)
    report = repair(tmp_path / "cut.mcap")
    assert report.changed
    assert "left out, since it holds no message: topic '/pose' holds 'json'" in report.notes[-1]
    with BagReader(tmp_path / "cut.mcap") as reader:
        assert len(list(reader.messages())) == report.messages > 0


def test_the_reader_sends_nobody_to_a_repair_that_refuses(tmp_path):
    announcing_another_kind(tmp_path / "whole.mcap", cut=False)
    with pytest.raises(BagError) as refusal, BagReader(tmp_path / "whole.mcap") as reader:
        list(reader.messages())
    assert "not a recording of ROS 2: topic '/pose' holds 'json' messages" in str(refusal.value)
    assert "bag repair" not in str(refusal.value)
