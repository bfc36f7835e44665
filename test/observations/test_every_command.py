# SPDX-License-Identifier: Apache-2.0
"""What one command accepts all accept, and all see the same."""

from dataclasses import replace
from pathlib import Path

import cv2
import pytest
from recorded_robot import ATTENTION, MESSAGES, START_NS, TYPES, observed, picture, read, write_bag

from pam_ros import cli
from pam_ros.bags import BagError
from pam_ros.bags.messages import Messages
from pam_ros.faithfulness.report import from_json
from pam_ros.observations.bag import BagSource
from pam_ros.observations.errors import SourceError
from pam_ros.observations.find import find_recordings
from pam_ros.observations.observed_ticks import ObservedTicks
from pam_ros.observations.reading import Reading
from pam_ros.observations.recording import open_recording
from pam_ros.replay.one_bag import replay_bag
from pam_ros.replay.settings import ReplaySettings
from pam_ros.robot.stamps import set_stamp
from pam_ros.sae.store.token_store import TokenStore

TOP, SIDE, STATE = "observation.images.top", "observation.images.side", "observation.state"
COMPRESSED = "sensor_msgs/msg/CompressedImage"
FRAMES = 4


def compressed(stamp, pixels):
    message = Messages().new(COMPRESSED)
    set_stamp(message.header.stamp, stamp)
    message.format = "rgb8; png compressed bgr8"
    message.data = cv2.imencode(".png", pixels[..., ::-1])[1].reshape(-1)
    return bytes(MESSAGES.encode(message, COMPRESSED))


def as_compressed(messages):
    """The camera at the top as it is recorded compressed, on another topic and twice as large."""
    tops = 0
    for topic, stamp, received, data in messages:
        if topic != "/top/image_raw":
            yield topic, stamp, received, data
            continue
        large = cv2.resize(picture(2 * tops), None, fx=2, fy=2, interpolation=cv2.INTER_NEAREST)
        yield "/cam_top/compressed", stamp, received, compressed(stamp, large)
        tops += 1


@pytest.fixture
def odd_bag(tmp_path):
    types = {"/cam_top/compressed": COMPRESSED}
    types |= {topic: kind for topic, kind in TYPES.items() if topic != "/top/image_raw"}
    return write_bag(tmp_path / "odd", as_compressed(observed(FRAMES)), types)


@pytest.fixture
def renaming_contract(contract, tmp_path):
    """A contract that has the robot's own name for a feature."""
    file = tmp_path / "renaming.yaml"
    file.write_text(Path(contract).read_text().replace(TOP, "observation.images.front"))
    return str(file)


READING = ("--topic", "/top/image_raw=/cam_top/compressed", "--rename",
           f"observation.images.front={TOP}")  # fmt: skip


@pytest.mark.slow
def test_a_compressed_topic_of_another_name_and_size_is_read_by_all(
    odd_bag, renaming_contract, checkpoint, policy, tmp_path
):
    common = ["--policy", str(checkpoint), "--device", "cpu", "--contract", renaming_contract]
    store, out, report = tmp_path / "store", tmp_path / "out", tmp_path / "report.json"
    collect = ["sae", "collect", *common, "--bag", str(odd_bag), *READING]
    assert cli.main([*collect, "--out", str(store), "--observations"]) == 0
    assert cli.main(["replay", str(odd_bag), *common, *READING, "--out", str(out)]) == 0
    spoilt = ["faithfulness", *common, "--bag", str(odd_bag), str(odd_bag.with_name("again"))]
    write_bag(odd_bag.with_name("again"), as_compressed(observed(FRAMES)), {
        "/cam_top/compressed": COMPRESSED,
        **{topic: kind for topic, kind in TYPES.items() if topic != "/top/image_raw"},
    })  # fmt: skip
    spoilt += ["--episodes", "2", "--methods", "encoder_attention:0:1", "--replace", "blur"]
    assert cli.main([*spoilt, *READING, "--quick", "--json", str(report)]) == 0
    kept = list(TokenStore(store).observations())
    assert [frame.frame for frame in kept] == list(range(FRAMES))
    maps = read(out, ATTENTION)
    assert len(maps) == FRAMES
    assert all(message.valid for message in maps)
    for number, frame in enumerate(kept):
        # Twice as large and back again: the same pixels.
        assert (frame.observation[TOP] == picture(2 * number)).all()
        assert (frame.observation[SIDE] == picture(2 * number + 1)).all()
    measured = from_json(report.read_text())
    assert (measured.episodes, measured.source) == ((0, 1), "odd, again")
    assert {"deletion_blur"} <= set(measured.row("encoder_attention:0:1").measures)


def test_replay_sees_what_the_other_commands_see(contract, policy, tmp_path):
    bag = write_bag(tmp_path / "bag", observed(FRAMES))
    frames = list(BagSource(policy, [bag], Reading(contract=contract)).frames(None))
    opened = open_recording(bag, policy, Reading(contract=contract), tmp_path / "work")
    passing = ObservedTicks(opened)
    replayed = [passing.observe(tick) for tick in passing.ticks()]
    assert len(frames) == len(replayed) == FRAMES
    for number, (frame, (messages, built)) in enumerate(zip(frames, replayed, strict=True)):
        assert frame.stamp_ns == messages.stamp_ns == START_NS + number * 100_000_000
        assert frame.messages.stamps == messages.stamps
        assert (frame.whole.sources["top"] == built.sources["top"]).all()
        assert frame.whole.regions == built.regions
        assert all((frame.observation[name] == built.features[name]).all() for name in (TOP, STATE))


