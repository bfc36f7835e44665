# SPDX-License-Identifier: Apache-2.0
"""Rows take turns, in an order that the seed makes."""

import itertools
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import pytest

from benchmarks.disturbance import Disturbance, own_seconds
from benchmarks.interleave import Effort, Row, interleave


class Stage:
    """Rows that only write down that they ran, and a clock that only they move."""

    def __init__(self, **seconds):
        self.calls = []
        self.now = 0.0
        self.rows = [Row(key, key, self._run(key, took)) for key, took in seconds.items()]

    def _run(self, key, took):
        def run():
            self.calls.append(key)
            self.now += took

        return run

    def time(self, effort, rows=None, shares=()):
        left = iter(shares)
        watch = lambda: SimpleNamespace(share=lambda: next(left, 0.0))  # noqa: E731
        return interleave(rows or self.rows, effort, clock=lambda: self.now, watch=watch)


def test_a_row_that_repeats_is_the_mean_and_what_comes_before_is_not_timed():
    stage = Stage(a=1.0)

    def before():
        stage.calls.append("before")
        stage.now += 100.0

    row = replace(stage.rows[0], repeats=3, before=before)
    timing = stage.time(Effort(seconds=0.0, fewest=2, warmup=1), [row])
    assert timing.seconds == {"a": [1.0, 1.0]}
    assert stage.calls == ["before", "a", "a", "a"] * 3


def test_what_comes_after_a_sample_is_not_timed_and_comes_before_the_next_row():
    stage = Stage(a=1.0, b=2.0)

    def after():
        stage.calls.append("after")
        stage.now += 100.0

    rows = [replace(stage.rows[0], after=after), stage.rows[1]]
    timing = stage.time(Effort(seconds=0.0, fewest=3, warmup=0), rows)
    assert timing.seconds == {"a": [1.0] * 3, "b": [2.0] * 3}
    places = [index for index, call in enumerate(stage.calls) if call == "a"]
    assert [stage.calls[index + 1] for index in places] == ["after"] * 3


def test_every_round_runs_every_row_once():
    stage = Stage(a=1.0, b=2.0, c=3.0)
    seconds = stage.time(Effort(seconds=0, fewest=8, warmup=0)).seconds
    assert seconds == {
        "a": pytest.approx([1.0] * 8),
        "b": pytest.approx([2.0] * 8),
        "c": pytest.approx([3.0] * 8),
    }
    rounds = [tuple(stage.calls[i : i + 3]) for i in range(0, 24, 3)]
    assert all(sorted(order) == ["a", "b", "c"] for order in rounds)


def test_the_order_changes_from_round_to_round_and_comes_from_the_seed():
    def calls(seed):
        stage = Stage(a=1.0, b=1.0, c=1.0, d=1.0)
        stage.time(Effort(seconds=0, fewest=40, warmup=0, seed=seed))
        return stage.calls

    assert calls(1) == calls(1)
    assert calls(1) != calls(2)
    first = Counter(calls(1)[::4])
    assert set(first) == set("abcd")
    assert max(first.values()) < 25


def test_warm_up_is_not_counted():
    stage = Stage(a=1.0)
    seconds = stage.time(Effort(seconds=0, fewest=3, warmup=2)).seconds
    assert len(stage.calls) == 5
    assert len(seconds["a"]) == 3


@pytest.mark.parametrize(("seconds", "rounds"), [(30.0, 10), (0.0, 4), (1e6, 50)])
def test_as_many_rounds_as_fit_within_the_bounds(seconds, rounds):
    stage = Stage(a=1.0, b=2.0)
    timed = stage.time(Effort(seconds=seconds, fewest=4, most=50, warmup=1)).seconds
    assert len(timed["a"]) == len(timed["b"]) == rounds


def test_a_row_that_cannot_run_here_is_left_out():
    stage = Stage(a=1.0)
    rows = [*stage.rows, Row("b", "b", None, "not installed")]
    assert set(stage.time(Effort(seconds=0, fewest=2, warmup=1), rows).seconds) == {"a"}


def test_the_device_is_waited_for_before_the_clock_starts_and_before_it_stops():
    events = []
    ticks = itertools.count()

    def clock():
        events.append("clock")
        return next(ticks)

    row = Row("a", "a", lambda: events.append("run"))
    effort = Effort(seconds=0, fewest=1, warmup=0)
    interleave([row], effort, synchronise=lambda: events.append("wait"), clock=clock)
    begin = events.index("run")
    assert events[begin - 2 : begin + 3] == ["wait", "clock", "run", "wait", "clock"]


def test_disturbed_rounds_are_left_out_whatever_they_measured():
    durations = iter([1.0, 5.0, 0.6, 2.0, 3.0])
    stage = Stage()

    def run():
        stage.now += next(durations)

    effort = Effort(seconds=100, fewest=3, most=5, warmup=0)
    shares = [0.0, 0.4, 0.3, 0.04, 0.02]
    timing = stage.time(effort, [Row("a", "a", run)], shares)
    assert timing.seconds["a"] == pytest.approx([1.0, 2.0, 3.0])
    assert timing.left_out == 2
    assert timing.others == pytest.approx(0.02)


def test_where_no_round_is_calm_the_calmest_are_kept():
    stage = Stage(a=1.0)
    shares = [0.5, 0.2, 0.9, 0.3, 0.1, 0.8]
    timing = stage.time(Effort(seconds=6, fewest=2, warmup=0), shares=shares)
    assert len(timing.seconds["a"]) == 2
    assert timing.others == pytest.approx(0.15)
    assert timing.left_out == 4


def test_what_others_take_of_the_processors_is_seen_and_our_own_work_is_not():
    def work(seconds):
        end = time.process_time() + seconds
        while time.process_time() < end:
            pass

    alone = Disturbance()
    work(0.5)
    quiet = alone.share()
    spin = (
        "import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass\n"
        "print(flush=True)\ninput()"
    )
    disturbed = Disturbance()
    # Its own child is none of ours; what runs in the background has no input of its own.
    command = f"exec 3<&0; {sys.executable} -c '{spin}' <&3 & wait"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(["sh", "-c", command], **pipes) as other:
        other.stdout.readline()
        share = disturbed.share()
        other.communicate(b"\n")
    assert 0 <= quiet <= 1
    # It took half a second; how long that was, the machine says, on which others take the rest.
    assert share > 0.1 / os.cpu_count()


def test_a_process_that_we_have_started_is_ours_while_it_runs_and_afterwards():
    spin = (
        "import sys, time\nend = time.process_time() + 0.5\n"
        "while time.process_time() < end: pass\nprint(flush=True)\nsys.stdin.read()"
    )
    before = own_seconds()
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", spin], **pipes) as child:
        child.stdout.readline()
        running = own_seconds()
        child.communicate(b"")
    assert running - before > 0.4
    assert own_seconds() - before > 0.4
