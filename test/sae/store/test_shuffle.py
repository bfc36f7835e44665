# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from itertools import islice

import numpy as np
import pytest
import torch
from planted_tokens import make_store
from safetensors.numpy import load_file, save_file

from pam_ros.sae.errors import SaeError
from pam_ros.sae.store.shuffle import ShuffledTokens
from pam_ros.sae.store.token_store import TokenStore


@pytest.fixture
def store(tmp_path):
    """Row i holds the number i, 600 rows in 12 shards of 50."""
    numbers = np.arange(600).reshape(60, 10, 1)
    return make_store(tmp_path / "s", np.repeat(numbers, 2, axis=2), shard_rows=50)


def numbers(batches) -> list[int]:
    return torch.cat(list(batches))[:, 0].int().tolist()


@pytest.mark.parametrize("pool_rows", [50, 170, 10_000])
def test_an_epoch_has_every_row_once_in_another_order_each(store, pool_rows):
    assert len(store.shards) == 12
    reader = ShuffledTokens([store], 40, pool_bytes=4 * pool_rows)
    batches = iter(reader)
    first = numbers(islice(batches, 15))
    second = numbers(islice(batches, 15))
    assert sorted(first) == sorted(second) == list(range(600))
    assert first != second


def test_batches_mix_the_shards_of_a_pool(store):
    (batch,) = islice(ShuffledTokens([store], 100, pool_bytes=4 * 300), 1)
    shards = {number // 50 for number in numbers([batch])}
    assert len(shards) == 6


def test_every_shard_is_read_once_per_epoch(store, monkeypatch):
    read: list[int] = []
    original = TokenStore.read_tokens

    def counted(self, index, out):
        read.append(index)
        original(self, index, out)

    monkeypatch.setattr(TokenStore, "read_tokens", counted)
    list(islice(ShuffledTokens([store], 60, pool_bytes=4 * 170), 10))
    assert sorted(read) == list(range(12))


def test_memory_is_bounded_by_the_pool(store):
    reader = ShuffledTokens([store], 40, pool_bytes=4 * 170)
    assert reader._memory.nbytes == 4 * 170


@pytest.mark.parametrize("used", [1, 7, 14, 15, 23])
def test_a_reader_at_a_position_goes_on_with_the_same_batches(store, used):
    reader = ShuffledTokens([store], 37, seed=5, pool_bytes=4 * 170)
    batches = iter(reader)
    list(islice(batches, used))
    position = reader.position
    wanted = list(islice(batches, 20))
    again = ShuffledTokens([store], 37, seed=5, pool_bytes=4 * 170, position=position)
    for batch, other in zip(wanted, again, strict=False):
        assert torch.equal(batch, other)


def test_the_seed_makes_the_order(store):
    def first(seed):
        return numbers(islice(ShuffledTokens([store], 100, seed=seed), 1))

    assert first(1) == first(1)
    assert first(1) != first(2)


def test_stores_are_read_together(tmp_path, store):
    other = make_store(tmp_path / "t", np.full((6, 10, 2), 1000.0), dataset="more")
    reader = ShuffledTokens([store, other], 660)
    assert sorted(numbers(islice(reader, 1))) == list(range(600)) + [1000] * 60


def test_stores_of_two_policies_are_refused(tmp_path, store):
    other = make_store(tmp_path / "t", np.zeros((2, 10, 2)), policy_sha256="b" * 64)
    with pytest.raises(SaeError, match=f"has policy_sha256 {'b' * 64}, but .* has {'a' * 64}"):
        ShuffledTokens([store, other], 10)


def test_fewer_rows_than_a_batch_are_refused(store):
    with pytest.raises(SaeError, match="holds 600 tokens: a batch of 601 needs at least that"):
        ShuffledTokens([store], 601)


def test_a_nan_in_the_tokens_is_refused(store):
    path = store.folder / "shard-00003.safetensors"
    arrays = load_file(path)
    arrays["tokens"][5, 1] = np.nan
    save_file(arrays, path)
    with pytest.raises(SaeError, match=r"shard-00003\.safetensors: row 5 holds a value"):
        list(islice(ShuffledTokens([store], 60), 10))


def test_sizes_that_the_shards_do_not_have_take_no_memory(tmp_path):
    make_store(tmp_path / "s", np.ones((4, 5, 4)))
    path = tmp_path / "s" / "manifest.json"
    content = json.loads(path.read_text())
    content["shards"][0]["rows"] = 10**15
    path.write_text(json.dumps(content))
    with pytest.raises(SaeError, match="is not the shard of 1000000000000000 rows"):
        ShuffledTokens([TokenStore(tmp_path / "s")], 2, pool_bytes=1 << 62)
