# SPDX-License-Identifier: Apache-2.0
"""Raw topics and recorded maps to new maps: the same as by hand, none missed, whatever happens."""

import re
from dataclasses import replace

import numpy as np
import pytest
from recorded_robot import (
    ATTENTION,
    MS,
    START_NS,
    TYPES,
    counts,
    difference,
    image,
    joints,
    observed,
    picture,
    read,
    write_bag,
)

from pam_ros.attention.maps import attention_maps
from pam_ros.bags import BagError, BagWriter
from pam_ros.observations.errors import SourceError
from pam_ros.policy import load_policy
from pam_ros.replay import one_bag
from pam_ros.replay.errors import ReplayError
from pam_ros.replay.one_bag import replay_bag
from pam_ros.robot.stamps import stamp_nanoseconds


def test_every_image_of_the_trigger_camera_gets_the_map_of_a_bare_forward_pass(
    bag, settings, tmp_path, checkpoint
):
    out = tmp_path / "out"
    report = replay_bag(bag, out, replace(settings, method="cross_attention"))
    maps = read(out, ATTENTION)
    assert (report.ticks, report.valid, len(maps), report.counts) == (11, 11, 11, {})
    policy = load_policy(checkpoint, device="cpu")
    for frame, message in enumerate(maps):
        state = np.array([0.01 * frame, -0.02 * frame], np.float32)
        expected = attention_maps(
            policy.explain(
                {
                    "observation.images.top": picture(2 * frame),
                    "observation.images.side": picture(2 * frame + 1),
                    "observation.state": state,
                }
            ).attention,
            policy.spec.layout,
        )
        for found, wanted in zip(message.cameras, expected.cameras, strict=True):
            assert np.abs(found.cells - wanted.cells.ravel()).max() <= 1e-6
        assert stamp_nanoseconds(message.header.stamp) == START_NS + frame * 100 * MS
        assert [camera.header.frame_id for camera in message.cameras] == ["top", "side"]
        assert (message.tick, message.episode) == (frame, 0)


