# SPDX-License-Identifier: Apache-2.0
"""Which chunk a tick's is compared with: the newest of its episode, whatever order they came in."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from pam_ros.tick.chunk_history import KEPT, ChunkHistory
from pam_ros.tick.outcome import TickOutcome


def outcome(episode, tick, reason=""):
    output = SimpleNamespace(chunk=np.full((4, 2), tick, np.float32))
    return TickOutcome(episode, tick, tick, True, True, False, reason, output)


def test_the_newest_earlier_tick_of_the_episode():
    history = ChunkHistory()
    assert history.before(outcome(0, 0)) is None
    for tick in (0, 3, 1):
        history.note(outcome(0, tick))
    history.note(outcome(0, 2, "the policy failed"))
    history.note(outcome(0, 4).left_out("late"))
    before = history.before(outcome(0, 5))
    assert (before.ticks, before.chunk[0, 0]) == (2, 3)
    before = history.before(outcome(0, 3))
    assert (before.ticks, before.chunk[0, 0]) == (2, 1)
    assert history.before(outcome(1, 5)) is None


def test_it_forgets():
    history = ChunkHistory()
    for tick in range(KEPT + 10):
        history.note(outcome(0, tick))
    assert history.before(outcome(0, 10)) is None
    assert history.before(outcome(0, 11)).ticks == 1
