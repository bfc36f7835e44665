# SPDX-License-Identifier: Apache-2.0
"""Maps of a tick, or the reason why there are none."""

from types import SimpleNamespace

import numpy as np
import pytest

from pam_ros.attention.errors import AttentionError
from pam_ros.tick.explained import explain
from pam_ros.tick.loop import TickOutcome


def outcome(reason="", *, skipped=False):
    output = None if skipped else SimpleNamespace(chunk=np.zeros((2, 2), np.float32))
    return TickOutcome(0, 7, 7, True, True, skipped, reason, output)


class Selection:
    """Maps, or an error."""

    method = "rollout"

    def __init__(self, found) -> None:
        self.found = found
        self.calls = 0

    def maps(self, output, spec):
        self.calls += 1
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


def test_a_good_tick_has_its_maps_and_stays_as_it_was():
    done, inputs, observation = outcome(), object(), object()
    tick = explain(inputs, observation, done, Selection("maps"), None)
    assert (tick.inputs, tick.observation) == (inputs, observation)
    assert tick.outcome is done
    assert tick.maps == "maps"
    assert (tick.method_asked, tick.method_reason) == ("rollout", "")


def test_maps_that_cannot_be_made_leave_their_reason():
    tick = explain(None, None, outcome(), Selection(AttentionError("not finite")), None)
    assert tick.maps is None
    assert (tick.outcome.tick, tick.outcome.invalid_reason) == (7, "not finite")
    assert not tick.outcome.valid
    assert tick.method_asked == "rollout"


@pytest.mark.parametrize("done", [outcome("skipped: late", skipped=True), outcome("not finite")])
def test_a_tick_that_is_invalid_already_is_not_asked_for_maps(done):
    selection = Selection("maps")
    tick = explain(None, None, done, selection, None)
    assert (tick.maps, tick.outcome, selection.calls) == (None, done, 0)
