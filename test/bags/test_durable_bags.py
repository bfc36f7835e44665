# SPDX-License-Identifier: Apache-2.0
"""What a bag holds while it is being written, when it is split, and when the disk is full."""

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from mcap.exceptions import EndOfFile
from mcap.reader import make_reader
from mcap.stream_reader import StreamReader
from synthetic_bags import SECOND, START_NS, string_cdr

from pam_ros.bags import BagError, BagReader, BagWriter, repair
from pam_ros.bags.writer import FLUSH_SECONDS

ROOT = Path(__file__).parents[2]
STRING = "std_msgs/msg/String"
STORAGES = pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
COMPRESSIONS = pytest.mark.parametrize("compression", ["none", "zstd"])


def words(bag) -> list[str]:
    with BagReader(bag) as reader:
        return [reader.decode(message).data for message in reader.messages()]


def on_disk(folder, copy) -> int:
    """Messages that another process finds in the files at this moment."""
    shutil.copytree(folder, copy)
    for file in copy.iterdir():
        if file.suffix == ".mcap":
            with file.open("rb") as stream:
                found = 0
                try:
                    for record in StreamReader(stream).records:
                        found += type(record).__name__ == "Message"
                except (EndOfFile, EOFError):
                    return found
        if file.suffix == ".db3":
            return sqlite3.connect(file).execute("select count(*) from messages").fetchone()[0]
    return 0


def until(condition) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)


@STORAGES
@COMPRESSIONS
def test_what_was_written_is_soon_in_the_file_whatever_follows(tmp_path, storage, compression):
    with BagWriter(tmp_path / "bag", storage, compression=compression) as writer:
        writer.add_topic("/words", STRING)
        for index in range(7):
            writer.write("/words", string_cdr(str(index)), START_NS + index)
        # Nothing else is written or closed; how soon the flusher's thread runs is the machine's.
        until(lambda: writer._file.waiting == 0)
        with writer._lock:  # which is held for a whole flush
            assert on_disk(tmp_path / "bag", tmp_path / "copy") == 7
    assert FLUSH_SECONDS <= 0.5


@STORAGES
@COMPRESSIONS
def test_a_compressed_or_plain_bag_reads_back(tmp_path, storage, compression):
    sent = [f"message {index} " + "x" * 500 for index in range(50)]
    with BagWriter(tmp_path / "bag", storage, compression=compression) as writer:
        writer.add_topic("/words", STRING)
        for index, text in enumerate(sent):
            writer.write("/words", string_cdr(text), START_NS + index)
    assert words(tmp_path / "bag") == sent
    (file,) = (tmp_path / "bag").glob("bag_0.*")
    assert (b"x" * 500 in file.read_bytes()) == (compression == "none")


def test_sqlite3_compression_is_named_in_the_metadata(tmp_path):
    with BagWriter(tmp_path / "bag", "sqlite3", compression="zstd") as writer:
        writer.add_topic("/words", STRING)
    text = (tmp_path / "bag" / "metadata.yaml").read_text()
    information = yaml.safe_load(text)["rosbag2_bagfile_information"]
    assert (information["compression_format"], information["compression_mode"]) == (
        "zstd",
        "MESSAGE",
    )


