# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest

from pam_ros.bags.command_latency import LONGEST_S, Ran, command_latencies

MS = 1_000_000
START = 1_700_000_000_000_000_000
NAN = np.nan


def ticks(observed, *, forward=15 * MS, idle=(), first=None):
    return [
        Ran(k, at, forward, k not in idle, (first or {}).get(k, k)) for k, at in enumerate(observed)
    ]


def latencies(*given):
    return np.array(command_latencies(*given))


def test_the_command_after_the_pass_is_its_own():
    observed = [START + k * 100 * MS for k in range(4)]
    found = latencies(ticks(observed, idle=(2,)), [at + 20 * MS for at in observed])
    np.testing.assert_allclose(found, [0.02, 0.02, NAN, 0.02], atol=1e-9)
    assert np.isnan(latencies(ticks(observed), [])).all()


def test_a_chunk_computed_beside_the_commands_is_answered_by_the_tick_that_follows_it():
    observed = [START + k * 100 * MS for k in range(6)]
    sent = [at + 20 * MS for at in observed[1:]]
    # Chunk 0 is followed from tick 1 on, chunk 2 from tick 5, that of tick 4 by none.
    ran = ticks(observed, idle=(1, 3, 4, 5), first={0: 1, 2: 5, 4: 5})
    np.testing.assert_allclose(latencies(ran, sent), [0.12, NAN, 0.32, NAN, NAN, NAN], atol=1e-9)
    assert np.isnan(latencies(ran[:4], sent)[2])


@pytest.mark.parametrize("forward", [95 * MS, 60 * MS])
def test_the_command_before_that_goes_out_after_the_observation_is_not_taken(forward):
    """Each pass begins 20 ms after its observation, as the last tick's command goes out."""
    observed = [START + k * 100 * MS for k in range(5)]
    sent = [at + 120 * MS for at in observed]
    found = latencies(ticks(observed, forward=forward), sent)
    np.testing.assert_allclose(found, 0.12, atol=1e-9)


def test_commands_that_hold_before_the_pass_has_ended_are_not_taken():
    observed = [START, START + 400 * MS]
    sent = [START + 310 * MS, START + 350 * MS, START + 705 * MS]
    found = latencies(ticks(observed, forward=300 * MS), sent)
    np.testing.assert_allclose(found, [0.31, 0.305], atol=1e-9)


def test_what_comes_far_too_late_is_of_something_else():
    assert np.isnan(latencies(ticks([START]), [START + int(LONGEST_S * 1e9) + MS])).all()
