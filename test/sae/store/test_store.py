# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from planted_tokens import make_store, store_info, table
from safetensors.numpy import load_file, save_file

from pam_ros.sae.errors import SaeError
from pam_ros.sae.store.token_store import TokenStore
from pam_ros.sae.store.tokens import AllTokens
from pam_ros.sae.store.writer import TokenWriter

CELLS = table((1, 3))


def rows_of(seed: int, width: int = 4):
    return np.random.default_rng(seed).normal(size=(5, width)).astype(np.float32)


def add(writer: TokenWriter, episode: int, frame: int, rows=None, observation=None) -> None:
    rows = rows_of(100 * episode + frame) if rows is None else rows
    writer.add(episode, frame, *AllTokens().sample(rows, CELLS), observation)


def test_what_is_written_is_read_with_where_it_came_from(tmp_path):
    ticks = np.random.default_rng(0).normal(size=(25, 5, 4))
    store = make_store(tmp_path / "store", ticks, shard_rows=33)
    assert (store.rows, store.frames, store.complete) == (125, 25, True)
    assert len(store.shards) == 5
    shards = [store.read(index) for index in range(5)]
    tokens = np.concatenate([shard.tokens for shard in shards])
    assert (tokens == ticks.reshape(-1, 4).astype(np.float32).astype(np.float16)).all()
    where = {
        name: np.concatenate([getattr(shard, name) for shard in shards])
        for name in ("episode", "frame", "token", "kind", "camera", "row", "col")
    }
    assert where["episode"].tolist() == [frame // 10 for frame in range(25) for _ in range(5)]
    assert where["frame"].tolist() == [frame % 10 for frame in range(25) for _ in range(5)]
    assert where["token"].tolist() == list(range(5)) * 25
    assert where["col"].tolist() == [-1, -1, 0, 1, 2] * 25
    assert where["camera"].tolist() == [-1, -1, 0, 0, 0] * 25


def test_tokens_alone_are_the_same(tmp_path):
    store = make_store(tmp_path / "store", np.random.default_rng(0).normal(size=(8, 5, 4)))
    out = np.empty((40, 4), np.float16)
    store.read_tokens(0, out)
    assert (out == store.read(0).tokens).all()


def test_a_killed_writer_goes_on_after_its_last_shard(tmp_path):
    folder = tmp_path / "store"
    code = f"""
import os, sys
sys.path.insert(0, {str(tmp_path.parent)!r})
import numpy as np
from pam_ros.sae.store.manifest import StoreInfo
from pam_ros.sae.store.writer import TokenWriter
from pam_ros.sae.store.tokens import RowTable
info = StoreInfo(**{store_info(4, 5).__dict__!r})
writer = TokenWriter({str(folder)!r}, info, shard_rows=20)
one = np.zeros(5, np.int16)
for frame in range(11):
    table = RowTable(one.astype(np.uint32), one.astype(np.uint8), one, one, one)
    writer.add(0, frame, np.full((5, 4), frame, np.float32), table)
(writer.folder / "shard-00002.safetensors.part").write_bytes(b"half")
(writer.folder / "shard-00007.safetensors").write_bytes(b"renamed, never listed")
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == -9
    with TokenWriter(folder, store_info(4, 5), shard_rows=20) as writer:
        assert writer.last == (0, 7)
        for frame in range(8, 11):
            add(writer, 0, frame, np.full((5, 4), frame, np.float32))
        writer.finish()
    store = TokenStore(folder)
    values = np.concatenate([store.read(i).tokens[:, 0] for i in range(len(store.shards))])
    assert values.tolist() == [frame for frame in range(11) for _ in range(5)]
    assert not list(folder.glob("*.part"))
    assert not (folder / "shard-00007.safetensors").exists()


def test_two_writers_do_not_share_a_folder(tmp_path):
    with (
        TokenWriter(tmp_path / "s", store_info(4, 5)),
        pytest.raises(SaeError, match="another process collects into"),
    ):
        TokenWriter(tmp_path / "s", store_info(4, 5))


def test_other_tokens_are_not_mixed_in(tmp_path):
    make_store(tmp_path / "s", np.zeros((2, 5, 4)))
    with pytest.raises(SaeError, match=f"policy_sha256 is '{'a' * 64}', not '{'b' * 64}'"):
        TokenWriter(tmp_path / "s", store_info(4, 5, policy_sha256="b" * 64))
    with pytest.raises(SaeError, match=r"sampler is 'all', not 'stride\(2\)'"):
        TokenWriter(tmp_path / "s", store_info(4, 5, sampler="stride(2)"))


def test_a_folder_with_other_things_is_left_alone(tmp_path):
    (tmp_path / "holiday.jpg").write_bytes(b"")
    with pytest.raises(SaeError, match=r"holds holiday\.jpg: name a new folder"):
        TokenWriter(tmp_path, store_info(4, 5))
    assert [file.name for file in tmp_path.iterdir() if file.name != ".lock"] == ["holiday.jpg"]


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e5])
def test_a_value_that_float16_cannot_hold_is_refused_and_named(tmp_path, bad):
    rows = rows_of(0)
    rows[3, 1] = bad
    with TokenWriter(tmp_path / "s", store_info(4, 5)) as writer:
        add(writer, 7, 0)
        with pytest.raises(SaeError, match="episode 7, frame 1: token 3 holds a value that is not"):
            add(writer, 7, 1, rows)
        writer.flush()
    assert TokenStore(tmp_path / "s").rows == 5


def test_the_limits_hold(tmp_path):
    with TokenWriter(tmp_path / "rows", store_info(4, 5), shard_rows=20, max_rows=52) as writer:
        frame = 0
        while not writer.full:
            add(writer, 0, frame)
            frame += 1
        writer.flush()
    assert TokenStore(tmp_path / "rows").rows == 50
    limit = 20_000
    info = store_info(4, 5, keeps_observations=True)
    with TokenWriter(tmp_path / "bytes", info, shard_rows=40, max_bytes=limit) as writer:
        rng = np.random.default_rng(0)
        frame = 0
        while not writer.full:
            picture = rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)
            add(writer, 0, frame, observation={"camera0": picture})
            frame += 1
        writer.flush()
    size = sum(file.stat().st_size for file in (tmp_path / "bytes").iterdir())
    assert limit / 2 < size < limit + 4000


def test_observations_come_back_pixel_for_pixel(tmp_path):
    rng = np.random.default_rng(0)
    seen = [
        {
            "camera0": rng.integers(0, 256, (6, 9, 3), dtype=np.uint8),
            "observation.state": rng.normal(size=3).astype(np.float32),
        }
        for _ in range(7)
    ]
    info = store_info(4, 5, keeps_observations=True)
    with TokenWriter(tmp_path / "s", info, shard_rows=15) as writer:
        for frame, observation in enumerate(seen):
            add(writer, 2, frame, observation=observation)
        writer.finish()
    store = TokenStore(tmp_path / "s")
    for found, wanted in zip(store.observations(), seen, strict=True):
        assert found.episode == 2
        for name, value in wanted.items():
            assert (found.observation[name] == value).all()
            assert found.observation[name].dtype == value.dtype
    assert [frame.frame for frame in store.observations([1, 5])] == [1, 5]


def test_a_store_without_observations_says_so(tmp_path):
    store = make_store(tmp_path / "s", np.zeros((2, 5, 4)))
    with pytest.raises(SaeError, match="collect with --observations"):
        next(store.observations())


def test_no_store_and_an_empty_one_are_named(tmp_path):
    with pytest.raises(SaeError, match=r"is no store of tokens: it has no manifest\.json"):
        TokenStore(tmp_path)
    TokenWriter(tmp_path / "s", store_info(4, 5)).finish()
    with pytest.raises(SaeError, match="holds no tokens yet"):
        TokenStore(tmp_path / "s")


def test_damage_is_one_sentence(tmp_path):
    folder = tmp_path / "s"
    ticks = np.random.default_rng(0).normal(size=(8, 5, 4))

    def spoil(change) -> TokenStore:
        for file in folder.glob("*"):
            file.unlink()
        make_store(folder, ticks)
        change(folder / "shard-00000.safetensors")
        return TokenStore(folder)

    out = np.empty((40, 4), np.float16)
    cut = spoil(lambda path: path.write_bytes(path.read_bytes()[:200]))
    with pytest.raises(SaeError, match=r"is damaged|is not the shard"):
        cut.read(0)
    empty = spoil(lambda path: path.write_bytes(b""))
    with pytest.raises(SaeError, match="is damaged"):
        empty.read_tokens(0, out)
    huge = spoil(lambda path: path.write_bytes(b"\xff" * 8 + path.read_bytes()[8:]))
    with pytest.raises(SaeError, match=r"is damaged|is not the shard"):
        huge.read_tokens(0, out)

    def fewer(path) -> None:
        arrays = load_file(path)
        save_file({name: array[:-5] for name, array in arrays.items()}, path)

    with pytest.raises(SaeError, match="is not the shard of 40 rows"):
        spoil(fewer).read(0)

    def poisoned(path) -> None:
        arrays = load_file(path)
        arrays["tokens"][17, 2] = np.nan
        save_file(arrays, path)

    with pytest.raises(SaeError, match="row 17 holds a value that is not finite"):
        spoil(poisoned).read_tokens(0, out)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m["shards"][0].update(file="../../secret"),
        lambda m: m["shards"][0].update(rows=-1),
        lambda m: m["shards"][0].update(rows="many"),
        lambda m: m["shards"][0].update(last=[float("inf"), 0]),
        lambda m: m["info"].update(width=0),
        lambda m: m["info"].pop("layer"),
        lambda m: m.update(shards=3),
        lambda m: m.update(format="other"),
    ],
)
def test_a_manifest_that_lies_is_refused(tmp_path, change):
    make_store(tmp_path / "s", np.zeros((2, 5, 4)))
    path = tmp_path / "s" / "manifest.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(SaeError, match=r"manifest\.json is (damaged|of format)"):
        TokenStore(tmp_path / "s")


def test_a_manifest_that_is_no_json_is_refused(tmp_path):
    make_store(tmp_path / "s", np.zeros((2, 5, 4)))
    for text in ("", "[" * 100_000, "\x00"):
        (tmp_path / "s" / "manifest.json").write_text(text)
        with pytest.raises(SaeError, match=r"manifest\.json is damaged"):
            TokenStore(tmp_path / "s")