@STORAGES
def test_a_bag_is_split_by_time_and_reads_as_one(tmp_path, storage):
    with BagWriter(tmp_path / "bag", storage, split_seconds=1.0) as writer:
        writer.add_topic("/words", STRING)
        for index in range(35):
            writer.write("/words", string_cdr(str(index)), START_NS + index * SECOND // 10)
    text = (tmp_path / "bag" / "metadata.yaml").read_text()
    information = yaml.safe_load(text)["rosbag2_bagfile_information"]
    assert [file["message_count"] for file in information["files"]] == [10, 10, 10, 5]
    ending = "mcap" if storage == "mcap" else "db3"
    assert information["relative_file_paths"] == [f"bag_{i}.{ending}" for i in range(4)]
    assert information["files"][2]["starting_time"]["nanoseconds_since_epoch"] == (
        START_NS + 2 * SECOND
    )
    assert words(tmp_path / "bag") == [str(index) for index in range(35)]


@STORAGES
def test_a_bag_is_split_by_size(tmp_path, storage):
    with BagWriter(tmp_path / "bag", storage, split_bytes=10_000) as writer:
        writer.add_topic("/words", STRING)
        for index in range(30):
            writer.write("/words", string_cdr("y" * 1000), START_NS + index)
    files = sorted((tmp_path / "bag").glob("bag_*"))
    assert len(files) in {3, 4}
    assert len(words(tmp_path / "bag")) == 30


def test_every_part_of_a_split_bag_stands_alone(tmp_path):
    with BagWriter(tmp_path / "bag", split_seconds=1.0) as writer:
        writer.add_topic("/words", STRING)
        for index in range(20):
            writer.write("/words", string_cdr(str(index)), START_NS + index * SECOND // 10)
    second = tmp_path / "bag" / "bag_1.mcap"
    with second.open("rb") as stream:
        found = list(make_reader(stream).iter_messages())
    assert len(found) == 10
    assert found[0][0].name == STRING
    assert words(second) == [str(index) for index in range(10, 20)]


FILL = """
import itertools, resource, sys, time
sys.path[:0] = [sys.argv[3], sys.argv[4]]
from pam_ros.bags import BagError, BagWriter
from synthetic_bags import START_NS, string_cdr

storage, bag = sys.argv[1], sys.argv[2]
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
writer = BagWriter(bag, storage)
writer.add_topic("/words", "std_msgs/msg/String")
taken, refusal = [], None
for index in itertools.count():
    if refusal and index >= 300:
        break
    try:
        writer.write("/words", string_cdr(f"{index} " + "z" * 2000), START_NS + index)
        taken.append(index)
    except BagError as error:
        refusal = refusal or str(error)
    time.sleep(0.004)
print(refusal, flush=True)
if sys.argv[5] == "space":
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    while writer.trouble:
        time.sleep(0.01)
    writer.write("/words", string_cdr("again"), START_NS + index)
    taken.append("again")
try:
    writer.close()
    print("closed")
except BagError as error:
    print(error)
print(*taken)
"""


def fill(bag, storage, then):
    done = subprocess.run(
        [sys.executable, "-c", FILL, storage, str(bag), str(ROOT), str(ROOT / "test/bags"), then],
        capture_output=True,
        text=True,
        timeout=180,
        check=True,
    )
    refusal, end, taken = done.stdout.splitlines()
    return refusal, end, taken.split()


@STORAGES
def test_a_full_disk_is_one_sentence_and_costs_nothing_that_was_there_before(tmp_path, storage):
    bag = tmp_path / "bag"
    refusal, end, taken = fill(bag, storage, "full")
    assert refusal.startswith(f"bag {bag} cannot be written: ")
    assert f"`pam_ros bag repair {bag}`" in end
    assert not (bag / "metadata.yaml").exists()
    repair(bag)
    found = [text.split()[0] for text in words(bag)]
    # What the disk took is there without a gap; what waited for space is not.
    assert found == taken[: len(found)]
    assert len(found) > 30


@STORAGES
def test_where_there_is_space_again_the_recording_goes_on_and_nothing_taken_is_missing(
    tmp_path, storage
):
    bag = tmp_path / "bag"
    refusal, end, taken = fill(bag, storage, "space")
    assert "cannot be written" in refusal
    assert end == "closed"
    assert [text.split()[0] for text in words(bag)] == taken


@contextmanager
def no_space():
    """Files may be made, but take no byte."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@STORAGES
def test_a_disk_that_is_full_when_a_new_file_begins_is_tried_again(tmp_path, storage, monkeypatch):
    with BagWriter(tmp_path / "bag", storage, split_seconds=1.0) as writer:
        writer.add_topic("/words", STRING)
        writer.write("/words", string_cdr("before"), START_NS)
        begin_file = writer._begin_file

        def refused():
            with no_space():
                return begin_file()

        with monkeypatch.context() as patch:
            patch.setattr(writer, "_begin_file", refused)
            with pytest.raises(BagError, match="cannot be written"):
                writer.write("/words", string_cdr("refused"), START_NS + 2 * SECOND)
        until(lambda: writer.trouble == "")
        writer.write("/words", string_cdr("after"), START_NS + 3 * SECOND)
    assert words(tmp_path / "bag") == ["before", "after"]


@STORAGES
def test_a_bag_that_could_not_be_begun_leaves_nothing_in_the_way(tmp_path, storage):
    with no_space(), pytest.raises(BagError, match="cannot be created"):
        BagWriter(tmp_path / "bag", storage)
    assert list(tmp_path.iterdir()) == []
    with BagWriter(tmp_path / "bag", storage) as writer:
        writer.add_topic("/words", STRING)
        writer.write("/words", string_cdr("at last"), START_NS)
    assert words(tmp_path / "bag") == ["at last"]


KILLED = """
import sys, time
sys.path[:0] = [sys.argv[3], sys.argv[4]]
from pam_ros.bags import BagWriter
from synthetic_bags import string_cdr

writer = BagWriter(sys.argv[2], sys.argv[1], compression="zstd", split_seconds=0.4)
writer.add_topic("/words", "std_msgs/msg/String")
index = 0
print("ready", flush=True)
begin = time.monotonic()
while True:
    writer.write("/words", string_cdr(str(index)), time.time_ns())
    index += 1
    time.sleep(0.001)
    with writer._lock:
        waits = writer._file.waiting
    if not waits:  # the flusher was there
        print(index, time.monotonic() - begin, flush=True)
"""


@STORAGES
@pytest.mark.parametrize("seconds", [0.0, 0.31, 1.03])
def test_after_a_kill_a_repair_gives_all_that_was_flushed(tmp_path, storage, seconds):
    bag = tmp_path / "bag"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, storage, str(bag), str(ROOT), str(ROOT / "test/bags")],
        stdout=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"ready\n"
    flushed, passed = 0, 0.0
    while passed < seconds:
        flushed, passed = map(float, process.stdout.readline().split())
    os.kill(process.pid, signal.SIGKILL)
    for line in process.stdout:
        flushed, _ = map(float, line.split())
    process.wait()
    process.stdout.close()
    report = repair(bag)
    assert report.changed
    found = words(bag)
    assert found == [str(index) for index in range(len(found))]
    assert len(found) >= flushed
    if seconds > 0.5:
        assert len(list(bag.glob("bag_*"))) > 2


def test_settings_that_make_no_sense_are_one_sentence(tmp_path):
    with pytest.raises(BagError, match="compression 'lzma' is not known; use none or zstd"):
        BagWriter(tmp_path / "bag", compression="lzma")
    with pytest.raises(BagError, match="a size and a time of 0"):
        BagWriter(tmp_path / "bag", split_bytes=-1)
    with pytest.raises(BagError, match="a size and a time of 0"):
        BagWriter(tmp_path / "bag", split_seconds=float("nan"))
    assert not (tmp_path / "bag").exists()
