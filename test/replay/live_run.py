# SPDX-License-Identifier: Apache-2.0
"""A live run without a clock: the loop over a bag's observations, with passes of so many ticks."""

from __future__ import annotations

import math
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from recorded_robot import ATTENTION, MS, observed, write_bag

from pam_ros.attention.selection import make_selection
from pam_ros.bags import BagReader, BagWriter
from pam_ros.bags.messages import Messages
from pam_ros.observations.observed_ticks import ObservedTicks
from pam_ros.observations.recording import open_recording
from pam_ros.policy import load_policy
from pam_ros.robot.stamps import stamp_nanoseconds
from pam_ros.tick.attention_map import ATTENTION_MAP, AttentionMapMaker
from pam_ros.tick.explained import explain
from pam_ros.tick.loop import TickLoop
from pam_ros.tick.plan import Plan

if TYPE_CHECKING:
    from pathlib import Path

PERIOD_S = 0.1


class Gateway:
    """Nothing runs beside: this run has one thread."""

    def refill(self):
        return nullcontext()


@dataclass
class Run:
    """What the robot was sent, by tick, and the AttentionMaps in the order in which they came."""

    bag: Path
    actions: dict[int, object] = field(default_factory=dict)
    maps: list = field(default_factory=list)

    def by_tick(self):
        maps = {message.tick: message for message in self.maps}
        assert len(maps) == len(self.maps)
        return maps


def live_run(path: Path, settings, ticks, *, passes, ahead, looking=(), resets=()) -> Run:
    """Record a run in `path`.

    passes: how many ticks the pass of tick k takes. ahead: whether chunks too are computed beside.
    looking: ticks at which the robot is disabled. resets: ticks before which an episode begins.
    """
    return _Live(path, settings, passes, ahead).run(ticks, looking, resets)


class _Live:
    def __init__(self, path, settings, passes, ahead) -> None:
        self._path, self._passes = path, passes
        policy = load_policy(settings.policy, device="cpu")
        rows = policy.spec.n_action_steps
        self._plan = Plan(rows, PERIOD_S) if ahead else None
        self._loop = TickLoop(policy, math.inf, Gateway(), self._plan)
        self._settings, self._policy = settings, policy
        self._selection = make_selection("cross_attention", -1, "mean", "mean", policy.spec)
        self._selection.apply_to(policy)
        self._under_way: Any = None
        self._waiting: Any = None
        self._stamped: list[tuple[int, Any]] = []

    def run(self, ticks, looking, resets) -> Run:
        raw = write_bag(self._path.with_name(self._path.name + "_raw"), observed(ticks))
        opened = open_recording(raw, self._policy, self._settings.reading, self._path)
        self._maker = AttentionMapMaker(Messages(), self._policy.spec, opened.contract)
        passing = ObservedTicks(opened)
        self._run = Run(self._path)
        for number, tick in enumerate(passing.ticks()):
            if number in resets:
                self._leave_out("an episode began")
                self._loop.reset()
            self._one(*passing.observe(tick), commanding=number not in looking)
        self._now += 1
        self._leave_out("the node ends")
        self._ended(last=True)
        self._loop.forget_plan()
        self._write(raw)
        return self._run

    def _one(self, inputs, observation, *, commanding) -> None:
        number = self._loop.ticks
        self._now, self._at = number, inputs.stamp_ns + 20 * MS
        self._ended()

        def act(action, _):
            if commanding:
                self._run.actions[number] = action
            return commanding

        outcome = self._loop.run(
            observation.features, act, lambda: math.inf, inputs.stamp_ns,
            commanding=commanding, permit=int(commanding),
        )  # fmt: skip

        def show(done) -> None:
            tick = explain(inputs, observation, done, self._selection, self._policy.spec)
            self._run.maps.append(self._maker.make(tick))
            self._stamped.append((self._at, self._run.maps[-1]))

        if outcome.late is None:
            self._leave_out("commands ended") if not commanding else None
            show(outcome)
            return
        self._leave_out("a newer observation came")
        self._waiting = (outcome, show)
        self._begin()

    def _begin(self) -> None:
        """A pass that waits begins if none is under way."""
        if self._under_way is None and self._waiting is not None:
            outcome, show = self._waiting
            self._waiting = None
            if self._plan is not None and outcome.late.ticket is not None:
                self._plan.begin(outcome.late.ticket)
            self._under_way = (self._now + self._passes(outcome.tick), outcome, show)

    def _ended(self, *, last=False) -> None:
        if self._under_way is not None and (last or self._under_way[0] <= self._now):
            _, outcome, show = self._under_way
            self._under_way = None
            self._loop.finish(outcome, show)
        self._begin()

    def _leave_out(self, reason) -> None:
        if self._waiting is not None:
            outcome, show = self._waiting
            self._waiting = None
            show(outcome.left_out(reason))

    def _write(self, raw) -> None:
        messages = Messages()
        with BagReader(raw) as reader, BagWriter(self._path) as writer:
            for one in reader.topics.values():
                writer.add_topic(one.name, one.type)
            writer.add_topic(ATTENTION, ATTENTION_MAP)
            found = [(sent.stamp_ns, sent.topic, sent.data) for sent in reader.messages()]
            for at, message in self._stamped:
                assert at >= stamp_nanoseconds(message.header.stamp)
                found.append((at, ATTENTION, bytes(messages.encode(message, ATTENTION_MAP))))
            for at, topic, data in sorted(found, key=lambda one: one[0]):
                writer.write(topic, data, at)
