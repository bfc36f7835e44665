# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from planted_tokens import camera
from rosbags.typesys import Stores, get_typestore
from safetensors.numpy import load_file

from pam_ros.bags import BagError, BagWriter
from pam_ros.observations.bag import BagSource
from pam_ros.observations.errors import SourceError
from pam_ros.observations.source import Frame, RolloutSource
from pam_ros.policy import CameraSpec, ObservationError, PolicyOutput, PolicySpec
from pam_ros.policy.act.spec import lay_out
from pam_ros.robot import ContractError, Synchroniser, build_observation, load_contract
from pam_ros.sae.collect.collector import collect
from pam_ros.sae.errors import SaeError
from pam_ros.sae.store import writer as store_writer
from pam_ros.sae.store.token_store import TokenStore
from pam_ros.sae.store.tokens import parse_sampler
from pam_ros.share.errors import NotFoundError
from pam_ros.sim.errors import SimError
from pam_ros.tick.token_activations import TokenMaker

IMAGE, STATE = "observation.images.top", "observation.state"
HEIGHT, WIDTH, JOINTS = 64, 96, 2
SECOND = 1_000_000_000


def make_spec(cameras=((IMAGE, HEIGHT, WIDTH),), joints=JOINTS) -> PolicySpec:
    layout = lay_out(
        [camera(height // 32, width // 32, name) for name, height, width in cameras],
        joint_state=True,
        environment=False,
    )
    return PolicySpec(
        name="fake", sha256="f" * 64, cameras=tuple(CameraSpec(*c) for c in cameras),
        state_feature=STATE, state_dim=joints, environment_feature=None, environment_dim=0,
        action_dim=joints, chunk_size=3, n_action_steps=1, chunk_mode="queue", device="cpu",
        groups=layout.groups, stacks=(),
    )  # fmt: skip


@dataclass
class FakePolicy:
    """Its tokens are the cells' mean colours: what it saw can be read back."""

    spec: PolicySpec = field(default_factory=make_spec)
    passes: int = 0
    nan_at: int | None = None

    def tokens(self, observation) -> np.ndarray:
        state = np.resize(observation[STATE], 3).astype(np.float32)
        rows = [np.zeros(3, np.float32), state]
        for spec in self.spec.cameras:
            image = observation[spec.feature].astype(np.float32) / 255
            cells = image.reshape(spec.height // 32, 32, spec.width // 32, 32, 3)
            rows += list(cells.mean(axis=(1, 3)).reshape(-1, 3))
        return np.stack(rows)

    def explain(self, observation) -> PolicyOutput:
        if observation[self.spec.cameras[0].feature].shape[0] != self.spec.cameras[0].height:
            raise ObservationError("the image has another size")
        tokens = self.tokens(observation)
        if self.nan_at == self.passes:
            tokens[2, 0] = np.nan
        self.passes += 1
        action = np.array([0.0, -0.39, 0.42, 1.54, 0.0, 0.4][: self.spec.action_dim], np.float32)
        return PolicyOutput(
            action, np.zeros((3, len(action)), np.float32), tokens, "queue", True, 0, 0, 0.0,
        )  # fmt: skip

    step = explain

    def reset(self) -> None:
        pass


@dataclass
class Pictures:
    """Two episodes of known observations."""

    lengths: tuple[int, ...] = (4, 3)
    dataset: str = "pictures"
    asked_after: Any = None

    def observation(self, episode: int, frame: int) -> dict[str, np.ndarray]:
        rng = np.random.default_rng([episode, frame])
        return {
            IMAGE: rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8),
            STATE: rng.normal(size=JOINTS).astype(np.float32),
        }

    def frames(self, after):
        self.asked_after = after
        for episode, length in enumerate(self.lengths):
            for frame in range(length):
                if after is None or (episode, frame) > after:
                    yield Frame(episode, frame, self.observation(episode, frame))


def stored(folder) -> tuple[np.ndarray, list[tuple[int, int, int]]]:
    store = TokenStore(folder)
    shards = [store.read(index) for index in range(len(store.shards))]
    where = [
        row
        for s in shards
        for row in zip(s.episode.tolist(), s.frame.tolist(), s.token.tolist(), strict=True)
    ]
    return np.concatenate([s.tokens for s in shards]), where


def test_tokens_are_stored_with_where_they_come_from(tmp_path):
    policy, source = FakePolicy(), Pictures()
    reason = collect(policy, source, parse_sampler("all"), tmp_path / "s", observations=True)
    assert reason == "the source is read to its end: 56 tokens"
    tokens, where = stored(tmp_path / "s")
    assert where == [(e, f, t) for e, n in enumerate((4, 3)) for f in range(n) for t in range(8)]
    wanted = [
        policy.tokens(source.observation(e, f)) for e, n in ((0, 4), (1, 3)) for f in range(n)
    ]
    assert (tokens == np.concatenate(wanted).astype(np.float16)).all()
    store = TokenStore(tmp_path / "s")
    assert (store.info.policy_sha256, store.info.layer) == ("f" * 64, "encoder")
    for kept in store.observations():
        for name, value in source.observation(kept.episode, kept.frame).items():
            assert (kept.observation[name] == value).all()


def test_uniform_draws_other_cells_in_every_episode(tmp_path):
    collect(FakePolicy(), Pictures((3, 3)), parse_sampler("uniform(3, seed=2)"), tmp_path / "s")
    _, where = stored(tmp_path / "s")
    drawn = [
        [token for e, f, token in where if (e, f) == (e_, f_)] for e_ in (0, 1) for f_ in range(3)
    ]
    assert drawn[:3] != drawn[3:]
    # As the live node draws them.
    for episode, frame in ((0, 2), (1, 0), (1, 2)):
        outcome = SimpleNamespace(
            episode=episode, tick=0, invalid_reason="",
            output=SimpleNamespace(tokens=np.zeros((8, 3), np.float32), step=frame),
        )  # fmt: skip
        port = SimpleNamespace(new=lambda name: SimpleNamespace())
        maker = TokenMaker(port, make_spec(), "encoder", parse_sampler("uniform(3, seed=2)"))
        message = maker.make(outcome, header=None)
        assert list(message.token) == drawn[3 * episode + frame]


def test_a_policy_left_at_another_layer_gives_the_one_that_is_asked_for(tmp_path):
    class Layered(FakePolicy):
        layer = "encoder.layers.0"

        @property
        def tokens_layer(self) -> str:
            return self.layer

        def take_tokens(self, layer: str) -> None:
            self.layer = layer

    policy = Layered()
    collect(policy, Pictures(), parse_sampler("all"), tmp_path / "s")
    assert policy.layer == TokenStore(tmp_path / "s").info.layer == "encoder"


class Killed(BaseException):
    pass


@pytest.mark.parametrize("stop", [KeyboardInterrupt, Killed])
def test_a_stopped_collection_goes_on_and_gives_the_same(tmp_path, stop):
    sampler = parse_sampler("uniform(3, seed=2)")
    collect(FakePolicy(), Pictures(), sampler, tmp_path / "whole", shard_rows=11)
    count = 0

    def progress(episode: int, rows: int) -> None:
        nonlocal count
        count += 1
        if count == 5:
            raise stop

    with pytest.raises(stop):
        collect(
            FakePolicy(), Pictures(), sampler, tmp_path / "cut", shard_rows=11, progress=progress
        )
    source = Pictures()
    collect(FakePolicy(), source, sampler, tmp_path / "cut", shard_rows=11)
    assert source.asked_after is not None
    ours, theirs = stored(tmp_path / "cut"), stored(tmp_path / "whole")
    assert ours[1] == theirs[1]
    assert (ours[0] == theirs[0]).all()
    again = FakePolicy()
    assert "already" in collect(again, Pictures(), sampler, tmp_path / "cut", shard_rows=11)
    assert again.passes == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("within", ["shard", "observations", "manifest", "picture"])
def test_a_signal_while_something_is_written_cuts_nothing(tmp_path, monkeypatch, within, number):
    # Another test's node, or a shell that starts in the background, may have left SIGINT otherwise.
    before = {
        which: signal.signal(which, signal.default_int_handler)
        for which in (signal.SIGINT, signal.SIGTERM)
    }
    sampler = parse_sampler("all")
    count = 0

    def strike() -> None:
        nonlocal count
        count += 1
        if count == 2:
            os.kill(os.getpid(), number)

    def replace_struck(path, data) -> None:
        if path.name.startswith(within):
            strike()
        replace_file(path, data)

    def encode_struck(*arguments):
        if within == "picture":
            strike()
        return imencode(*arguments)

    replace_file, imencode = store_writer.replace_file, cv2.imencode
    try:
        with monkeypatch.context() as patch:
            patch.setattr(store_writer, "replace_file", replace_struck)
            patch.setattr(cv2, "imencode", encode_struck)
            with pytest.raises(KeyboardInterrupt):
                collect(
                    FakePolicy(), Pictures(), sampler, tmp_path / "s",
                    observations=True, shard_rows=16,
                )  # fmt: skip
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        kept = TokenStore(tmp_path / "s")
        assert 0 < kept.rows < 56
        assert len(list(kept.observations())) == kept.frames
        collect(FakePolicy(), Pictures(), sampler, tmp_path / "s", observations=True, shard_rows=16)
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)
    _, where = stored(tmp_path / "s")
    assert where == [(e, f, t) for e, n in enumerate((4, 3)) for f in range(n) for t in range(8)]
    for index, entry in enumerate(TokenStore(tmp_path / "s").shards):
        pack = load_file(tmp_path / "s" / entry.observations)
        assert len(pack["episode"]) == len(pack[STATE]) == len(pack[IMAGE + ".png_end"]), index


def test_a_manifest_that_cannot_be_written_lists_no_frame_twice(tmp_path, monkeypatch):
    replace_file, failed = store_writer.replace_file, []

    def full_once(path, data) -> None:
        if path.name == "manifest.json" and not failed:
            failed.append(path)
            raise SaeError("the disk is full")
        replace_file(path, data)

    monkeypatch.setattr(store_writer, "replace_file", full_once)
    with pytest.raises(SaeError, match="the disk is full"):
        collect(FakePolicy(), Pictures(), parse_sampler("all"), tmp_path / "s", shard_rows=16)
    collect(FakePolicy(), Pictures(), parse_sampler("all"), tmp_path / "s", shard_rows=16)
    _, where = stored(tmp_path / "s")
    assert where == [(e, f, t) for e, n in enumerate((4, 3)) for f in range(n) for t in range(8)]


def test_a_limit_ends_the_collection_and_a_higher_one_goes_on(tmp_path):
    sampler = parse_sampler("all")
    folder = tmp_path / "s"
    reason = collect(FakePolicy(), Pictures(), sampler, folder, max_rows=20)
    assert reason == "the limit of 20 tokens is reached"
    assert TokenStore(folder).rows == 16
    assert not TokenStore(folder).complete
    collect(FakePolicy(), Pictures(), sampler, folder)
    assert TokenStore(folder).rows == 56


def test_a_nan_ends_the_collection_with_its_place(tmp_path):
    # The first pass only tells the width.
    policy = FakePolicy(nan_at=6)
    with pytest.raises(SaeError, match="episode 1, frame 1: token 2 holds a value that is not"):
        collect(policy, Pictures(), parse_sampler("all"), tmp_path / "s")
    assert TokenStore(tmp_path / "s").rows == 40


def test_an_observation_that_the_policy_refuses_is_named(tmp_path):
    policy = FakePolicy(make_spec(((IMAGE, 32, 96),)))
    with pytest.raises(SaeError, match="episode 0, frame 0: the image has another size"):
        collect(policy, Pictures(), parse_sampler("all"), tmp_path / "s")
    assert not (tmp_path / "s").exists()


def test_an_empty_source_is_named(tmp_path):
    with pytest.raises(SaeError, match="pictures: there is no frame in it"):
        collect(FakePolicy(), Pictures(lengths=()), parse_sampler("all"), tmp_path / "s")


def test_roll_outs_are_the_same_again(tmp_path):
    # Not by import: the scene chooses MuJoCo's OpenGL before that.
    if find_spec("mujoco") is None:
        pytest.skip("mujoco is not installed")
    from pam_ros.sim.scene import CAMERA_NAMES

    cameras = tuple((f"observation.images.{name}", 224, 320) for name in CAMERA_NAMES)

    class Cropped(FakePolicy):
        def explain(self, observation):
            return super().explain(
                {n: v[:224] if v.ndim == 3 else v for n, v in observation.items()}
            )

        step = explain

    def frames(after, count):
        source = RolloutSource(Cropped(make_spec(cameras, 6)), range(500_000, 500_002))
        assert source.dataset == "demo arm driven by the policy, seeds 500000 to 500001"
        found = []
        for frame in source.frames(after):
            found.append(frame)
            if len(found) == count:
                break
        return found

    first = frames(None, 6)
    later = frames((500_000, 2), 3)
    assert [(f.episode, f.frame) for f in first] == [(500_000, i) for i in range(6)]
    assert [(f.episode, f.frame) for f in later] == [(500_000, i) for i in (3, 4, 5)]
    for ours, theirs in zip(first[3:], later, strict=True):
        assert (ours.tokens == theirs.tokens).all()
        for name, value in ours.observation.items():
            assert (theirs.observation[name] == value).all()


def test_a_simulator_that_is_missing_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "mujoco", None)
    with pytest.raises(SimError, match="the demo robot needs MuJoCo"):
        next(RolloutSource(FakePolicy(), range(2)).frames(None))


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
    with pytest.raises(SourceError, match="lacks /top/image_raw: it has /joint_states"):
        BagSource(FakePolicy(), [tmp_path / "bag"], str(contract))
    swapped = []
    for topic, kind, message, received in messages(3, SECOND):
        other = "/top/image_raw" if topic == "/joint_states" else "/joint_states"
        swapped.append((other, kind, message, received))
    write_bag(tmp_path / "swapped", swapped)
    words = "/top/image_raw must be sensor_msgs/msg/Image, not sensor_msgs/msg/JointState"
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