def test_lengths_and_chosen_frames_of_bags(contract, policy, tmp_path):
    bags = [write_bag(tmp_path / f"bag{count}", observed(count)) for count in (3, 5)]
    source = BagSource(policy, bags, Reading(contract=contract))
    assert source.lengths() == {0: 3, 1: 5}
    picked = list(source.chosen([(1, 4), (0, 1), (1, 0)]))
    assert [(frame.episode, frame.frame) for frame in picked] == [(0, 1), (1, 0), (1, 4)]
    assert (picked[-1].observation[TOP] == picture(8)).all()


def test_a_rate_makes_fewer_ticks(contract, policy, tmp_path):
    bag = write_bag(tmp_path / "bag", observed(10))
    source = BagSource(policy, [bag], Reading(contract=contract, rate_hz=5.0))
    assert source.lengths() == {0: 5}


def test_a_bag_that_was_cut_off_is_read_up_to_the_damage(contract, policy, tmp_path, caplog):
    bag = write_bag(tmp_path / "bag", observed(30), storage="sqlite3")
    (file,) = bag.glob("*.db3")
    data = file.read_bytes()
    file.write_bytes(data[: len(data) * 2 // 3])
    frames = list(BagSource(policy, [bag], Reading(contract=contract)).frames(None))
    report = replay_bag(
        bag,
        tmp_path / "out",
        ReplaySettings(policy=policy.spec.name, contract=contract, threads=1),
    )
    assert len(frames) == report.ticks
    assert 18 <= report.ticks <= 20
    assert "of 120 are lost" in caplog.text
    assert file.stat().st_size == len(data) * 2 // 3


def test_without_a_contract_the_shipped_one_is_taken_or_none_fits(policy, tmp_path):
    bag = write_bag(tmp_path / "bag", observed(2))
    with pytest.raises(SourceError, match="no shipped contract fits"):
        BagSource(policy, [bag], Reading())


def test_folders_and_patterns_mean_their_bags(contract, policy, tmp_path, checkpoint):
    folder = tmp_path / "recordings"
    folder.mkdir()
    for name, count in (("a", 2), ("b", 3)):
        write_bag(folder / name, observed(count))
    assert find_recordings([str(folder)]) == ([folder / "a", folder / "b"], True)
    command = ["sae", "collect", "--policy", str(checkpoint), "--contract", contract]
    for named, store in ((str(folder), "whole"), (str(folder / "[ab]"), "pattern")):
        assert cli.main([*command, "--bag", named, "--out", str(tmp_path / store)]) == 0
        assert TokenStore(tmp_path / store).info.dataset == "rosbags a, b (test)"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--topic", "nothing"], "--topic 'nothing': write CONTRACT_TOPIC=BAG_TOPIC"),
        (["--rename", "a="], "--rename 'a=': write FEATURE=POLICY_FEATURE"),
        (["--rate-hz", "-1"], "--rate-hz must be 0 or more"),
        (["--topic", "/a=/b"], "--topic /a: the contract has no such topic"),
        (["--rename", "a=b"], "--rename a=b: the policy reads no b: it reads observation.images"),
        (["--rename", f"a={TOP}"], f"--rename a={TOP}: the contract has no a"),
    ],
)
def test_options_that_mean_nothing_are_told_alike(
    arguments, said, contract, checkpoint, tmp_path, capsys
):
    bag = str(write_bag(tmp_path / "bag", observed(2)))
    common = ["--policy", str(checkpoint), "--contract", contract, *arguments]
    for command in (
        ["replay", bag, "--out", str(tmp_path / "out")],
        ["sae", "collect", "--bag", bag, "--out", str(tmp_path / "store")],
        [
            "faithfulness",
            "--bag",
            bag,
            bag + "/",
            "--episodes",
            "2",
            "--methods",
            "encoder_attention:0:1",
        ],
    ):
        assert cli.main([*command, *common]) == 1
        assert said in capsys.readouterr().err


def test_a_dataset_is_no_bag(policy, tmp_path, checkpoint, capsys):
    (tmp_path / "data" / "meta").mkdir(parents=True)
    (tmp_path / "data" / "meta" / "info.json").write_text("{}")
    command = ["sae", "collect", "--policy", str(checkpoint), "--out", str(tmp_path / "s")]
    assert cli.main([*command, "--bag", str(tmp_path / "data")]) == 1
    assert "is a LeRobot dataset: name it with --dataset" in capsys.readouterr().err


def test_a_codec_that_is_not_read_names_its_package(contract, policy, tmp_path):
    bag = write_bag(tmp_path / "bag", observed(2))
    metadata = bag / "metadata.yaml"
    text = metadata.read_text().replace("compression_format: ''", "compression_format: brotli")
    metadata.write_text(text.replace("compression_mode: ''", "compression_mode: MESSAGE"))
    with pytest.raises(BagError, match="ros-<distro>-rosbag2-compression-brotli"):
        BagSource(policy, [bag], Reading(contract=contract))


def test_replay_settings_of_before_are_the_same_replay():
    settings = ReplaySettings(policy="p")
    assert "rename" not in settings.identity()
    assert "rename" in replace(settings, rename={"a": "b"}).identity()
    assert settings.reading == Reading()
