# SPDX-License-Identifier: Apache-2.0
"""A contribution has passes of its own: those of new words are not shown as if of the old ones."""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace

import numpy as np
import pytest

from pam_ros.attention.attribution import attribution_maps
from pam_ros.attention.contribution import ContributionRequest
from pam_ros.attention.layout import CameraTokens
from pam_ros.nodes.act.showing import Looked, Showing
from pam_ros.nodes.act.words import Told
from pam_ros.policy.act.spec import lay_out
from pam_ros.tick.contribution import ShownContribution
from pam_ros.tick.loop import TickOutcome

TOP = "top"
LAYOUT = lay_out(
    [CameraTokens(TOP, 0, 2, 2, 64, 64, 0.0, 0.0, 32.0, 32.0)], joint_state=False, environment=False
)
BEFORE, AFTER = Told("reach it", 0), Told("drop it", 1)


class Node:
    """Its words, and what was published."""

    def __init__(self) -> None:
        self.told = BEFORE
        self.published = []
        self.changes = False

    def contribute(self, features, request, output):
        del features, output
        if self.changes:
            self.told = AFTER
        made = attribution_maps(
            request.method, {TOP: np.ones((2, 2), np.float32)}, LAYOUT, contributions={}, target="t"
        )
        return SimpleNamespace(maps=lambda layout, cell: made)

    def showing(self):
        health = SimpleNamespace(add_tick=lambda tick: None, stages=defaultdict(set))
        health.stages["show"] = SimpleNamespace(add=lambda seconds: None)
        shown = SimpleNamespace(publish=lambda tick, look, layout: self.published.append(tick))
        return Showing(lambda: self.told, None, health, shown, lambda method, seconds: None)


@pytest.fixture
def node():
    return Node()


def looked_at(node, told):
    look = SimpleNamespace(
        selection=ShownContribution(node, ContributionRequest("contribution"), None)
    )
    observation = SimpleNamespace(features={})
    return Looked(look, None, observation, SimpleNamespace(layout=LAYOUT), told)


def outcome():
    output = SimpleNamespace(chunk=np.zeros((2, 2), np.float32))
    return TickOutcome(0, 4, 4, True, True, False, "", output)


def test_while_the_words_stay_the_map_is_shown_with_them(node):
    node.showing().show(looked_at(node, BEFORE), outcome())
    (tick,) = node.published
    assert tick.maps is not None and tick.instruction == "reach it"


def test_where_the_words_changed_meanwhile_there_is_no_map(node):
    node.changes = True
    node.showing().show(looked_at(node, BEFORE), outcome())
    (tick,) = node.published
    assert tick.maps is None and tick.instruction == "reach it"
    assert tick.outcome.invalid_reason == (
        "no map: the instruction changed while its contribution was computed"
    )


def test_a_tick_that_waited_while_the_words_changed_has_none_either(node):
    node.told = AFTER
    node.showing().show(looked_at(node, BEFORE), outcome())
    assert node.published[0].maps is None
