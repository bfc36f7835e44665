# SPDX-License-Identifier: Apache-2.0
"""What a tick that has ended says of the policy, and what it shows. Of any thread."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pam_ros.nodes.act.live_method import AutoShown
from pam_ros.tick.chunk_history import ChunkHistory
from pam_ros.tick.contribution import ShownContribution
from pam_ros.tick.explained import ExplainedTick, explain

if TYPE_CHECKING:
    from collections.abc import Callable

    from pam_ros.nodes.act.commander import Commander
    from pam_ros.nodes.act.health import Health
    from pam_ros.nodes.act.parameters import DrawnLook
    from pam_ros.nodes.act.tick_publisher import TickPublisher
    from pam_ros.nodes.act.words import Told
    from pam_ros.policy.interface import PolicySpec
    from pam_ros.robot import MessageSet, Observation
    from pam_ros.tick.outcome import TickOutcome


@dataclass(frozen=True, eq=False)
class Looked:
    """What a tick looked at, and how it is shown, whatever is set by the time that it is.

    spec: of the policy at this tick. told: the words that its pass reads.
    """

    look: DrawnLook
    inputs: MessageSet
    observation: Observation
    spec: PolicySpec
    told: Told


class Showing:
    """Messages and pictures of ticks, one tick at a time.

    Args:
        told: what the policy reads now.
        commander: holds the robot where the policy fails.
        health: counts.
        shown: the topics.
        took: called with the method of a contribution and how long it took [s].
    """

    def __init__(
        self,
        told: Callable[[], Told],
        commander: Commander,
        health: Health,
        shown: TickPublisher,
        took: Callable[[str, float], None],
    ) -> None:
        self._took = took
        self._told = told
        self._commander = commander
        self._health = health
        self._shown = shown
        self._chunks = ChunkHistory()
        # Overlays and scales keep memory for one thread.
        self._drawing = threading.Lock()

    def judge(self, outcome: TickOutcome) -> None:
        """Fault where the policy fails, or computes what is no number: it is not merely late."""
        self._chunks.note(outcome)
        if not (outcome.valid or outcome.inference_skipped or outcome.late):
            self._commander.fault("policy", outcome.invalid_reason)

    def show(self, looked: Looked, outcome: TickOutcome) -> None:
        """Publish a tick with its maps and pictures."""
        begin = time.perf_counter()
        selection = looked.look.selection
        assert not isinstance(selection, AutoShown)  # a tick knows what it shows
        before = self._chunks.before(outcome)
        tick = explain(
            *(looked.inputs, looked.observation, outcome, selection, looked.spec, before),
            instruction=looked.told.text,
        )
        if isinstance(selection, ShownContribution):
            if looked.told != self._told():
                # Passes of its own may have read the new words.
                reason = "no map: the instruction changed while its contribution was computed"
                tick = replace(tick, outcome=outcome.made_invalid(reason), maps=None)
                outcome = tick.outcome
            if outcome.valid:  # what fails is as good as one that never ends
                failed = tick.maps is None
                self._took(selection.method, math.inf if failed else time.perf_counter() - begin)
        elif outcome.valid and tick.maps is None:
            # Weights are part of the pass that makes the commands; a contribution is not.
            self._commander.hold("attention", tick.outcome.invalid_reason)
        with self._drawing:
            self._publish(tick, looked)
        if tick.maps is not None:
            self._health.stages["show"].add(time.perf_counter() - begin)

    def show_without_map(self, looked: Looked, outcome: TickOutcome) -> None:
        """Publish a tick that has none; waits for no drawing."""
        tick = ExplainedTick(
            *(looked.inputs, looked.observation, outcome, None), instruction=looked.told.text
        )
        self._publish(tick, looked)

    def _publish(self, tick: ExplainedTick, looked: Looked) -> None:
        self._health.add_tick(tick)
        self._shown.publish(tick, looked.look, looked.spec.layout)
