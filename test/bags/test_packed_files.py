# SPDX-License-Identifier: Apache-2.0
"""Bags of files that are compressed as a whole, and bags whose metadata.yaml names no storage."""

import random
import shutil
from collections import Counter

import pytest
import yaml
import zstandard
from bag_kinds import by_rosbags, draws
from rosbags.rosbag2 import CompressionMode, Reader, StoragePlugin

from pam_ros.bags import BagError, BagReader, BagWriter, repair
from pam_ros.bags.main import main
from pam_ros.bags.metadata import FILE_NAME
from pam_ros.observations.find import find_recordings

MESSAGES = draws(9, 40)
STORAGES = pytest.mark.parametrize("storage", list(StoragePlugin))


def triples(bag):
    with BagReader(bag) as reader:
        return Counter((m.topic, m.stamp_ns, bytes(m.data)) for m in reader.messages())


def information(bag):
    return yaml.safe_load((bag / FILE_NAME).read_text())["rosbag2_bagfile_information"]


def contents(folder):
    return {f.name: (f.read_bytes(), f.stat().st_mtime_ns) for f in folder.iterdir()}


def packed_bag(folder, storage=StoragePlugin.MCAP, messages=MESSAGES):
    bag = folder / "bag"
    by_rosbags(bag, messages, random.Random(1), compression=CompressionMode.FILE, storage=storage)
    (packed,) = bag.glob("*.zstd")
    return bag, packed


@STORAGES
def test_a_packed_bag_without_metadata_is_read_as_it_is(tmp_path, storage):
    bag, packed = packed_bag(tmp_path, storage)
    (bag / FILE_NAME).unlink()
    before = contents(bag)
    assert triples(bag) == Counter(MESSAGES)
    assert triples(packed) == Counter(MESSAGES)
    assert contents(bag) == before
    assert find_recordings([str(packed)]) == ([packed], False)
    assert find_recordings([str(tmp_path)]) == ([bag], True)


@STORAGES
def test_a_repair_of_a_whole_packed_bag_writes_its_metadata_alone(tmp_path, storage):
    bag, packed = packed_bag(tmp_path, storage)
    (bag / FILE_NAME).unlink()
    before = packed.read_bytes()
    report = repair(bag)
    assert report.changed
    assert report.messages == 40
    assert packed.read_bytes() == before
    stated = information(bag)
    assert stated["relative_file_paths"] == [packed.name]
    assert (stated["compression_mode"], stated["compression_format"]) == ("FILE", "zstd")
    with Reader(bag) as reader:  # rosbags' own
        assert len(list(reader.messages())) == 40
    assert not repair(bag).changed


def test_several_packed_files_without_metadata_become_one_bag_again(tmp_path):
    bag = tmp_path / "bag"
    with BagWriter(bag, split_bytes=4000) as writer:
        for topic, stamp, data in MESSAGES:
            writer.add_topic(topic, "std_msgs/msg/String")
            writer.write(topic, data, stamp)
    files = sorted(bag.glob("*.mcap"))
    assert len(files) > 2
    for file in files:
        packed = file.with_name(file.name + ".zstd")
        packed.write_bytes(zstandard.compress(file.read_bytes()))
        file.unlink()
    (bag / FILE_NAME).unlink()
    with pytest.raises(BagError, match="bag repair"):
        BagReader(bag)
    assert repair(bag).messages == 40
    assert triples(bag) == Counter(MESSAGES)
    assert all(name.endswith(".mcap.zstd") for name in information(bag)["relative_file_paths"])