def test_commands_are_those_of_the_policys_own_queue(bag, settings, tmp_path, checkpoint):
    out = tmp_path / "out"
    replay_bag(bag, out, settings)
    policy = load_policy(checkpoint, device="cpu")
    commands = read(out, "/act_attention/predicted_command")
    maps = read(out, ATTENTION)
    assert len(commands) == 11
    for frame, (command, message) in enumerate(zip(commands, maps, strict=True)):
        observation = {
            "observation.images.top": picture(2 * frame),
            "observation.images.side": picture(2 * frame + 1),
            "observation.state": np.array([0.01 * frame, -0.02 * frame], np.float32),
        }
        action = policy.step(observation).action
        assert np.abs(np.array(command.position) - action).max() <= 1e-6
        assert message.command_source_tick == 4 * (frame // 4)
        assert message.chunk_executed == (frame % 4 == 0)
    recorded = read(out, "/joint_commands")
    assert [list(one.position) for one in recorded] == [[0.3, 0.4]] * 11


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_recorded_maps_come_again_whatever_the_batch(bag, settings, tmp_path, batch):
    first, again = tmp_path / "first", tmp_path / "again"
    look = {"method": "encoder_attention", "layer": 1, "head": "2", "query": "0:5"}
    replay_bag(bag, first, replace(settings, **look))
    report = replay_bag(first, again, replace(settings, batch=batch))
    assert report.counts == {}
    maps = read(first, ATTENTION)
    assert {m.query for m in maps} == {"mean(0:5)"}
    assert difference(maps, read(again, ATTENTION)) <= 1e-6
    assert counts(first) == counts(again)


def test_recorded_maps_say_which_messages_belong_together(settings, tmp_path):
    """Every second image was looked at; a replay by stamps would take all."""
    whole, half = tmp_path / "whole", tmp_path / "half"
    replay_bag(write_bag(tmp_path / "bag", observed(8)), whole, settings)
    from pam_ros.bags import BagReader, BagWriter

    with BagReader(whole) as reader, BagWriter(half) as writer:
        for topic in reader.topics.values():
            writer.add_topic(topic.name, topic.type)
        for message in reader.messages():
            if message.topic != ATTENTION or reader.decode(message).tick % 2:
                writer.write(message.topic, message.data, message.stamp_ns)
    out = tmp_path / "out"
    report = replay_bag(half, out, settings)
    assert [m.tick for m in read(out, ATTENTION)] == [1, 3, 5, 7]
    # Their chunks of ticks 0 and 4 were predicted in ticks that the recording lacks.
    assert report.counts == {"unknown_chunk": 4}
    cells = [m.cameras[0].cells for m in read(whole, ATTENTION)][1::2]
    for mine, theirs in zip(read(out, ATTENTION), cells, strict=True):
        assert np.abs(mine.cameras[0].cells - theirs).max() <= 1e-6


def stop_in_batch(number, monkeypatch, bag, out, settings):
    """A replay that is interrupted in its batch of this number, from 1."""
    runs = one_bag.Ticker.run
    batches = []

    def stops(self, *asked):
        batches.append(asked)
        if len(batches) == number:
            raise KeyboardInterrupt
        return runs(self, *asked)

    with monkeypatch.context() as patch:
        patch.setattr(one_bag.Ticker, "run", stops)
        with pytest.raises(KeyboardInterrupt):
            replay_bag(bag, out, settings)


def test_a_stopped_replay_goes_on_and_ends_as_if_it_had_not_been_stopped(
    bag, settings, tmp_path, monkeypatch
):
    settings = replace(settings, batch=2, part_seconds=0.0, overlays=True)
    whole, out = tmp_path / "whole", tmp_path / "out"
    replay_bag(bag, whole, settings)
    stop_in_batch(4, monkeypatch, bag, out, settings)
    assert not out.exists()
    report = replay_bag(bag, out, settings)
    assert report.ran == 5
    assert report.ticks == 11
    assert difference(read(whole, ATTENTION), read(out, ATTENTION)) <= 1e-6
    assert counts(whole) == counts(out)
    for topic in ("/act_attention/predicted_command", "/act_attention/attention/top/image"):
        assert list(map(repr, read(whole, topic))) == list(map(repr, read(out, topic)))
    assert not (tmp_path / "out.unfinished").exists()


def test_another_replay_does_not_go_on_from_it(bag, settings, tmp_path, monkeypatch):
    out = tmp_path / "out"
    stop_in_batch(3, monkeypatch, bag, out, replace(settings, part_seconds=0.0))
    with pytest.raises(ReplayError, match="another recording, policy or setting"):
        replay_bag(bag, out, replace(settings, overlays=True))


def test_a_replay_that_kept_nothing_is_not_in_the_way_of_the_next(
    bag, settings, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    stop_in_batch(1, monkeypatch, bag, out, settings)
    with pytest.raises(ReplayError, match='use "mean", a number'):
        replay_bag(bag, out, replace(settings, head="99"))
    assert not (tmp_path / "out.unfinished").exists()
    # As a kill leaves it.
    (tmp_path / "out.unfinished" / "part_0").mkdir(parents=True)
    (tmp_path / "out.unfinished" / "state.json").write_text('{"identity": {}, "parts": 0}')
    assert replay_bag(bag, out, settings).valid == 11


def test_two_replays_do_not_write_into_one_another(bag, settings, tmp_path):
    out = tmp_path / "out"
    refused = []

    def meanwhile(*_):
        with pytest.raises(ReplayError, match="another replay is writing") as error:
            replay_bag(bag, out, settings)
        refused.append(error)

    assert replay_bag(bag, out, settings, meanwhile).valid == 11
    assert refused


def test_episodes_of_a_bag_are_refused(bag, settings, tmp_path):
    with pytest.raises(ReplayError, match="--episodes is for LeRobot datasets"):
        replay_bag(bag, tmp_path / "out", replace(settings, episodes="0"))


def test_a_bag_that_is_there_is_not_overwritten(bag, settings, tmp_path):
    with pytest.raises(ReplayError, match="exists already"):
        replay_bag(bag, bag, settings)


def test_a_rate_takes_the_place_of_the_trigger(bag, settings, tmp_path):
    report = replay_bag(bag, tmp_path / "out", replace(settings, rate_hz=5.0))
    assert report.ticks == 6
    stamps = [stamp_nanoseconds(m.header.stamp) for m in read(tmp_path / "out", ATTENTION)]
    assert np.diff(stamps).tolist() == [200 * MS] * 5


def test_a_contract_without_a_trigger_ticks_at_its_rate(bag, settings, tmp_path, contract_by_rate):
    report = replay_bag(bag, tmp_path / "out", replace(settings, contract=contract_by_rate))
    assert report.ticks == 11


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_split_and_compressed_bags_are_read(settings, tmp_path, storage, compression):
    options = {"storage": storage, "compression": compression, "split_seconds": 0.3}
    bag = write_bag(tmp_path / "bag", observed(6), **options)
    assert len(list(bag.glob("*_*"))) > 1
    assert replay_bag(bag, tmp_path / "out", settings).valid == 6


def test_late_messages_are_put_in_order_by_their_stamps(settings, tmp_path):
    """The state of frame 2 arrives after frame 3: by arrival, frame 2 would have none."""
    messages = list(observed(6))
    late = next(m for m in messages if m[0] == "/joint_states" and m[1] == START_NS + 200 * MS)
    messages.remove(late)
    after = next(i for i, m in enumerate(messages) if m[1] == START_NS + 300 * MS) + 3
    messages.insert(after, (*late[:2], messages[after - 1][2] + 1, late[3]))
    report = replay_bag(write_bag(tmp_path / "bag", messages), tmp_path / "out", settings)
    assert report.valid == 6
    assert report.counts == {"out_of_order": 1}


def test_a_clock_that_jumps_back_begins_an_episode_and_loses_nothing(settings, tmp_path):
    before = list(observed(5))
    end = before[-1][2]
    # The bag's own clock runs on.
    after = [
        (topic, stamp, end + 1 + number * MS, data)
        for number, (topic, stamp, _, data) in enumerate(
            observed(5, start_ns=START_NS - 3_600_000 * MS)
        )
    ]
    bag = write_bag(tmp_path / "bag", before + after)
    report = replay_bag(bag, tmp_path / "out", settings)
    maps = read(tmp_path / "out", ATTENTION)
    assert [m.episode for m in maps] == [0] * 5 + [1] * 5
    assert [m.tick for m in maps] == list(range(10))
    assert report.counts == {"clock_jump": 1}


def test_sets_that_cannot_be_used_are_counted_with_a_reason(settings, tmp_path):
    messages = list(observed(5))
    small = image(START_NS + 100 * MS, picture(0))[:-50]
    bad = next(i for i, m in enumerate(messages) if m[0] == "/side/image_raw" and m[1] > START_NS)
    messages[bad] = (*messages[bad][:3], small)
    nan = next(i for i, m in enumerate(messages) if m[0] == "/joint_states" and m[1] > START_NS
               + 250 * MS)  # fmt: skip
    messages[nan] = (*messages[nan][:3], joints(messages[nan][1], (float("nan"), 0.0)))
    report = replay_bag(write_bag(tmp_path / "bag", messages), tmp_path / "out", settings)
    assert report.valid == 3
    assert report.counts == {"unusable": 2}
    assert "no finite position for 'pan'" in report.notes[-1]


def test_a_truncated_bag_is_replayed_up_to_the_damage(settings, tmp_path):
    bag = tmp_path / "bag"
    with pytest.MonkeyPatch.context() as patch:
        # Chunks end where they are told to, however long writing takes.
        patch.setattr("pam_ros.bags.writer.FLUSH_SECONDS", 1e6)
        writer = BagWriter(bag)
    with writer:
        for topic, kind in TYPES.items():
            writer.add_topic(topic, kind)
        for number, (topic, _, received, data) in enumerate(observed(12)):
            if number in {16, 32}:
                writer._file.flush()
            writer.write(topic, data, received)
    (file,) = bag.glob("*.mcap")
    data = file.read_bytes()
    file.write_bytes(data[: len(data) * 5 // 6])
    report = replay_bag(bag, tmp_path / "out", settings)
    # Four messages a tick; large chunks are ended by the library too.
    found = re.search(r"(\d+) messages can be read, (\d+) of 48 are lost$", report.notes[-1])
    readable, lost = int(found[1]), int(found[2])
    assert 32 <= readable == 48 - lost
    assert report.valid in {readable // 4, (readable + 1) // 4}
    assert file.stat().st_size == len(data) * 5 // 6
    assert len(read(tmp_path / "out", ATTENTION)) == report.ticks


def test_a_truncated_database_is_replayed_up_to_the_damage(settings, tmp_path):
    bag = write_bag(tmp_path / "bag", observed(30), storage="sqlite3")
    (file,) = bag.glob("*.db3")
    data = file.read_bytes()
    file.write_bytes(data[: len(data) * 2 // 3])
    report = replay_bag(bag, tmp_path / "out", settings)
    assert 18 <= report.valid <= 20
    assert report.notes[-1].endswith("of 120 are lost")
    assert file.stat().st_size == len(data) * 2 // 3


def test_a_compression_that_is_not_read_names_its_package(bag, settings, tmp_path):
    metadata = bag / "metadata.yaml"
    text = metadata.read_text().replace("compression_format: ''", "compression_format: brotli")
    metadata.write_text(text.replace("compression_mode: ''", "compression_mode: MESSAGE"))
    with pytest.raises(BagError, match="ros-<distro>-rosbag2-compression-brotli"):
        replay_bag(bag, tmp_path / "out", settings)


def test_missing_topics_are_named_with_the_likely_ones(settings, tmp_path):
    types = {"/cam_top/image_raw": "sensor_msgs/msg/Image", **TYPES_WITHOUT_TOP}
    messages = [
        ("/cam_top/image_raw" if topic == "/top/image_raw" else topic, *rest)
        for topic, *rest in observed(4)
    ]
    bag = write_bag(tmp_path / "bag", messages, types)
    with pytest.raises(SourceError) as error:
        replay_bag(bag, tmp_path / "out", settings)
    assert "lacks /top/image_raw (likely /cam_top/image_raw)" in str(error.value)
    assert "/joint_commands [sensor_msgs/msg/JointState]" in str(error.value)
    remapped = replace(settings, remaps={"/top/image_raw": "/cam_top/image_raw"})
    assert replay_bag(bag, tmp_path / "out", remapped).valid == 4


TYPES_WITHOUT_TOP = {
    "/side/image_raw": "sensor_msgs/msg/Image",
    "/joint_states": "sensor_msgs/msg/JointState",
    "/joint_commands": "sensor_msgs/msg/JointState",
}
