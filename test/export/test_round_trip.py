# SPDX-License-Identifier: Apache-2.0
"""What was recorded is what lerobot reads, and what a replay of the dataset sees."""

import json
from dataclasses import replace

import numpy as np
import pytest
from recorded_arm import action, as_float32, export, opened, scene, smooth, state
from recorded_robot import (
    ATTENTION,
    CONTRACT,
    MS,
    START_NS,
    difference,
    read,
    save_checkpoint,
    write_bag,
)

from pam_ros import cli
from pam_ros.export.settings import CODECS
from pam_ros.replay.one_bag import replay_bag
from pam_ros.replay.settings import ReplaySettings
from pam_ros.robot.stamps import stamp_nanoseconds


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoint")
    save_checkpoint(folder)
    return folder


def check_numbers(data, count):
    for number in range(count):
        row, stamp = data[number], START_NS + number * 100 * MS
        wanted = {
            "stamp.top": stamp,
            "stamp.side": stamp + 1,
            "stamp.joint_states": stamp + 1234567,
            "stamp.command": stamp + 50 * MS,
        }
        for name, value in wanted.items():
            assert row[name].tolist() == list(divmod(value, 1_000_000_000)), name
        assert tuple(row["observation.state"].tolist()) == as_float32(state(number))
        assert tuple(row["action"].tolist()) == as_float32(action(number))
        assert row["timestamp"].item() == np.float32(number / 10)
        assert row["task"] == "reach"


@pytest.mark.parametrize("images", [True, False])
def test_lerobot_reads_what_was_recorded(bag, settings, tmp_path, images):
    out = tmp_path / "dataset"
    made, told = export([bag], out, replace(settings, images=images, crf=20))
    assert (made.new, made.failed, told[bag].frames, told[bag].counts) == (True, (), 11, {})
    data = opened(out)
    assert (len(data), data.fps, data.meta.robot_type, data.num_episodes) == (11, 10, "test", 1)
    assert data.features["action"]["names"] == ["pan", "lift"]
    check_numbers(data, 11)
    errors = []
    for number in range(11):
        for camera, name in enumerate(("top", "side")):
            found = np.rint(data[number][f"observation.images.{name}"].numpy() * 255)
            errors.append(np.abs(found.transpose(1, 2, 0) - scene(number, camera)).mean())
    assert max(errors) == 0 if images else max(errors) < 4
    figures = made.summary["check"]
    assert (figures["frames"], figures["pictures"]) == (11, 22)
    assert figures["equal_pictures"] == (22 if images else 0)
    assert images or figures["psnr_p5_db"] > 30
    assert json.loads((out / "meta" / "pam_ros_export.json").read_text()) == made.summary


@pytest.mark.parametrize("codec", CODECS)
def test_a_codecs_pictures_are_those_of_their_frame(settings, tmp_path, codec):
    """All episodes share one file: each picture is nearer to its own than to its neighbours."""
    lengths = (7, 2, 11, 5)
    bag = write_bag(
        tmp_path / "bag",
        [m for k, length in enumerate(lengths) for m in smooth(length, START_NS + k * 10_000 * MS)],
    )
    export([bag], tmp_path / "dataset", replace(settings, codec=codec))
    data, row = opened(tmp_path / "dataset"), 0
    assert len(list((tmp_path / "dataset").glob("videos/*top/*/*.mp4"))) == 1
    for length in lengths:
        for number in range(length):
            found = data[row]["observation.images.top"].numpy().transpose(1, 2, 0) * 255
            apart = [np.abs(found - scene(n, 0)).mean() for n in range(max(lengths))]
            assert np.argmin(apart) == number
            row += 1


def test_statistics_are_those_of_the_frames(bag, settings, tmp_path):
    export([bag], tmp_path / "dataset", settings)
    stats = opened(tmp_path / "dataset").meta.stats
    actions = np.array([as_float32(action(number)) for number in range(11)])
    assert np.allclose(stats["action"]["mean"], actions.mean(0), atol=1e-5)
    assert np.allclose(stats["action"]["std"], actions.std(0), atol=1e-5)
    assert np.array_equal(stats["action"]["max"], actions.max(0))
    pictures = np.stack([scene(number, 0) for number in range(11)]) / 255
    top = stats["observation.images.top"]
    assert np.allclose(np.squeeze(top["mean"]), pictures.mean((0, 1, 2)), atol=1e-3)


