# SPDX-License-Identifier: Apache-2.0
"""When the benchmarks of recording fail, and what they record."""

from __future__ import annotations

import argparse
import os
import random
from dataclasses import replace

import numpy as np
import pytest

from bench import full_disk, kills, sidecar
from bench.random_sae import write_random_sae
from bench.sidecar_processes import FEATURES_TOPIC, MAP_TOPICS
from pam_ros.bags import BagWriter
from pam_ros.sae.disk import load_sae
from pam_ros.sae.encoder import TickEncoder
from pam_ros.sae.store.tokens import RowTable

WHOLE = {
    "sent": {"ticks": 100},
    "first_tick": 3,
    "features": 97,
    "valid": 97,
    "lost_ticks": 0,
    "missing_in_bag": 0,
}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"lost_ticks": 2}, "2 ticks lost"),
        ({"features": 90, "valid": 90}, "90 features recorded of 97 ticks since the first"),
        ({"missing_in_bag": 1}, "1 ticks missing between the first and the last in the bag"),
        ({"valid": 95}, "2 features invalid"),
    ],
)
def test_a_sidecar_passes_with_every_tick_valid_in_the_bag_and_not_otherwise(change, sentence):
    assert sidecar.shortcomings(WHOLE) == []
    assert sidecar.shortcomings({**WHOLE, **change}) == [sentence]


def test_a_disk_is_full_at_most_a_second_and_a_half_after_the_last_tick_recorded():
    good = {"sentence": "No space left on device", "last_before_full_s": 1.2}
    good |= dict.fromkeys(("alive", "readable", "all_before_is_there"), True)
    assert full_disk.kept(good)
    assert not full_disk.kept({**good, "last_before_full_s": 1.6})
    assert not full_disk.kept({**good, "alive": False})


def test_a_kill_fails_by_an_unreadable_bag_a_second_lost_or_a_gap():
    good = kills.Kill("mcap", 1.0, True, 50, 0.2, 0, None)
    assert not kills.failed(good)
    for change in ({"readable": False}, {"lost_s": 1.01}, {"gaps": 1}, {"gaps": -1}):
        assert kills.failed(replace(good, **change))


@pytest.mark.parametrize("begun", [True, False])
def test_a_recorder_that_ended_by_itself_is_a_failure(tmp_path, monkeypatch, begun):
    def ends(*_):
        process = os.fork()
        if not process:
            os._exit(1)
        os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
        return process

    monkeypatch.setattr(kills, "_fork", ends)
    monkeypatch.setattr(kills, "_wait_for_bytes", lambda *_: begun)
    options = argparse.Namespace(longest=0.0, rate=30.0, ros2=None, ros2_every=1)
    kill = kills.one(options, tmp_path, 0, random.Random(0))
    assert kill is not None
    assert kills.failed(kill)


def test_a_bag_that_had_messages_and_has_none_is_a_failure(tmp_path, monkeypatch):
    def sleeps(_, bag, storage):
        BagWriter(bag, storage).close()
        process = os.fork()
        if not process:
            os.execlp("sleep", "sleep", "60")
        return process

    monkeypatch.setattr(kills, "_fork", sleeps)
    monkeypatch.setattr(kills, "_wait_for_bytes", lambda *_: True)
    options = argparse.Namespace(longest=0.0, rate=30.0, ros2=None, ros2_every=1)
    assert kills.failed(kills.one(options, tmp_path, 0, random.Random(0)))
    # Killed at the bag's first byte, it may have had none.
    assert not kills.failed(kills.one(options, tmp_path, 4, random.Random(0)))


def test_a_topic_of_which_nothing_is_left_has_lost_everything(tmp_path):
    second, start = 10**9, 10**18
    with BagWriter(tmp_path / "bag") as writer:
        for topic in (FEATURES_TOPIC, *MAP_TOPICS)[1:]:
            writer.add_topic(topic, "std_msgs/msg/Empty")
            for index in range(40):
                writer.write(topic, b"\0\1\0\0\0", start + index * second // 10)
    _, lost, _ = kills._in_bag(tmp_path / "bag", start + 4 * second, 10.0)
    assert lost == pytest.approx(3.9)


@pytest.mark.parametrize(("architecture", "within"), [("topk", 0.0), ("jumprelu", 1.0)])
def test_the_random_sae_has_the_architecture_and_sparsity_asked_for(tmp_path, architecture, within):
    write_random_sae(tmp_path / "sae", "0" * 64, "encoder", 32, 256, 8.0, architecture)
    sae = load_sae(tmp_path / "sae")
    assert sae.cfg.architecture == architecture
    rows = np.random.default_rng(1).standard_normal((500, 32)).astype(np.float16)
    columns = [np.zeros(500, np.int16)] * 5
    found = TickEncoder(sae).encode(rows, RowTable(*columns))
    assert found.l0 == pytest.approx(8.0, abs=within + 1e-9)


def test_the_source_sends_a_map_with_a_cell_for_every_image_token():
    from pam_ros.share.folders import share_directory
    from rclpy_cyclone import install

    install(interfaces={"pam_ros": share_directory() / "msg"})
    from bench.token_source import attention_map

    shown = attention_map(602, 0)
    assert [(c.rows, c.cols, len(c.cells)) for c in shown.cameras] == [(15, 20, 300)] * 2
    odd = attention_map(67, 0)
    assert sum(len(camera.cells) for camera in odd.cameras) == 65
    assert all(len(camera.cells) == camera.rows * camera.cols for camera in odd.cameras)
