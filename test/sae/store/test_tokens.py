# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted_tokens import camera, table

from pam_ros.policy.act.spec import lay_out
from pam_ros.sae.errors import SaeError
from pam_ros.sae.store.tokens import (
    KIND_CAMERA,
    KIND_ENVIRONMENT,
    KIND_JOINT_STATE,
    KIND_LATENT,
    parse_sampler,
    token_table,
)

GRIDS = st.lists(st.tuples(st.integers(1, 7), st.integers(1, 7)), min_size=0, max_size=3)
SIZES = st.integers(1, 9)


def tokens_of(cells, seed=0):
    return np.random.default_rng(seed).normal(size=(len(cells), 3)).astype(np.float32)


def samplers():
    return st.one_of(
        st.just("all"),
        SIZES.map(lambda n: f"stride({n})"),
        st.tuples(SIZES, SIZES).map(lambda b: f"block({b[0]}x{b[1]})"),
        st.tuples(st.integers(1, 80), st.integers(0, 99)).map(
            lambda u: f"uniform({u[0]}, seed={u[1]})"
        ),
    )


def test_the_table_follows_the_layout():
    made = token_table(
        lay_out([camera(2, 3, "a"), camera(1, 2, "b")], joint_state=True, environment=True)
    )
    assert (
        made.kind.tolist() == [KIND_LATENT, KIND_JOINT_STATE, KIND_ENVIRONMENT] + [KIND_CAMERA] * 8
    )
    assert made.camera.tolist() == [-1] * 3 + [0] * 6 + [1] * 2
    assert made.row.tolist() == [-1] * 3 + [0, 0, 0, 1, 1, 1, 0, 0]
    assert made.col.tolist() == [-1] * 3 + [0, 1, 2, 0, 1, 2, 0, 1]
    assert made.camera_names == ("a", "b")


@given(samplers())
def test_the_text_of_a_sampler_gives_the_same_sampler(text):
    sampler = parse_sampler(text)
    assert str(sampler) == text
    assert parse_sampler(text.replace(" ", "")) == sampler


@given(GRIDS, samplers(), st.integers(0, 5))
def test_rows_are_in_token_order_and_keep_latent_and_state(grids, text, tick):
    cells = table(*grids)
    rows, found = parse_sampler(text).sample(tokens_of(cells), cells, tick)
    assert len(rows) == len(found)
    assert (np.diff(found.token.astype(int)) > 0).all()
    singles = np.flatnonzero(cells.camera < 0)
    assert set(singles) <= set(found.token.tolist())
    for column in ("kind", "camera", "row", "col"):
        at = getattr(cells, column)[found.token]
        assert (getattr(found, column) == at).all()


@given(GRIDS, samplers())
def test_samplers_that_do_not_average_give_tokens_as_they_are(grids, text):
    cells = table(*grids)
    tokens = tokens_of(cells)
    rows, found = parse_sampler(text).sample(tokens, cells)
    if found.block_rows * found.block_cols == 1:
        assert (rows == tokens[found.token]).all()


@given(GRIDS, st.integers(1, 80), st.integers(0, 99), st.integers(0, 5))
def test_uniform_gives_every_camera_its_share(grids, count, seed, tick):
    cells = table(*grids)
    _, found = parse_sampler(f"uniform({count}, seed={seed})").sample(tokens_of(cells), cells, tick)
    sizes = [rows * cols for rows, cols in grids]
    total = sum(sizes)
    taken = [int((found.camera == index).sum()) for index in range(len(grids))]
    assert sum(taken) == min(count, total)
    for size, share in zip(sizes, taken, strict=True):
        assert abs(share - min(count, total) * size / total) < 1


def test_uniform_draws_anew_each_tick_and_the_same_for_the_same_tick():
    cells = table((6, 6))
    sampler = parse_sampler("uniform(9, seed=4)")
    state = np.random.get_state()[1].copy()  # noqa: NPY002  (that it is left alone is the point)
    draws = [sampler.sample(tokens_of(cells), cells, tick)[1].token.tolist() for tick in range(4)]
    again = sampler.sample(tokens_of(cells), cells, 2)[1].token.tolist()
    assert again == draws[2]
    assert len({tuple(draw) for draw in draws}) == 4
    other = sampler.sample(tokens_of(cells), cells, 2, episode=1)[1].token.tolist()
    assert other not in draws
    assert (np.random.get_state()[1] == state).all()  # noqa: NPY002


@given(GRIDS, SIZES)
def test_stride_leaves_no_camera_without_a_row(grids, step):
    cells = table(*grids)
    _, found = parse_sampler(f"stride({step})").sample(tokens_of(cells), cells)
    for index, (rows, cols) in enumerate(grids):
        here = found.camera == index
        assert here.sum() == -(-rows // step) * -(-cols // step)
        assert (found.row[here] % step == 0).all()
        assert (found.col[here] % step == 0).all()


@given(GRIDS, SIZES, SIZES)
def test_blocks_are_means_within_one_camera(grids, height, width):
    cells = table(*grids)
    tokens = tokens_of(cells)
    rows, found = parse_sampler(f"block({height}x{width})").sample(tokens, cells)
    # Second route: cut each camera's grid out of the tokens and average with plain slices.
    wanted = [tokens[token] for token in np.flatnonzero(cells.camera < 0)]
    start = 2
    for grid_rows, grid_cols in grids:
        grid = tokens[start : start + grid_rows * grid_cols].reshape(grid_rows, grid_cols, 3)
        start += grid_rows * grid_cols
        wanted += [
            grid[i : i + height, j : j + width].mean(axis=(0, 1))
            for i in range(0, grid_rows, height)
            for j in range(0, grid_cols, width)
        ]
    assert np.allclose(rows, np.stack(wanted), atol=1e-6)
    assert (found.block_rows, found.block_cols) == (height, width)


@pytest.mark.parametrize(
    "text",
    ["", "every", "stride(0)", "stride(-1)", "block(2)", "block(0x2)", "uniform(0, seed=0)",
     "uniform(5, seed=-1)", "stride(9999999)", "all(1)", "stride(٣)"],
)  # fmt: skip
def test_a_wrong_text_is_one_sentence(text):
    with pytest.raises(SaeError, match="is none of all, uniform"):
        parse_sampler(text)


def test_tokens_of_another_policy_are_refused():
    cells = table((2, 2))
    for text in ("all", "uniform(2)", "stride(1)", "block(1x1)"):
        with pytest.raises(SaeError, match=r"it must be \(6, width\)"):
            parse_sampler(text).sample(np.zeros((5, 3), np.float32), cells)
