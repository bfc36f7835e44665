# SPDX-License-Identifier: Apache-2.0
"""A recording from before AttentionMap had groups is read, replayed and shown as it is."""

from __future__ import annotations

import importlib.util
import sqlite3
import sys
from contextlib import closing
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from recorded_robot import ATTENTION, read
from rosbags.highlevel import AnyReader

from pam_ros.bags import BagError, BagReader, BagWriter
from pam_ros.bags.messages import Messages
from pam_ros.bags.older import lacks_fields
from pam_ros.bags.types import known_types
from pam_ros.cli import main
from pam_ros.replay.one_bag import replay_bag
from pam_ros.replay.settings import ReplaySettings
from pam_ros.show.report.packed import read_data

ROOT = Path(__file__).parents[2]
OLD = ROOT / "test" / "data" / "demo_before_groups"
DEMO = ROOT / "models" / "demo_act"
FEATURES = "/sae_recorder/features"
TICKS = [10, 11, 12, 13]


def as_recorded(topic: str) -> list:
    """The messages by the definitions in the bag alone."""
    with AnyReader([OLD]) as reader:
        wanted = [one for one in reader.connections if one.topic == topic]
        found = [reader.deserialize(data, one.msgtype) for one, _, data in reader.messages(wanted)]
    return sorted(found, key=lambda message: message.tick)


def difference(old, new) -> float:
    """The largest difference in what the old one has; all that is no float is the same."""
    if isinstance(old, list):
        assert len(old) == len(new)
        return max((difference(a, b) for a, b in zip(old, new, strict=True)), default=0.0)
    if isinstance(old, np.ndarray):
        assert old.shape == new.shape
        both = np.nan_to_num(old.astype(float)), np.nan_to_num(new.astype(float))
        assert (np.isnan(old) == np.isnan(new)).all()
        return float(np.abs(both[0] - both[1]).max(initial=0.0))
    if isinstance(old, float):
        return difference(np.array([old]), np.array([new]))
    if hasattr(old, "__dataclass_fields__"):
        names = [field.name for field in fields(old) if field.name != "forward_seconds"]
        return max(difference(getattr(old, name), getattr(new, name)) for name in names)
    assert old == new
    return 0.0


def test_what_is_absent_reads_as_none_and_the_rest_as_it_was_recorded():
    maps = sorted(read(OLD, ATTENTION), key=lambda message: message.tick)
    assert [message.tick for message in maps] == TICKS
    for old, new in zip(as_recorded(ATTENTION), maps, strict=True):
        assert not hasattr(old, "groups")
        assert difference(old, new) == 0
        assert new.groups == [] and (new.instruction, new.unit, new.points) == ("", "", 0)
        assert (new.method_asked, new.first_executed_tick) == (old.method, old.tick)
        assert (new.denoising_step, new.denoising_steps, new.noise_seed) == (-1, 0, 0)
        for camera in new.cameras:
            assert len(camera.signed_cells) == 0 and np.isnan(camera.contribution)
        # It is a message of today: it can be written again.
        again = Messages().decode(bytes(Messages().encode(new, new.__msgtype__)), new.__msgtype__)
        assert difference(old, again) == 0


def test_what_lacks_nothing_is_left_alone():
    with BagReader(OLD) as reader:
        for message in reader.messages([FEATURES, "/joint_states"]):
            assert not lacks_fields(message.type, reader._store(message.type))
    assert not lacks_fields("pam_ros/msg/AttentionMap", known_types())


def without_definitions(tmp_path):
    """The same as Humble's sqlite3 has it: rows, and no definitions."""
    path = tmp_path / "humble"
    with BagReader(OLD) as reader, BagWriter(path, "sqlite3") as writer:
        for topic in reader.topics.values():
            writer.add_topic(topic.name, topic.type)
        for message in reader.messages():
            writer.write(message.topic, message.data, message.stamp_ns)
    (file,) = path.glob("*.db3")
    with closing(sqlite3.connect(file)) as database:
        database.execute("DELETE FROM message_definitions")
        database.commit()
    return path