def test_lerobot_takes_stamps_neither_for_inputs_nor_for_outputs(bag, settings, tmp_path):
    try:
        from lerobot.utils.feature_utils import dataset_to_policy_features
    except ImportError:  # before lerobot 0.6
        from lerobot.datasets.utils import dataset_to_policy_features

    export([bag], tmp_path / "dataset", settings)
    found = dataset_to_policy_features(opened(tmp_path / "dataset").features)
    images = {"observation.images.top", "observation.images.side"}
    assert set(found) == images | {"observation.state", "action"}


def test_a_replay_of_the_dataset_is_one_of_the_recording(bag, settings, tmp_path, checkpoint):
    export([bag], tmp_path / "dataset", replace(settings, images=True))
    asked = ReplaySettings(
        policy=str(checkpoint), contract=settings.contract, threads=1, batch=3, method="rollout"
    )
    for name, source in (("recorded", bag), ("exported", tmp_path / "dataset")):
        report = replay_bag(source, tmp_path / name, asked)
        assert (report.ticks, report.valid, report.counts, report.notes) == (11, 11, {}, ())
    recorded, exported = (read(tmp_path / name, ATTENTION) for name in ("recorded", "exported"))
    assert [stamp_nanoseconds(m.header.stamp) for m in recorded] == [
        START_NS + number * 100 * MS + 1234567 for number in range(11)
    ]
    for message in (*recorded, *exported):
        message.header.frame_id = ""
        for camera in message.cameras:
            camera.header.frame_id = ""
    assert difference(recorded, exported) <= 1e-6
    for topic in ("/joint_states", "/joint_commands"):
        ours, theirs = (
            [as_float32(m.position) for m in read(tmp_path / name, topic)]
            for name in ("recorded", "exported")
        )
        assert ours == theirs


def test_stamps_that_overlap_give_way_to_a_grid(settings, tmp_path, checkpoint):
    """Two recordings of one simulated time: an image must not serve the wrong episode."""
    bags = [write_bag(tmp_path / name, smooth(4)) for name in ("one", "two")]
    export(bags, tmp_path / "dataset", replace(settings, images=True))
    asked = ReplaySettings(policy=str(checkpoint), contract=settings.contract, threads=1)
    report = replay_bag(tmp_path / "dataset", tmp_path / "replayed", asked)
    assert report.ticks == 8
    assert "overlap" in report.notes[0]


def test_pictures_may_be_as_the_contract_makes_them(bag, tmp_path):
    text = CONTRACT.format(trigger="trigger: top").replace(
        "resize: policy",
        "crop: {x: 8, y: 0, width: 80, height: 64}, resize: {height: 32, width: 40}",
    )
    (tmp_path / "crops.yaml").write_text(text)
    arguments = ["export", "lerobot", str(bag), "--contract", str(tmp_path / "crops.yaml")]
    arguments += ["--images", "--out"]
    assert cli.main([*arguments, str(tmp_path / "source")]) == 0
    assert cli.main([*arguments, str(tmp_path / "crops"), "--pictures", "contract"]) == 0
    shape = opened(tmp_path / "source").features["observation.images.top"]["shape"]
    assert tuple(shape) == (64, 80, 3)
    shape = opened(tmp_path / "crops").features["observation.images.top"]["shape"]
    assert tuple(shape) == (32, 40, 3)


def test_a_dataset_trains_a_policy(bag, settings, tmp_path):
    """As lerobot-train makes its batches: chunks by delta timestamps, in a DataLoader."""
    import torch
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    export([bag], tmp_path / "dataset", settings)
    chunk = {"action": [step / 10 for step in range(4)]}
    data = LeRobotDataset(
        "local/test", root=tmp_path / "dataset", delta_timestamps=chunk, video_backend="pyav"
    )
    batch = next(iter(torch.utils.data.DataLoader(data, batch_size=3)))
    assert batch["action"].shape == (3, 4, 2)
    assert tuple(batch["action"][1, 2].tolist()) == as_float32(action(3))
    assert batch["action_is_pad"].sum() == 0
