# SPDX-License-Identifier: Apache-2.0
"""Repair leaves alone what is whole, refuses what is not ROS 2's, and loses nothing of the rest."""

import random
import shutil
from collections import Counter

import pytest
from bag_kinds import held_in_mcap, held_in_sqlite, our_bag, whole_bag

from pam_ros.bags import BagError, BagReader, repair

WHOLE, CUTS, BAGS = 200, 500, 24


def snapshot(folder):
    """Every file's bytes and time, and the time of every folder."""
    return {
        str(path.relative_to(folder.parent)): (
            path.stat().st_mtime_ns,
            path.read_bytes() if path.is_file() else None,
        )
        for path in (folder, *folder.rglob("*"))
    }


def messages_in(bag) -> Counter:
    with BagReader(bag) as reader:
        found = []
        for message in reader.messages():
            reader.decode(message)
            found.append((message.topic, message.stamp_ns, bytes(message.data)))
    return Counter(found)


def test_whole_bags_of_any_kind_are_untouched_and_other_recordings_refused(
    tmp_path, record_property
):
    refused = 0
    for seed in range(WHOLE):
        folder = tmp_path / str(seed)
        folder.mkdir()
        kind = whole_bag(folder, seed)
        before = snapshot(folder)
        if kind.ours:
            report = repair(kind.path)
            assert not report.changed, (seed, kind.about, report.notes)
            assert report.messages == kind.messages.total(), (seed, kind.about)
            assert messages_in(kind.path) == kind.messages, (seed, kind.about)
        else:
            refused += 1
            with pytest.raises(BagError) as refusal:
                repair(kind.path)
            assert kind.path.name in str(refusal.value)
            assert "not a recording of ROS 2" in str(refusal.value) or "not of ROS 2" in str(
                refusal.value
            ), (seed, kind.about)
        assert snapshot(folder) == before, (seed, kind.about)
        shutil.rmtree(folder)
    assert WHOLE // 4 < refused < WHOLE // 2
    record_property("whole bags untouched", WHOLE - refused)
    record_property("other recordings refused", refused)


def cut(bag, choice):
    """Cut one file of a bag short; returns what the bag's bytes still hold."""
    files = [bag] if bag.is_file() else sorted(file for file in bag.iterdir() if "_" in file.name)
    if bag.is_dir():
        files = sorted([*bag.glob("*.mcap"), *bag.glob("*.db3")])
    victim = choice.choice(files)
    held = Counter()
    for file in files:
        size = file.stat().st_size
        place = choice.randrange(size) if file == victim else size
        if file.suffix == ".db3":
            held += held_in_sqlite(file, place)
        else:
            held += held_in_mcap(file.read_bytes()[:place])
        with file.open("r+b") as stream:
            stream.truncate(place)
    if bag.is_dir() and choice.random() < 0.4:
        (bag / "metadata.yaml").unlink()
    return held


def test_cut_bags_lose_nothing_that_their_bytes_still_hold(tmp_path, record_property):
    held_in_all = found_in_all = refused = 0
    for seed in range(BAGS):
        (tmp_path / str(seed)).mkdir()
        kind = our_bag(tmp_path / str(seed), seed)
        choice = random.Random(seed)
        for turn in range(CUTS * (seed + 1) // BAGS - CUTS * seed // BAGS):
            copy = tmp_path / "cut" / kind.path.name
            copy.parent.mkdir(exist_ok=True)
            (shutil.copytree if kind.path.is_dir() else shutil.copyfile)(kind.path, copy)
            held = cut(copy, choice)
            held_in_all += held.total()
            before = snapshot(copy.parent)
            try:
                repair(copy)
            except BagError:
                assert not held, (seed, turn, kind.about)
                assert snapshot(copy.parent) == before
                refused += 1
            else:
                found = messages_in(copy)
                found_in_all += found.total()
                assert held <= found <= kind.messages, (seed, turn, kind.about)
            shutil.rmtree(copy.parent)
        shutil.rmtree(tmp_path / str(seed), ignore_errors=True)
    record_property("messages that the bytes still held", held_in_all)
    record_property("messages found", found_in_all)
    record_property("cuts that held nothing and were refused", refused)
