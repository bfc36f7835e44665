# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from pam_ros.sae.store.halves import all_finite, to_halves


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_rounding_is_that_of_numpy(dtype):
    rng = np.random.default_rng(0)
    # From what becomes 0 over subnormals to what becomes infinite, and halfway cases.
    rows = np.concatenate(
        [
            rng.standard_normal(4000) * 10.0 ** rng.uniform(-9, 5, 4000),
            np.arange(2048, 4096) + 0.5 * np.arange(2048) % 4,
            [0.0, -0.0, 65519.0, 65520.0, -7e4, np.nan, np.inf, -np.inf, 2**-25, 3 * 2**-25],
        ]
    )
    with np.errstate(over="ignore"):
        given = rows.astype(dtype).reshape(-1, 2)
        expected = given.astype(np.float16)
    found = to_halves(given)
    assert found.dtype == np.float16
    assert np.array_equal(found, expected, equal_nan=True)
    strided = np.repeat(given, 2, axis=1)[:, ::2]
    assert np.array_equal(to_halves(strided), expected, equal_nan=True)


def test_every_half_is_finite_or_not_as_numpy_says():
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    for value, finite in zip(halves, np.isfinite(halves), strict=True):
        assert all_finite(value.reshape(1)) == finite
    assert all_finite(np.zeros((2, 3), np.float16))
