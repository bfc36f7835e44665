# SPDX-License-Identifier: Apache-2.0
"""The sidecar over topics: features, lost ticks, refusals, and what its bag holds."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import rclpy
import yaml
from diagnostic_msgs.msg import DiagnosticArray
from pam_ros.msg import AttentionMap, SaeFeatures, TokenActivations
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from sensor_msgs.msg import JointState

from pam_ros.bags import BagReader, repair
from pam_ros.nodes.feature_thread import FeatureThread
from pam_ros.nodes.token_publisher import TOKEN_QOS
from pam_ros.sae.disk import load_sae
from pam_ros.sae.encoder import TickEncoder
from pam_ros.sae.errors import SaeError
from pam_ros.sae.ood import OodState
from pam_ros.sae.tokens import RowTable
from pam_ros.share import share_directory

sys.path.insert(0, str(Path(__file__).parent))
from sae_folder import FEATURES, POLICY, WIDTH, tokens_message, write_sae

TOKENS = "/act_attention/tokens"
FEATURES_TOPIC = "/sae_recorder/features"


class Sidecar:
    """The node under test in this process, and a peer that plays the attention node."""

    def __init__(self, node) -> None:
        self.node = node
        self.peer = rclpy.create_node("peer")
        self.features, self.reports = [], []
        self.tokens = self.peer.create_publisher(TokenActivations, TOKENS, TOKEN_QOS)
        self.peer.create_subscription(SaeFeatures, FEATURES_TOPIC, self.features.append, 50)
        self.peer.create_subscription(DiagnosticArray, "/diagnostics", self._on_report, 50)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(node)
        self._executor.add_node(self.peer)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()
        self.wait(lambda: self.tokens.get_subscription_count() > 0)
        self.wait(lambda: node._features.get_subscription_count() > 0)

    def tick(self, message) -> SaeFeatures:
        """One TokenActivations, and the features that come back."""
        before = len(self.features)
        self.tokens.publish(message)
        self.wait(lambda: len(self.features) > before)
        return self.features[-1]

    def wait(self, condition, seconds=20.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not happen in time"
            time.sleep(0.01)

    def close(self) -> None:
        self._executor.shutdown(timeout_sec=5.0)
        self._thread.join(timeout=5.0)
        self.node.close()
        self.node.destroy_node()
        self.peer.destroy_node()

    def _on_report(self, report) -> None:
        status = report.status[0]
        self.reports.append((status.level, status.message, {v.key: v.value for v in status.values}))

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            return


@pytest.fixture
def sae(tmp_path):
    write_sae(tmp_path / "sae")
    return tmp_path / "sae"


@pytest.fixture
def sidecar(domain, sae):
    """Starts the node with parameters."""
    from pam_ros.nodes.sae_recorder_node import SaeRecorderNode

    opened = []

    def start(**parameters) -> Sidecar:
        arguments = ["--ros-args"]
        for name, value in {"sae": sae, **parameters}.items():
            text = str(value).lower() if isinstance(value, bool) else str(value)
            arguments += ["-p", f"{name}:={text}"]
        rclpy.init(args=arguments)
        opened.append(Sidecar(SaeRecorderNode()))
        return opened[-1]

    yield start
    for one in opened:
        one.close()
    rclpy.try_shutdown()


def offline(sae, message, full_code=False):
    """The same tick encoded without any node."""
    rows = np.array(message.data, np.uint16).view(np.float16).reshape(-1, WIDTH)
    columns = (np.array(getattr(message, n)) for n in ("token", "kind", "camera", "row", "col"))
    return TickEncoder(load_sae(sae), full_code=full_code).encode(rows, RowTable(*columns))


def test_live_features_are_those_of_the_same_tokens_offline(sidecar, sae):
    message = tokens_message(7)
    features = sidecar().tick(message)
    expected = offline(sae, message)
    assert features.valid
    assert list(features.feature) == expected.index.tolist()
    assert list(features.maximum) == expected.maximum.tolist()
    assert list(features.peak_token) == expected.token.tolist()
    assert len(features.feature) > 3
    assert (features.tokens, features.dictionary_size) == (8, FEATURES)
    assert features.l0 == pytest.approx(expected.l0)
    assert features.mean_squared_error == pytest.approx(expected.mean_squared_error)
    for token, kind, camera, row, col in zip(
        features.peak_token,
        features.peak_kind,
        features.peak_camera,
        features.peak_row,
        features.peak_col,
        strict=True,
    ):
        assert kind == message.kind[token]
        assert (camera, row, col) == (message.camera[token], message.row[token], message.col[token])


def test_features_carry_what_identifies_their_tick(sidecar, sae):
    message = tokens_message(41)
    features = sidecar().tick(message)
    assert features.header == message.header
    assert (features.episode, features.tick) == (2, 41)
    assert (features.policy_name, features.policy_sha256) == ("act", POLICY)
    assert (features.sae_name, features.sae_sha256) == ("sae", load_sae(sae).sha256)
    assert (features.layer, features.sampler) == ("encoder", "all")
    assert features.camera_names == ["observation.images.top"]
    assert np.isnan(features.ood_score)
    assert not features.out_of_distribution


def test_the_whole_code_is_there_where_it_is_asked_for(sidecar, sae):
    message = tokens_message(3)
    features = sidecar(full_code=True).tick(message)
    expected = offline(sae, message, full_code=True).code
    assert list(features.code_offset) == expected.offset.tolist()
    assert list(features.code_feature) == expected.index.tolist()
    assert list(features.code_value) == expected.value.tolist()
    dense = np.zeros((8, FEATURES), np.float32)
    for row in range(8):
        entries = slice(features.code_offset[row], features.code_offset[row + 1])
        dense[row, features.code_feature[entries]] = features.code_value[entries]
    peaks = dense.max(axis=0)
    assert sorted(peaks[peaks > 0]) == sorted(features.maximum)


def test_without_being_asked_for_there_is_no_code(sidecar):
    assert len(sidecar().tick(tokens_message(0)).code_offset) == 0


def test_lost_ticks_are_counted_by_their_numbers_and_reported(sidecar):
    robot = sidecar()
    # The first one is not the policy's first tick: nobody listened before.
    assert [robot.tick(tokens_message(t)).lost_ticks for t in (10, 11, 15, 16)] == [0, 0, 3, 3]
    robot.wait(lambda: any("3 ticks lost" in text for _, text, _ in robot.reports))
    robot.wait(lambda: robot.reports[-1][2]["lost_ticks"] == "3")
    # The policy starts anew.
    assert robot.tick(tokens_message(0)).lost_ticks == 3
    assert robot.tick(tokens_message(2)).lost_ticks == 4


def test_activations_that_are_not_finite_give_an_invalid_message_and_the_node_goes_on(sidecar):
    robot = sidecar()
    rows = np.ones((8, WIDTH))
    for bad in (np.nan, np.inf, -np.inf):
        rows[4, 5] = bad
        features = robot.tick(tokens_message(1, rows))
        assert not features.valid
        assert "layer encoder is not finite" in features.invalid_reason
        assert len(features.feature) == 0
        assert np.isnan(features.explained_variance)
    marked = TokenActivations(tick=2, policy_sha256=POLICY, invalid_reason="inference skipped: ...")
    assert robot.tick(marked).invalid_reason == "inference skipped: ..."
    assert robot.tick(tokens_message(3)).valid


def test_arrays_that_do_not_fit_are_named(sidecar):
    robot = sidecar()
    message = tokens_message(1)
    message.width = WIDTH + 1
    assert "64 values for 8 rows of 9" in robot.tick(message).invalid_reason
    message = tokens_message(2)
    message.col = message.col[:-1]
    assert "col has not 8 entries" in robot.tick(message).invalid_reason
    empty = tokens_message(3, np.zeros((0, WIDTH)))
    empty.kind = empty.camera = empty.row = empty.col = []
    assert "0 values" in robot.tick(empty).invalid_reason


def test_another_policy_layer_or_width_is_refused_with_both_names_until_the_right_one_comes(
    sidecar,
):
    robot = sidecar()
    other = "b" * 64
    features = robot.tick(tokens_message(0, policy=other))
    assert not features.valid
    assert POLICY in features.invalid_reason
    assert other in features.invalid_reason
    robot.wait(lambda: any(level == b"\x02" and other in text for level, text, _ in robot.reports))
    reason = robot.tick(tokens_message(1, layer="encoder.layers.0")).invalid_reason
    assert "encoder.layers.0" in reason
    reason = robot.tick(tokens_message(2, np.ones((8, WIDTH + 2)))).invalid_reason
    assert f"{WIDTH} values" in reason
    assert robot.tick(tokens_message(3)).valid


def test_the_bag_holds_features_maps_and_commands(sidecar, tmp_path):
    contract = "demo_arm"
    robot = sidecar(bag=tmp_path / "bag", contract=contract)
    maps = robot.peer.create_publisher(AttentionMap, "/act_attention/attention", 10)
    commands = robot.peer.create_publisher(JointState, "/joint_commands", 10)
    robot.wait(lambda: maps.get_subscription_count() > 0 and commands.get_subscription_count() > 0)
    for tick in range(5):
        robot.tick(tokens_message(tick))
        maps.publish(AttentionMap(tick=tick))
        commands.publish(JointState(name=["a"], position=[float(tick)]))
    topics = ("/act_attention/attention", "/joint_commands", FEATURES_TOPIC)
    robot.wait(lambda: [robot.node._writer.counts.get(topic) for topic in topics] == [5, 5, 5])
    robot.node.close()
    with BagReader(tmp_path / "bag") as reader:
        found = [reader.decode(message) for message in reader.messages([FEATURES_TOPIC])]
        assert [message.tick for message in found] == [0, 1, 2, 3, 4]
        assert all(message.valid and len(message.feature) for message in found)
        kinds = {name: (topic.type, topic.count) for name, topic in reader.topics.items()}
        assert kinds["/act_attention/attention"] == ("pam_ros/msg/AttentionMap", 5)
        assert kinds["/joint_commands"] == ("sensor_msgs/msg/JointState", 5)
        assert "/top/image_raw" not in kinds


class CountingDetector:
    """Scores 1, 2, 3, ... since the episode began; flags above 2."""

    def __init__(self) -> None:
        self.count = 0

    def reset(self) -> None:
        self.count = 0

    def update(self, rows, table, features) -> OodState:
        assert len(rows) == len(table) == len(features.code.offset) - 1
        self.count += 1
        return OodState(float(self.count), self.count > 2, 2.0, "top error")


def test_a_detector_scores_ticks_of_its_sampler_and_forgets_at_each_episode(
    sidecar, sae, monkeypatch
):
    from pam_ros.nodes import feature_encoding

    def load(folder, sae, policy_sha256=None, layer=None, sampler=None):
        if sampler not in {None, "all"}:
            raise SaeError(f"the detector was fitted on sampler all, not {sampler}")
        return CountingDetector()

    (sae / "ood.json").write_text("{}")
    monkeypatch.setattr(feature_encoding, "load_detector", load)
    robot = sidecar()
    seen = [robot.tick(tokens_message(tick)) for tick in range(3)]
    assert [message.ood_score for message in seen] == [1.0, 2.0, 3.0]
    assert [message.out_of_distribution for message in seen] == [False, False, True]
    assert seen[0].ood_threshold == 2.0
    assert len(seen[0].code_offset) == 0
    robot.wait(lambda: any("training set: top error" in text for _, text, _ in robot.reports))
    episode = tokens_message(3)
    episode.episode = 3
    assert robot.tick(episode).ood_score == 1.0
    other = tokens_message(4)
    other.sampler = "stride(2)"
    message = robot.tick(other)
    assert message.valid
    assert np.isnan(message.ood_score)
    robot.wait(
        lambda: "not stride(2)" in robot.reports[-1][2].get("no_out_of_distribution_score", "")
    )


def test_a_full_disk_is_reported_and_costs_no_feature(sidecar, tmp_path, monkeypatch):
    robot = sidecar(bag=tmp_path / "bag")
    robot.tick(tokens_message(0))
    time.sleep(0.5)
    pwrite = os.pwrite

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    robot.wait(lambda: robot.node._writer.trouble or robot.tick(tokens_message(1)) is None)
    assert robot.tick(tokens_message(2)).valid
    robot.wait(
        lambda: any(
            level == b"\x02" and "No space left" in text for level, text, _ in robot.reports
        )
    )
    robot.wait(lambda: int(robot.reports[-1][2]["not_recorded"]) > 0)
    monkeypatch.setattr(os, "pwrite", pwrite)
    robot.wait(lambda: not robot.node._writer.trouble)
    robot.tick(tokens_message(3))
    robot.node.close()
    with BagReader(tmp_path / "bag") as reader:
        ticks = [reader.decode(message).tick for message in reader.messages()]
    assert (ticks[0], ticks[-1]) == (0, 3)
    assert 2 not in ticks


def test_a_thread_that_falls_behind_drops_the_oldest_and_never_holds_up_the_caller():
    go, done = threading.Event(), []

    def work(item):
        go.wait(10)
        done.append(item)

    thread = FeatureThread(work, depth=3)
    thread.put(0)
    while thread.waiting():
        time.sleep(0.001)
    begin = time.perf_counter()
    for item in range(1, 11):
        thread.put(item)
    assert time.perf_counter() - begin < 0.5
    assert thread.dropped == 7
    go.set()
    thread.close()
    assert done == [0, 8, 9, 10]


@pytest.mark.parametrize(
    ("storage", "kill"), [("mcap", signal.SIGTERM), ("sqlite3", signal.SIGKILL)]
)
def test_the_process_closes_its_bag_on_sigterm_and_leaves_a_repairable_one_when_killed(
    domain, sae, tmp_path, storage, kill
):
    bag = tmp_path / "bag"
    command = [sys.executable, "-m", "pam_ros.cli", "run", "sae_recorder", "--ros-args"]
    command += ["-p", f"sae:={sae}", "-p", f"bag:={bag}", "-p", f"storage:={storage}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    rclpy.init(args=[])
    peer = rclpy.create_node("peer")
    received = []
    try:
        tokens = peer.create_publisher(TokenActivations, TOKENS, TOKEN_QOS)
        peer.create_subscription(SaeFeatures, FEATURES_TOPIC, received.append, 50)
        end = time.monotonic() + 120
        tick = 0
        while len(received) < 30:
            assert time.monotonic() < end
            tokens.publish(tokens_message(tick))
            tick += 1
            rclpy.spin_once(peer, timeout_sec=0.02)
        time.sleep(0.6)
        process.send_signal(kill)
        process.wait(30)
        assert "Traceback" not in process.stderr.read().decode()
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
        peer.destroy_node()
        rclpy.try_shutdown()
    if kill == signal.SIGTERM:
        assert process.returncode == 0
        assert (bag / "metadata.yaml").is_file()
        assert not repair(bag).changed
    else:
        assert repair(bag).changed
    with BagReader(bag) as reader:
        ticks = [reader.decode(message).tick for message in reader.messages([FEATURES_TOPIC])]
    # Sent over half a second before the end, so in the file.
    assert {message.tick for message in received} <= set(ticks)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({}, ["'sae'"]),
        ({"sae": "SAE", "storage": "zip"}, ["storage", "mcap", "sqlite3"]),
        ({"sae": "SAE", "saee": "x"}, ["saee", "did you mean 'sae'"]),
        ({"sae": "SAE", "images": "true"}, ["'images'", "'contract'"]),
        ({"sae": "SAE", "contract": "so999"}, ["so999", "demo_arm"]),
        ({"sae": "NOWHERE"}, ["nowhere", "cfg.json"]),
        ({"sae": "DAMAGED"}, ["damaged", "sae_weights"]),
        ({"sae": "SAE", "bag": "EXISTING"}, ["exists already"]),
    ],
)
def test_what_a_user_can_mend_is_one_sentence_at_start_up(domain, sae, tmp_path, parameters, words):
    from pam_ros.nodes.sae_recorder_node import ERRORS, SaeRecorderNode

    places = {"SAE": sae, "NOWHERE": tmp_path / "nowhere", "DAMAGED": tmp_path / "damaged"}
    places["EXISTING"] = tmp_path
    write_sae(tmp_path / "damaged")
    weights = tmp_path / "damaged" / "sae_weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    arguments = ["--ros-args"]
    for name, value in parameters.items():
        arguments += ["-p", f"{name}:={places.get(value, value)}"]
    rclpy.init(args=arguments)
    try:
        with pytest.raises(ERRORS) as raised:
            SaeRecorderNode()
    finally:
        rclpy.try_shutdown()
    for word in words:
        assert word in str(raised.value)


def test_the_process_ends_with_that_sentence_alone(run_node, tmp_path):
    status, errors = run_node("sae_recorder", sae=tmp_path / "nowhere")
    assert status == 1
    assert "Traceback" not in errors
    assert "pam_ros: " in errors
    assert "cfg.json" in errors


def test_the_parameter_file_holds_every_parameter_with_its_default():
    from pam_ros.nodes.sae_recorder_node import TABLE

    text = (share_directory() / "config" / "sae_recorder.yaml").read_text()
    given = yaml.safe_load(text)["/**/sae_recorder"]["ros__parameters"]
    assert given == {p.name: p.default for p in TABLE if p.name != "sae"}
    assert "# sae:" in text
