# SPDX-License-Identifier: Apache-2.0
"""Repairing bags: what comes back, what stays as it was, and what hostile files get."""

import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from mcap.reader import make_reader
from mcap.writer import CompressionType
from rosbags.interfaces import QosDurability
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2 import Writer as RosbagsWriter
from synthetic_bags import START_NS, TYPES, string_cdr
from words_bags import STORAGES, STRING, contents, expected, record, several_chunks, words

from pam_ros.bags import BagError, BagReader, repair
from pam_ros.bags.main import main


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
