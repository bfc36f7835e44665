# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from planted_tokens import layout

from pam_ros.sae.ood.still import StillCameras
from pam_ros.sae.store.tokens import RowTable, parse_sampler, token_table

CELLS = slice(2, 14)
TABLE = token_table(layout((3, 4), (3, 4)))
SPREAD = np.full(len(TABLE), 4.0, np.float32)


def ticks(joints, seed: int = 0) -> np.ndarray:
    """(ticks, T, 8) float32: the joint's token is (joint, 0, ...), the pictures are noise."""
    tokens = np.random.default_rng(seed).normal(size=(len(joints), len(TABLE), 8))
    tokens[:, 1] = 0
    tokens[:, 1, 0] = joints
    return tokens.astype(np.float16).astype(np.float32)


def watch(tokens, sampler: str = "all", table=TABLE) -> np.ndarray:
    """What StillCameras says after each tick, (ticks, 2)."""
    still = StillCameras(2, SPREAD)
    chosen = parse_sampler(sampler)
    return np.array([still.update(*chosen.sample(t, table, n)) for n, t in enumerate(tokens)])


@pytest.mark.parametrize("sampler", ["all", "stride(2)", "block(2x2)"])
def test_it_is_the_joints_way_since_the_picture_changed_in_units_of_what_is_usual(sampler):
    joints = [0, 1, 3, 2, 2, 2, 5]
    tokens = ticks(joints)
    tokens[1:6, CELLS] = tokens[1, CELLS]
    found = watch(tokens, sampler)
    # From 1 on; the farthest on the way, where the joint came back; a token's usual distance is 2.
    np.testing.assert_allclose(found[:, 0], [0, 0, 1, 1, 1, 1, 0])
    assert not found[:, 1].any()


def test_a_picture_stands_still_while_the_joints_do_and_nothing_is_said():
    tokens = ticks([1, 1, 1, 1])
    tokens[:, CELLS] = tokens[0, CELLS]
    assert not watch(tokens).any()


def test_one_cell_that_changes_is_a_change():
    tokens = ticks([0, 2, 4])
    tokens[:, CELLS] = tokens[0, CELLS]
    tokens[2, 5] += 0.02
    np.testing.assert_allclose(watch(tokens)[:, 0], [0, 1, 0])


def test_other_cells_in_every_tick_are_compared_where_both_have_them():
    tokens = ticks(np.arange(12.0))
    tokens[:, CELLS] = tokens[0, CELLS]
    found = watch(tokens, "uniform(16, seed=0)")
    np.testing.assert_allclose(found[:, 0], np.arange(12.0) / 2)
    assert not found[:, 1].any()


def test_a_new_episode_forgets_the_picture():
    tokens = ticks([0, 4])
    tokens[:, CELLS] = tokens[0, CELLS]
    still = StillCameras(2, SPREAD)
    for tick in tokens:
        still.reset()
        found = still.update(*parse_sampler("all").sample(tick, TABLE, 0))
    assert not found.any()


def test_without_a_joint_state_or_without_the_cameras_tokens_nothing_is_known():
    table = token_table(layout((3, 4), (3, 4), joint_state=False))
    assert np.isnan(watch(ticks([0, 1])[:, 1:], table=table)).all()
    columns = (getattr(TABLE, name)[:14] for name in ("kind", "camera", "row", "col"))
    rows = RowTable(np.arange(14, dtype=np.uint32), *columns)
    found = StillCameras(2, SPREAD).update(ticks([0])[0, :14], rows)
    np.testing.assert_array_equal(found, [0, np.nan])