@STORAGES
def test_a_cut_packed_file_is_unpacked_and_what_is_there_is_kept(tmp_path, storage):
    messages = draws(9, 900)  # more than a few of zstd's blocks of 128 KiB
    bag, packed = packed_bag(tmp_path, storage, messages)
    whole = packed.read_bytes()
    cut = whole[: len(whole) * 9 // 10]
    packed.write_bytes(cut)
    report = repair(bag)
    (file,) = report.files
    assert file.name == packed.name.removesuffix(".zstd")
    assert "compression is cut off" in file.notes[0]
    assert file.kept.name == f"{packed.name}.before_repair"
    assert file.kept.read_bytes() == cut
    assert not packed.exists()
    found = triples(bag)
    assert found <= Counter(messages)
    assert report.messages == found.total() > 600
    assert information(bag)["compression_mode"] == ""
    assert not repair(bag).changed


def test_an_unclosed_file_beside_packed_ones_is_mended_and_all_are_unpacked(tmp_path):
    """As a recorder leaves it that was killed: finished files are packed, the last is not."""
    bag = tmp_path / "bag"
    with BagWriter(bag, split_bytes=9000) as writer:
        for topic, stamp, data in MESSAGES:
            writer.add_topic(topic, "std_msgs/msg/String")
            writer.write(topic, data, stamp)
    first, *others = sorted(bag.glob("*.mcap"))
    packed = first.with_name(first.name + ".zstd")
    packed.write_bytes(zstandard.compress(first.read_bytes()))
    first.unlink()
    # The next one was just being packed: both are there.
    half = others[0].with_name(others[0].name + ".zstd")
    half.write_bytes(zstandard.compress(others[0].read_bytes())[:50])
    others[-1].write_bytes(others[-1].read_bytes()[:-200])
    (bag / FILE_NAME).unlink()
    report = repair(bag)
    assert report.strangers == (half.name,)
    assert triples(bag) == Counter(MESSAGES)
    assert [file.name for file in report.files] == [first.name, *(o.name for o in others)]
    assert packed.with_name(packed.name + ".before_repair").exists()
    assert not repair(bag).changed


def test_a_single_packed_file_is_whole_or_unpacked_beside_itself(tmp_path, capsys):
    _, packed = packed_bag(tmp_path)
    alone = tmp_path / "alone.mcap.zstd"
    shutil.copy(packed, alone)
    assert main(["repair", str(alone)]) == 0
    assert capsys.readouterr().out == f"{alone} is whole: 40 messages\n"
    plain = zstandard.decompress(packed.read_bytes(), max_output_size=1 << 26)
    alone.write_bytes(zstandard.compress(plain[:-300]))
    assert main(["repair", str(alone)]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"{tmp_path / 'alone.mcap'} is repaired")
    assert "alone.mcap.zstd.before_repair" in told
    assert triples(tmp_path / "alone.mcap") == Counter(MESSAGES)


def test_a_packed_file_never_takes_the_place_of_one_beside_it(tmp_path):
    _, packed = packed_bag(tmp_path)
    alone = tmp_path / "alone.mcap.zstd"
    alone.write_bytes(zstandard.compress(zstandard.decompress(packed.read_bytes(), 1 << 26)[:-300]))
    (tmp_path / "alone.mcap").write_bytes(b"somebody's")
    with pytest.raises(BagError, match=r"alone\.mcap lies beside it already"):
        repair(alone)
    assert (tmp_path / "alone.mcap").read_bytes() == b"somebody's"
    assert alone.exists()


def test_a_packed_recording_of_another_kind_is_refused_by_its_own_name(tmp_path):
    bag = tmp_path / "bag"
    by_rosbags(
        bag,
        MESSAGES,
        random.Random(1),
        form="json",
        compression=CompressionMode.FILE,
        storage=StoragePlugin.MCAP,
    )
    before = contents(bag)
    with pytest.raises(BagError, match=r"bag/bag.mcap.zstd is not a recording of ROS 2"):
        repair(bag)
    assert contents(bag) == before


@pytest.mark.parametrize("identifier", ["", None])
@STORAGES
def test_a_bag_whose_metadata_names_no_storage_is_read_and_mended(tmp_path, storage, identifier):
    """`ros2 bag reindex` of some releases leaves it empty."""
    bag = tmp_path / "bag"
    by_rosbags(bag, MESSAGES, random.Random(2), compression=CompressionMode.NONE, storage=storage)
    document = yaml.safe_load((bag / FILE_NAME).read_text())
    document["rosbag2_bagfile_information"]["storage_identifier"] = identifier
    (bag / FILE_NAME).write_text(yaml.safe_dump(document))
    assert triples(bag) == Counter(MESSAGES)
    report = repair(bag)
    assert report.metadata_written
    assert not any(file.kept for file in report.files)
    assert information(bag)["storage_identifier"] == storage.name.lower()
    assert triples(bag) == Counter(MESSAGES)
