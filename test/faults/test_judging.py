# SPDX-License-Identifier: Apache-2.0
"""What a row makes of commands and reports that come late, or are over when it looks."""

import time
from types import SimpleNamespace

import pytest

from faults import trial
from faults.bench import Bench, BenchSettings
from faults.parts import PartsWitness
from faults.policy import DETECTED_S
from faults.trial import Expect, Row
from faults.witness import Command, Report, Witness


class Listener:
    """Keeps the callbacks of subscriptions, for a test to call."""

    def __init__(self):
        self.heard = {}

    def create_subscription(self, _kind, topic, callback, _depth):
        self.heard[topic] = callback


@pytest.fixture
def bench():
    made = object.__new__(Bench)
    made.settings, made._clock_s = BenchSettings(), 0.0
    made.robot = SimpleNamespace(witness=Witness(Listener()))
    return made


def command(published, position, late=0.0, clock_s=0.0):
    stamp = published + time.time() - time.monotonic() + clock_s
    return Command(published + late, stamp, ("pan", "lift"), (position, 0.0))


def report(at, state="", name="act_attention: policy", message=""):
    return Report(at, name, 0, message, {"safety_state": state})


def test_commands_count_by_when_they_were_published(bench):
    now = time.monotonic()
    for each in (command(now, 1.0, late=0.7), command(now + 0.65, 2.0), command(now + 1.9, 3.0)):
        bench.robot.witness.take(each)
    kept = bench.published(now + 0.6, now + 1.8)
    assert [each.positions[0] for each in kept] == [2.0]


def test_they_do_so_too_where_the_nodes_clock_has_jumped(bench):
    now, bench._clock_s = time.monotonic(), 5.0
    for each in (command(now, 1.0, late=0.7), command(now + 0.65, 2.0, clock_s=5.0)):
        bench.robot.witness.take(each)
    assert [each.positions[0] for each in bench.published(now + 0.6)] == [2.0]


def test_in_simulated_time_they_count_by_their_arrival(bench):
    bench.settings = BenchSettings(simulated=True)
    now = time.monotonic()
    for at in (0.0, 0.7, 1.9):
        bench.robot.witness.take(Command(now + at, 3.0, ("pan", "lift"), (at, 0.0)))
    assert [each.positions[0] for each in bench.published(now + 0.6, now + 1.8)] == [0.7]


@pytest.mark.parametrize(
    "held",
    [
        {"state": "holding"},
        {"name": "act_attention_guard: commands", "message": "its last command is being held"},
    ],
)
def test_a_hold_that_is_over_was_one(bench, held):
    bench.robot.witness._reports = [report(1.0, **held), report(2.0, "running")]
    assert bench.was_held(0.5)
    assert not bench.was_held(1.5)


@pytest.mark.parametrize(
    ("ms", "seconds"), [("20.0", 0.6), ("200.0", 0.9), ("900.0", 1.2), ("nan", 0.6)]
)
def test_a_slow_policy_may_act_on_older_observations(bench, ms, seconds):
    said = Report(1.0, "act_attention: policy", 0, "", {"forward_ms_p50": ms})
    bench.robot.witness._reports = [said]
    assert bench.detected_s == pytest.approx(seconds)


def test_what_was_done_after_a_hang_is_not_counted(monkeypatch):
    """The suite wakes up when the hang is over, and the robot moves again."""
    since = time.monotonic()
    asked = []
    hang = Row("hangs", "", lambda _: Lasting(since + 1.0), Expect.HOLDS, "held", seconds=0.0)
    times = iter([since, since + 1.4])
    late = SimpleNamespace(sleep=lambda _: None, monotonic=lambda: next(times, since + 1.5))
    monkeypatch.setattr(trial, "time", late)
    outcome = trial.run_row(Held(since, asked), hang)
    assert outcome.problems == []
    assert asked == [(since + DETECTED_S, since + 1.0)]


class Lasting:
    """A fault that says until when it lasts."""

    def __init__(self, until):
        self.until = until

    def __enter__(self):
        return self.until

    def __exit__(self, *_):
        pass


class Held:
    """A bench whose robot is held, and says so."""

    name, period_s, detected_s = "act_attention", 0.1, DETECTED_S
    settings = BenchSettings()
    limits = SimpleNamespace(breaches=lambda *_: [])

    def __init__(self, since, asked):
        self.node = SimpleNamespace(written=0, alive=True, log_since=lambda _: "held")
        self.robot = SimpleNamespace(witness=Witness(Listener()))
        self.robot.witness.take(command(since - 1.0, 0.0))
        self.bring_up, self.moving, self.was_held = (lambda *_: True,) * 3
        self._since, self._asked = since, asked

    def wait(self, condition, _):
        return condition()

    def published(self, since, until):
        self._asked.append((since, until))
        return [command(self._since + place / 10, 1.0) for place in range(7, 10)]


def test_the_two_parts_of_a_command_belong_together_in_whatever_order_they_are_read():
    listener = Listener()
    witness = PartsWitness(listener, "arm")
    header = SimpleNamespace(stamp=SimpleNamespace(sec=1, nanosec=0))

    def say(side, position):
        message = SimpleNamespace(header=header, name=["joint"], position=[position])
        listener.heard[f"/{side}/commands"](message)

    for side, position in (
        *(("left", 1.0), ("right", -1.0)),
        *(("left", 2.0), ("left", 3.0), ("right", -2.0), ("right", -3.0)),
    ):
        say(side, position)
    say("right", 0.0)  # stopped
    places = [each.positions for each in witness.commands()]
    assert places == [(1.0, -1.0), (2.0, -2.0), (3.0, -3.0), (3.0, 0.0)]
