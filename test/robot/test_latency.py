# SPDX-License-Identifier: Apache-2.0
"""Rolling percentiles against NumPy's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pam_ros.robot import RollingLatency


@given(st.lists(st.floats(0, 10), min_size=1, max_size=80), st.integers(1, 20))
def test_percentiles_are_those_of_the_last_window(values, window):
    latency = RollingLatency(window)
    for value in values:
        latency.add(value)
    kept = values[-window:]
    assert latency.count == len(values)
    assert latency.p50 == pytest.approx(float(np.percentile(kept, 50)))
    assert latency.p99 == pytest.approx(float(np.percentile(kept, 99)))


def test_there_is_no_percentile_before_the_first_value_and_after_clearing():
    latency = RollingLatency()
    assert math.isnan(latency.p50)
    latency.add(1.0)
    latency.clear()
    assert math.isnan(latency.p99)
    assert latency.count == 1


def test_a_window_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        RollingLatency(0)
