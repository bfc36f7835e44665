# SPDX-License-Identifier: Apache-2.0
"""Bags for readers of older distributions, and what a bag says of itself."""

import os
import sqlite3
from contextlib import closing

import pytest
import yaml
from mcap.reader import make_reader
from synthetic_bags import START_NS, string_cdr

from pam_ros.bags import BagError, BagReader, BagWriter, qos, repair
from pam_ros.bags.main import main
from pam_ros.bags.metadata import FILE_NAME, VERSIONS

STRING = "std_msgs/msg/String"
STORAGES = pytest.mark.parametrize("storage", ["mcap", "sqlite3"])


def information(bag):
    return yaml.safe_load((bag / FILE_NAME).read_text())["rosbag2_bagfile_information"]


def written(bag, storage="mcap", **options):
    with BagWriter(bag, storage, **options) as writer:
        writer.add_topic("/a", STRING, qos(durability="transient_local", depth=3))
        for index in range(4):
            writer.write("/a", string_cdr(f"m{index}"), START_NS + index)
    return bag


def texts(bag):
    with BagReader(bag) as reader:
        return [reader.decode(message).data for message in reader.messages()]


def check_as_humble_and_iron_read(profiles):
    """Their code: `YAML::Load(text)`, and each policy `as<int>`."""
    (profile,) = yaml.safe_load(profiles)
    numbers = {key: profile[key] for key in ("history", "reliability", "durability", "liveliness")}
    # rmw's: keep last, reliable, transient local, automatic.
    assert numbers == {"history": 1, "reliability": 1, "durability": 1, "liveliness": 1}
    assert profile["depth"] == 3
    for name in ("deadline", "lifespan", "liveliness_lease_duration"):
        assert set(profile[name]) == {"sec", "nsec"}


def in_files(bag, storage):
    """The QoS text that the storage file itself holds."""
    (file,) = bag.glob("*.mcap" if storage == "mcap" else "*.db3")
    if storage == "mcap":
        with file.open("rb") as stream:
            (channel,) = make_reader(stream).get_summary().channels.values()
        return channel.metadata["offered_qos_profiles"]
    with closing(sqlite3.connect(file)) as database:
        ((text,),) = database.execute("SELECT offered_qos_profiles FROM topics")
        return text


@STORAGES
@pytest.mark.parametrize("version", VERSIONS)
def test_a_bag_has_the_form_of_the_release_that_is_to_read_it(tmp_path, storage, version):
    bag = written(tmp_path / "bag", storage, metadata_version=version)
    stated = information(bag)
    assert stated["version"] == version
    assert ("custom_data" in stated) == (version >= 6)
    assert ("ros_distro" in stated) == (version >= 8)
    (entry,) = stated["topics_with_message_count"]
    topic = entry["topic_metadata"]
    assert ("type_description_hash" in topic) == (version >= 7)
    if version < 9:
        check_as_humble_and_iron_read(topic["offered_qos_profiles"])
        check_as_humble_and_iron_read(in_files(bag, storage))
    else:
        assert topic["offered_qos_profiles"][0]["durability"] == "transient_local"
    assert texts(bag) == ["m0", "m1", "m2", "m3"]
    with BagReader(bag) as reader:
        assert reader.topics["/a"].qos == (qos(durability="transient_local", depth=3),)
    assert not repair(bag).changed


@STORAGES
@pytest.mark.parametrize("distro", ["jazzy", None])
def test_a_bag_names_the_sourced_distribution_or_none(tmp_path, monkeypatch, storage, distro):
    monkeypatch.delenv("ROS_DISTRO", raising=False)
    if distro:
        monkeypatch.setenv("ROS_DISTRO", distro)
    bag = written(tmp_path / "bag", storage)
    assert information(bag)["ros_distro"] == (distro or "")
    if storage == "sqlite3":  # rosbag2 reads it from here too
        (file,) = bag.glob("*.db3")
        with closing(sqlite3.connect(file)) as database:
            stated = database.execute("SELECT schema_version, ros_distro FROM schema").fetchall()
        assert stated == [(4, distro or "")]


@STORAGES
def test_a_repair_gives_a_whole_bag_another_version_and_back(tmp_path, storage, capsys):
    bag = written(tmp_path / "bag", storage, custom={"site": "hall 4"})
    before = information(bag)
    (file,) = (f for f in bag.iterdir() if f.suffix != ".yaml")
    content = file.read_bytes()
    assert main(["repair", "--metadata-version", "5", str(bag)]) == 0
    assert "is repaired: 4 messages" in capsys.readouterr().out
    stated = information(bag)
    assert stated["version"] == 5
    check_as_humble_and_iron_read(
        stated["topics_with_message_count"][0]["topic_metadata"]["offered_qos_profiles"]
    )
    # An older release passes it over, and nothing else keeps it.
    assert stated["custom_data"] == {"site": "hall 4"}
    assert file.read_bytes() == content
    assert not repair(bag, metadata_version=5).changed
    assert repair(bag, metadata_version=9).changed
    after = information(bag)
    # What version 5 has no place for is gone.
    before["topics_with_message_count"][0]["topic_metadata"]["type_description_hash"] = ""
    assert after == {**before, "ros_distro": after["ros_distro"]}


@STORAGES
def test_a_damaged_bag_is_mended_for_the_release_that_is_asked_for(tmp_path, storage):
    bag = written(tmp_path / "bag", storage)
    (file,) = (f for f in bag.iterdir() if f.suffix != ".yaml")
    if storage == "mcap":
        os.truncate(file, file.stat().st_size - 40)
    else:
        (bag / f"{file.name}-journal").write_bytes(b"\0" * 8)
    repair(bag, metadata_version=7)
    assert information(bag)["version"] == 7
    check_as_humble_and_iron_read(in_files(bag, storage))
    assert texts(bag) == ["m0", "m1", "m2", "m3"]


@pytest.mark.parametrize("version", [4, 10, 0])
def test_other_versions_are_refused_before_anything_is_made(tmp_path, version):
    with pytest.raises(BagError, match=r"version \d+ is not written: take 5 \(Humble\)"):
        BagWriter(tmp_path / "bag", metadata_version=version)
    assert not (tmp_path / "bag").exists()
    bag = written(tmp_path / "other")
    with pytest.raises(BagError, match="is not written"):
        repair(bag, metadata_version=version)


@STORAGES
def test_custom_data_outlive_a_recorder_that_is_killed(tmp_path, storage):
    bag = tmp_path / "bag"
    said = {"site": "hall 4"}
    writer = BagWriter(bag, storage, custom=said)
    writer.add_topic("/a", STRING)
    writer.write("/a", string_cdr("x"), START_NS)
    copy = tmp_path / "copy"
    writer._file.flush()
    copy.mkdir()
    for file in bag.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    said["robot"] = "two arms"  # what is known at the end counts
    writer.close()
    assert information(bag)["custom_data"] == {"site": "hall 4", "robot": "two arms"}
    assert repair(copy).messages == 1
    assert information(copy)["custom_data"] == {"site": "hall 4"}
    assert texts(copy) == ["x"]
