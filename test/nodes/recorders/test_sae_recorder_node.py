# SPDX-License-Identifier: Apache-2.0
"""The sidecar over topics: its features, what it counts and what it reports."""

import time

import numpy as np
import pytest
import rclpy
import yaml
from sae_folder import FEATURES, POLICY, tokens_message
from sidecar_robot import FEATURES_TOPIC, TOKENS, offline

from pam_ros.msg import SaeFeatures, TokenActivations
from pam_ros.nodes.act.token_publisher import TOKEN_QOS
from pam_ros.sae.disk import load_sae
from pam_ros.share.folders import share_directory


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


def test_a_tick_that_comes_late_is_encoded_and_was_not_lost(sidecar, sae):
    robot = sidecar()
    seen = [robot.tick(tokens_message(tick)) for tick in (10, 12, 13, 11, 14)]
    assert [(one.tick, one.lost_ticks) for one in seen] == [
        (10, 0), (12, 1), (13, 1), (11, 0), (14, 0),
    ]  # fmt: skip
    assert list(seen[3].feature) == offline(sae, tokens_message(11)).index.tolist()
    before = len(robot.reports)
    robot.wait(lambda: len(robot.reports) > before + 2)
    assert robot.reports[-1][2]["lost_ticks"] == "0"
    assert not any("lost" in text for _, text, _ in robot.reports[before:])


def test_what_comes_while_the_process_stands_still_waits(domain, sae):
    from pam_ros.nodes.recorders.sae_node import SaeRecorderNode

    rclpy.init(args=["--ros-args", "-p", f"sae:={sae}", "-p", "queue:=40"])
    node, peer = SaeRecorderNode(), rclpy.create_node("peer")
    received = []
    try:
        tokens = peer.create_publisher(TokenActivations, TOKENS, TOKEN_QOS)
        peer.create_subscription(SaeFeatures, FEATURES_TOPIC, received.append, 50)
        end = time.monotonic() + 60
        while not (tokens.get_subscription_count() and node._features.get_subscription_count()):
            assert time.monotonic() < end
            time.sleep(0.01)
        # Nobody spins: no callback runs.
        for tick in range(40):
            tokens.publish(tokens_message(tick))
        while len(received) < 40:
            assert time.monotonic() < end
            rclpy.spin_once(node, timeout_sec=0.01)
            rclpy.spin_once(peer, timeout_sec=0.01)
    finally:
        node.close()
        node.destroy_node()
        peer.destroy_node()
        rclpy.try_shutdown()
    assert [message.tick for message in received] == list(range(40))
    assert received[-1].lost_ticks == 0


def test_the_parameter_file_holds_every_parameter_with_its_default():
    from pam_ros.nodes.recorders.sae_parameters import TABLE

    text = (share_directory() / "config" / "sae_recorder.yaml").read_text()
    given = yaml.safe_load(text)["/**/sae_recorder"]["ros__parameters"]
    assert given == {p.name: p.default for p in TABLE if p.name != "sae"}
    assert "# sae:" in text
