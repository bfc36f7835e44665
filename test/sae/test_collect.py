# SPDX-License-Identifier: Apache-2.0
"""Tokens collected from a source: stored, stopped, gone on with, refused."""

from __future__ import annotations

import os
import signal
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from fake_sources import IMAGE, STATE, FakePolicy, Pictures, make_spec, stored
from safetensors.numpy import load_file

from pam_ros.sae.collect.collector import collect
from pam_ros.sae.errors import SaeError
from pam_ros.sae.store import writer as store_writer
from pam_ros.sae.store.token_store import TokenStore
from pam_ros.sae.store.tokens import parse_sampler
from pam_ros.tick.token_activations import TokenMaker


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
