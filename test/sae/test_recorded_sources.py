# SPDX-License-Identifier: Apache-2.0
"""Bags and LeRobot datasets as sources of tokens."""

from __future__ import annotations

import numpy as np
import pytest
import yaml
from fake_sources import (
    HEIGHT,
    IMAGE,
    JOINTS,
    SECOND,
    STATE,
    WIDTH,
    FakePolicy,
    Pictures,
    make_spec,
    stored,
)
from rosbags.typesys import Stores, get_typestore

from pam_ros.bags import BagError, BagWriter
from pam_ros.observations.bag import BagSource
from pam_ros.observations.errors import SourceError
from pam_ros.robot import ContractError, Synchroniser, build_observation, load_contract
from pam_ros.sae.collect.collector import collect
from pam_ros.sae.store.token_store import TokenStore
from pam_ros.sae.store.tokens import parse_sampler
from pam_ros.share.errors import NotFoundError

CONTRACT = {
    "robot": "two_joints",
    "rate_hz": 10,
    "sync_tolerance_s": 0.03,
    "max_age_s": 0.5,
    "trigger": "top",
    "cameras": [
        {
            "name": "top",
            "topic": "/top/image_raw",
            "type": "sensor_msgs/msg/Image",
            "feature": IMAGE,
            "encoding": "rgb8",
        }
    ],
    "state": {
        "topic": "/joint_states",
        "feature": STATE,
        "joints": [{"name": "a", "limits": [-3.0, 3.0]}, {"name": "b", "limits": [-3.0, 3.0]}],
    },
    "command": {
        "topic": "/joint_commands",
        "type": "sensor_msgs/msg/JointState",
        "max_velocity": 2.0,
    },
}
TYPES = get_typestore(Stores.ROS2_HUMBLE)