def test_without_its_definitions_it_is_read_by_those_of_then(tmp_path):
    maps = sorted(read(without_definitions(tmp_path), ATTENTION), key=lambda one: one.tick)
    for old, new in zip(as_recorded(ATTENTION), maps, strict=True):
        assert difference(old, new) == 0
        assert new.groups == []


def test_what_is_neither_of_now_nor_of_then_is_one_sentence(tmp_path):
    with BagReader(OLD) as reader:
        (message, *_) = reader.messages([ATTENTION])
        with pytest.raises(BagError, match=r"is no pam_ros/msg/AttentionMap"):
            reader.decode(replace(message, data=message.data[:200]))


def test_copied_maps_are_of_the_type_that_the_new_bag_states(tmp_path):
    settings = ReplaySettings(policy=str(DEMO), threads=1, node="/again", contract="demo_arm")
    replay_bag(OLD, tmp_path / "out", settings)
    with AnyReader([tmp_path / "out"]) as reader:
        wanted = [one for one in reader.connections if one.topic == ATTENTION]
        copied = [reader.deserialize(data, one.msgtype) for one, _, data in reader.messages(wanted)]
    copied.sort(key=lambda message: message.tick)
    for old, new in zip(as_recorded(ATTENTION), copied, strict=True):
        assert difference(old, new) == 0
        assert new.first_executed_tick == new.tick


@pytest.fixture(scope="module")
def replayed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("replayed")
    sys.path.insert(0, str(ROOT / "test" / "nodes"))
    try:
        from sae_folder import write_sae
    finally:
        sys.path.pop(0)
    (old, *_) = as_recorded(FEATURES)
    write_sae(folder / "sae", width=128, policy=old.policy_sha256)
    settings = ReplaySettings(policy=str(DEMO), threads=1, sae=str(folder / "sae"), overlays=True)
    report = replay_bag(OLD, folder / "bag", settings)
    assert (report.ticks, report.valid) == (len(TICKS), len(TICKS))
    return folder / "bag"


def test_its_replay_gives_the_recorded_maps(replayed):
    maps = read(replayed, ATTENTION)
    assert [message.tick for message in maps] == TICKS
    for old, new in zip(as_recorded(ATTENTION), maps, strict=True):
        assert difference(old, new) < 1e-6
        assert [group.name for group in new.groups] == ["latent", "joint_state"]
        whole = sum(one.share for one in (*new.groups, *new.cameras))
        assert whole == pytest.approx(1, abs=1e-5)


def test_its_replay_gives_the_recorded_features(replayed):
    for old, new in zip(as_recorded(FEATURES), read(replayed, FEATURES), strict=True):
        assert (old.tick, old.episode, old.layer, old.valid) == (
            new.tick, new.episode, new.layer, new.valid,
        )  # fmt: skip
        ours = dict(zip(new.feature.tolist(), new.maximum.tolist(), strict=True))
        then = dict(zip(old.feature.tolist(), old.maximum.tolist(), strict=True))
        assert then
        # Tokens that differ in the last bit of float32 may round to neighbouring halves.
        for feature in ours.keys() | then.keys():
            assert ours.get(feature, 0.0) == pytest.approx(then.get(feature, 0.0), abs=5e-3)


def test_it_is_reported_as_it_is(tmp_path):
    page = tmp_path / "report.html"
    assert main(["report", str(OLD), "-o", str(page)]) == 0
    (data,) = read_data(page)
    assert data["ticks"] == TICKS
    assert list(data["shares"]) == ["top", "wrist", "joint state", "latent"]
    assert data["words"] == []
    assert data["features"] is not None


def test_its_video_has_its_ticks(tmp_path):
    assert main(["video", str(OLD), "-o", str(tmp_path / "video.mp4")]) == 0


@pytest.mark.skipif(importlib.util.find_spec("rerun") is None, reason="rerun is not installed")
def test_rerun_shows_it(tmp_path, capsys):
    file = tmp_path / "out.rrd"
    assert main(["view", str(OLD), "--contract", "demo_arm", "--save", str(file)]) == 0
    assert file.stat().st_size > 0