def messages(ticks: int, stamps_from: int):
    """(topic, type, message, received [ns]) of a camera at 10 Hz and joints at 50 Hz."""
    types = TYPES.types
    received = 1_700_000_000 * SECOND

    def header(ns):
        stamp = types["builtin_interfaces/msg/Time"](sec=ns // SECOND, nanosec=ns % SECOND)
        return types["std_msgs/msg/Header"](stamp=stamp, frame_id="")

    made = []
    for tick in range(ticks * 5):
        ns = tick * SECOND // 50
        made.append(
            (
                "/joint_states",
                "sensor_msgs/msg/JointState",
                types["sensor_msgs/msg/JointState"](
                    header=header(stamps_from + ns),
                    name=["b", "a"],
                    position=np.array([0.1 * tick, -0.1]),
                    velocity=np.empty(0),
                    effort=np.empty(0),
                ),
                received + ns + 1_000_000,
            )
        )
        if tick % 5 == 0:
            pixels = np.full((HEIGHT, WIDTH, 3), tick, np.uint8)
            pixels[:32, :, 0] = 200
            made.append(
                (
                    "/top/image_raw",
                    "sensor_msgs/msg/Image",
                    types["sensor_msgs/msg/Image"](
                        header=header(stamps_from + ns),
                        height=HEIGHT,
                        width=WIDTH,
                        encoding="rgb8",
                        is_bigendian=0,
                        step=3 * WIDTH,
                        data=pixels.reshape(-1),
                    ),
                    received + ns + 8_000_000,
                )
            )
    return sorted(made, key=lambda entry: entry[3])


def write_bag(folder, made) -> None:
    with BagWriter(folder, "mcap") as writer:
        for topic, kind, message, received in made:
            writer.add_topic(topic, kind)
            writer.write(topic, bytes(TYPES.serialize_cdr(message, kind)), received)


@pytest.fixture
def contract(tmp_path):
    path = tmp_path / "contract.yaml"
    path.write_text(yaml.safe_dump(CONTRACT))
    return path


@pytest.mark.parametrize("stamps_from", [1_700_000_000 * SECOND, 5 * SECOND])
def test_a_bag_gives_what_the_live_node_reads(tmp_path, contract, stamps_from):
    """Stamps of the wall clock and of a simulated one."""
    made = messages(12, stamps_from)
    write_bag(tmp_path / "bag", made)
    source = BagSource(FakePolicy(), [tmp_path / "bag"], str(contract))
    found = list(source.frames(None))
    # Second route: the live node's steps on the messages themselves, at the time they arrive.
    bound = load_contract(contract).bind(make_spec())
    live = Synchroniser.for_contract(bound)
    wanted = []
    offset = stamps_from - 1_700_000_000 * SECOND
    for topic, _, message, received in made:
        stamp = message.header.stamp
        name = "top" if topic == "/top/image_raw" else "joint_states"
        live.add(name, stamp.sec * SECOND + stamp.nanosec, message)
        ready = live.newest(received + offset)
        if ready is not None:
            wanted.append(build_observation(bound, ready).features)
    assert len(found) == len(wanted) == 12
    assert [(f.episode, f.frame) for f in found] == [(0, i) for i in range(12)]
    for ours, theirs in zip(found, wanted, strict=True):
        for name, value in theirs.items():
            assert (ours.observation[name] == value).all()
    assert [f.frame for f in source.frames((0, 9))] == [10, 11]


def test_bags_are_collected_one_episode_each(tmp_path, contract):
    for index in range(2):
        write_bag(tmp_path / f"bag{index}", messages(3 + index, 5 * SECOND))
    bags = [tmp_path / "bag0", tmp_path / "bag1"]
    source = BagSource(FakePolicy(), bags, str(contract))
    collect(FakePolicy(), source, parse_sampler("all"), tmp_path / "s")
    _, where = stored(tmp_path / "s")
    assert sorted({row[:2] for row in where}) == [(0, i) for i in range(3)] + [
        (1, i) for i in range(4)
    ]
    assert TokenStore(tmp_path / "s").info.dataset == "rosbags bag0, bag1 (two_joints)"


def unstamped(made):
    for topic, _, message, _ in made:
        if topic == "/joint_states":
            message.header.stamp.sec = message.header.stamp.nanosec = 0
    return made


def test_one_stamp_that_is_wrong_costs_a_bag_its_own_frame(tmp_path, contract):
    made = messages(12, 5 * SECOND)
    [message for topic, _, message, _ in made if topic == "/top/image_raw"][6].header.stamp.sec += 5
    write_bag(tmp_path / "bag", made)
    assert len(list(BagSource(FakePolicy(), [tmp_path / "bag"], str(contract)).frames(None))) == 11


def test_a_bag_without_a_frame_is_told_and_the_others_are_collected(tmp_path, contract, caplog):
    write_bag(tmp_path / "empty", unstamped(messages(3, SECOND)))
    write_bag(tmp_path / "good", messages(4, SECOND))
    source = BagSource(FakePolicy(), [tmp_path / "empty", tmp_path / "good"], str(contract))
    collect(FakePolicy(), source, parse_sampler("all"), tmp_path / "s")
    assert {row[:2] for row in stored(tmp_path / "s")[1]} == {(1, frame) for frame in range(4)}
    assert caplog.text.count("empty gives no frame: all 15 messages on /joint_states have") == 1


def test_bags_without_any_frame_are_an_error_with_the_reason(tmp_path, contract):
    write_bag(tmp_path / "empty", unstamped(messages(3, SECOND)))
    source = BagSource(FakePolicy(), [tmp_path / "empty"], str(contract))
    with pytest.raises(SourceError, match="empty gives no frame: all 15 messages on /joint_states"):
        collect(FakePolicy(), source, parse_sampler("all"), tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_bags_that_cannot_be_used_are_one_sentence(tmp_path, contract):
    write_bag(tmp_path / "bag", [m for m in messages(3, SECOND) if m[0] == "/joint_states"])
    with pytest.raises(
        SourceError, match=r"lacks /top/image_raw \(no topic is .*It has /joint_states"
    ):
        BagSource(FakePolicy(), [tmp_path / "bag"], str(contract))
    swapped = []
    for topic, kind, message, received in messages(3, SECOND):
        other = "/top/image_raw" if topic == "/joint_states" else "/joint_states"
        swapped.append((other, kind, message, received))
    write_bag(tmp_path / "swapped", swapped)
    words = r"/top/image_raw \(it is sensor_msgs/msg/JointState, not sensor_msgs/msg/Image or"
    with pytest.raises(SourceError, match=words):
        BagSource(FakePolicy(), [tmp_path / "swapped"], str(contract))
    with pytest.raises(BagError, match="does not exist"):
        BagSource(FakePolicy(), [tmp_path / "nothing"], str(contract))
    (tmp_path / "broken.mcap").write_bytes(b"\x89MCAP0\r\nno more")
    with pytest.raises(BagError, match="cannot be read"):
        BagSource(FakePolicy(), [tmp_path / "broken.mcap"], str(contract))
    with pytest.raises(NotFoundError, match="contract 'none_such' is neither a file nor"):
        BagSource(FakePolicy(), [tmp_path / "bag"], "none_such")
    with pytest.raises(ContractError, match="does not fit policy 'fake'"):
        BagSource(FakePolicy(make_spec(joints=5)), [tmp_path / "bag"], str(contract))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    from pam_ros.sim.training.lerobot_api import LeRobotDataset, disable_progress_bars

    disable_progress_bars()
    folder = tmp_path_factory.mktemp("data") / "pictures"
    made = LeRobotDataset.create(
        repo_id="local/pictures",
        fps=10,
        root=folder,
        use_videos=False,
        features={
            IMAGE: {
                "dtype": "image",
                "shape": (HEIGHT, WIDTH, 3),
                "names": ["height", "width", "channels"],
            },
            STATE: {"dtype": "float32", "shape": (JOINTS,), "names": ["a", "b"]},
            "action": {"dtype": "float32", "shape": (JOINTS,), "names": ["a", "b"]},
        },
    )
    pictures = Pictures()
    for episode, length in enumerate(pictures.lengths):
        for frame in range(length):
            observation = pictures.observation(episode, frame)
            made.add_frame({**observation, "action": observation[STATE], "task": "look"})
        made.save_episode()
    made.finalize()
    return folder


def test_a_lerobot_dataset_gives_its_observations(dataset):
    from pam_ros.observations.dataset import DatasetSource

    source = DatasetSource(FakePolicy(), str(dataset))
    assert source.dataset == "LeRobot dataset pictures, episodes 0 to 1"
    found = list(source.frames(None))
    assert [(f.episode, f.frame) for f in found] == [(0, i) for i in range(4)] + [
        (1, i) for i in range(3)
    ]
    for frame in found:
        for name, value in Pictures().observation(frame.episode, frame.frame).items():
            assert (frame.observation[name] == value).all()
            assert frame.observation[name].dtype == value.dtype
    assert [(f.episode, f.frame) for f in source.frames((0, 2))] == [(0, 3)] + [
        (1, i) for i in range(3)
    ]
    assert len(list(DatasetSource(FakePolicy(), str(dataset), 1).frames(None))) == 4


def test_datasets_that_cannot_be_used_are_one_sentence(dataset, tmp_path):
    from pam_ros.observations.dataset import DatasetSource

    with pytest.raises(SourceError, match=r"lacks observation\.images\.wrist: it has"):
        DatasetSource(FakePolicy(make_spec((("observation.images.wrist", 64, 96),))), str(dataset))
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError, match="cannot be opened"):
        DatasetSource(FakePolicy(), str(tmp_path / "empty"))
