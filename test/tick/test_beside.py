# SPDX-License-Identifier: Apache-2.0
"""The thread beside the commands: gates that the test opens, and a clock that it sets."""

from __future__ import annotations

import os
import sys
import threading

import pytest

from pam_ros.tick.beside import MOST_SHOWN, BesideThread, Work

WAIT_S = 20.0


class Bench:
    """The thread, what it does, and why it did not do the rest."""

    def __init__(self, **options) -> None:
        self.now = 0.0
        self.failures: list[Exception] = []
        self.thread = BesideThread(self.failures.append, clock=lambda: self.now, **options)
        self.log: list[str] = []
        self.reasons: dict[str, str] = {}

    def work(self, name, seconds=0.0, gate=None, commands=False, contributes=False) -> Work:
        """Something that takes so long by the bench's clock, or until its gate opens."""
        begun = threading.Event()

        def run() -> None:
            self.log.append(name)
            begun.set()
            if gate is not None:
                assert gate.wait(WAIT_S)
            self.now += seconds

        def leave_out(reason) -> None:
            self.reasons[name] = reason

        work = Work(run, leave_out, commands, contributes)
        self.begun = {**getattr(self, "begun", {}), name: begun}
        return work

    def idle(self) -> None:
        """Wait until all that was given is done."""
        done = threading.Event()
        self.thread.show(Work(done.set, lambda _: None))
        assert done.wait(WAIT_S)
        with self.thread.refill():
            pass

    def offer_gated(self, name, due=1e9):
        """A pass under way; the event that ends it."""
        gate = threading.Event()
        self.thread.offer(self.work(name, gate=gate), due)
        assert self.begun[name].wait(WAIT_S)
        return gate


@pytest.fixture
def bench():
    made = []

    def make(**options):
        made.append(Bench(**options))
        return made[-1]

    yield make
    for one in made:
        one.thread.close()


def test_the_newest_observation_waits_and_those_before_it_are_told_at_once(bench):
    b = bench()
    gate = b.offer_gated("1")
    b.thread.offer(b.work("2"), 1e9)
    assert b.reasons == {}
    b.thread.offer(b.work("3"), 1e9)
    assert list(b.reasons) == ["2"]  # while the first one is still under way
    assert "newer observation" in b.reasons["2"]
    gate.set()
    assert b.begun["3"].wait(WAIT_S)
    b.idle()
    assert b.log == ["1", "3"]
    assert b.thread.counts["replaced"] == 1
    assert b.thread.counts["passes"] == 2


def test_none_begins_within_one_passes_time_before_the_refill(bench):
    b = bench()
    b.thread.note_pass(0.3)
    b.thread.offer(b.work("early"), 0.3)
    assert b.begun["early"].wait(WAIT_S)
    b.idle()
    b.thread.note_pass(0.3)
    b.thread.offer(b.work("late"), 0.29)
    assert b.reasons["late"] == (
        "a forward pass takes up to 300 ms, and the next chunk is due in 290 ms"
    )
    b.idle()
    assert b.log == ["early"]
    assert b.thread.counts["too_late"] == 1


def test_one_that_waited_too_long_does_not_begin_either(bench):
    b = bench()
    b.thread.note_pass(0.2)
    gate = threading.Event()
    b.thread.offer(b.work("1", seconds=0.5, gate=gate), 1.0)
    assert b.begun["1"].wait(WAIT_S)
    b.thread.offer(b.work("2"), 0.6)
    gate.set()
    # By the thread itself: a refill leaves out whatever it finds waiting.
    assert _until(lambda: "2" in b.reasons)
    b.idle()
    assert b.log == ["1"]
    assert "the next chunk is due in" in b.reasons["2"]


def test_a_refill_waits_for_the_pass_under_way_counts_it_and_learns(bench):
    b = bench()
    gate = b.offer_gated("1")
    b.thread.offer(b.work("2"), 1e9)
    order = []

    def refill() -> None:
        with b.thread.refill():
            order.append("refill")

    thread = threading.Thread(target=refill)
    thread.start()
    assert _until(lambda: b.thread._refilling)
    with b.thread._state:  # which it leaves as soon as it has looked at the clock
        assert b.log == ["1"]
    assert order == []
    b.now += 0.25
    gate.set()
    thread.join(WAIT_S)
    assert order == ["refill"]
    assert b.log == ["1"]
    assert b.reasons["2"] == "the next chunk is due"
    assert b.thread.values()["refills_waited"] == 1
    assert b.thread.values()["refill_wait_ms_max"] == "250"
    # The pass itself was that long, and so much longer is the next one assumed to be.
    assert b.thread.estimate_s == pytest.approx(0.5)
    for _ in range(20):
        with b.thread.refill():
            pass
    assert b.thread.estimate_s == pytest.approx(0.25, abs=1e-3)
    assert b.thread.counts["waited"] == 1


def test_nothing_begins_while_the_policy_makes_a_chunk(bench):
    b = bench()
    with b.thread.refill():
        b.thread.offer(b.work("1"), 1e9)
        assert b.reasons["1"] == "the next chunk is due"
        b.thread.offer(b.work("chunk", commands=True), 1e9)
        assert not b.begun["chunk"].wait(0.05)
    assert b.begun["chunk"].wait(WAIT_S)
    b.idle()
    assert b.log == ["chunk"]


def test_what_a_command_waits_for_is_not_left_out_to_make_way_for_one(bench):
    b = bench()
    b.thread.note_pass(5.0)
    b.thread.offer(b.work("chunk", commands=True), -1.0)
    assert b.begun["chunk"].wait(WAIT_S)


def test_one_slow_pass_does_not_silence_the_attention_for_long(bench):
    b = bench()
    b.thread.note_pass(9.0)
    for chunk in ("1", "2"):
        b.thread.offer(b.work(chunk), 1.0)
        assert "9000 ms" in b.reasons[chunk]
        with b.thread.refill():
            pass
        b.thread.note_pass(0.1)  # the chunk's own
    # A whole chunk went by without a pass: the oldest duration counts no longer.
    b.thread.offer(b.work("3"), 1.0)
    assert b.begun["3"].wait(WAIT_S)


def test_what_has_ended_is_shown_before_the_next_pass(bench):
    b = bench()
    gate = b.offer_gated("1")
    b.thread.offer(b.work("2"), 1e9)
    b.thread.show(b.work("shown"))
    gate.set()
    assert b.begun["2"].wait(WAIT_S)
    b.idle()
    assert b.log == ["1", "shown", "2"]


def test_ticks_that_are_shown_too_slowly_are_left_out_the_oldest_first(bench):
    b = bench()
    gate = b.offer_gated("1")
    for index in range(MOST_SHOWN + 2):
        b.thread.show(b.work(f"shown {index}"))
    assert list(b.reasons) == ["shown 0", "shown 1"]
    gate.set()
    assert b.begun[f"shown {MOST_SHOWN + 1}"].wait(WAIT_S)


def test_a_refill_does_not_wait_for_pictures(bench):
    b = bench()
    gate = threading.Event()
    b.thread.show(b.work("slow picture", gate=gate))
    assert b.begun["slow picture"].wait(WAIT_S)
    with b.thread.refill():
        pass
    assert b.thread.counts["waited"] == 0
    gate.set()


def test_no_contribution_begins_that_might_end_after_the_refill(bench):
    b = bench()
    b.thread.note_pass(0.1)
    # Before there was one it is taken for twice a pass.
    b.thread.show(b.work("late", contributes=True), 0.19)
    b.idle()
    assert b.reasons["late"] == (
        "a contribution takes up to 200 ms, and the next chunk is due in 190 ms"
    )
    b.thread.show(b.work("in time", seconds=0.4, contributes=True), 0.2)
    b.idle()
    b.thread.show(b.work("as long as the last one", contributes=True), b.now + 0.39)
    b.idle()
    b.thread.show(b.work("too late", contributes=True), -1.0)
    b.thread.show(b.work("a picture"))
    b.idle()
    assert b.log == ["in time", "a picture"]
    assert "takes up to 400 ms" in b.reasons["as long as the last one"]
    assert b.reasons["too late"] == "the next chunk is due"
    assert b.thread.counts["map_too_late"] == 3
    assert b.thread.counts["too_late"] == 0


def test_a_pass_leaves_time_for_the_contribution_that_follows(bench):
    b = bench()
    b.thread.show(b.work("1", seconds=0.4, contributes=True), 1e9)
    b.idle()
    b.thread.note_pass(0.1)
    b.thread.offer(b.work("late", contributes=True), b.now + 0.49)
    assert "500 ms" in b.reasons["late"]
    b.thread.offer(b.work("no contribution"), b.now + 0.11)
    assert b.begun["no contribution"].wait(WAIT_S)


def test_a_refill_waits_for_no_contribution_and_none_begins_meanwhile(bench):
    b = bench()
    gate = threading.Event()
    b.thread.show(b.work("1", gate=gate, contributes=True), 1e9)
    assert b.begun["1"].wait(WAIT_S)
    with b.thread.refill():
        b.thread.show(b.work("2", contributes=True), 1e9)
        gate.set()
        assert _until(lambda: "2" in b.reasons)
    assert b.thread.values()["refills_beside_a_contribution"] == 1
    assert b.thread.values()["refills_waited"] == 0
    with b.thread.refill():
        pass
    assert b.thread.values()["refills_beside_a_contribution"] == 1


def test_one_slow_contribution_is_not_the_last(bench):
    b = bench()
    b.thread.show(b.work("slow", seconds=4.0, contributes=True), 1e9)
    b.idle()
    for index in range(5):
        b.thread.show(b.work(str(index), seconds=0.1, contributes=True), b.now + 1.0)
        b.idle()
        b.now += 5.0
    # From the first one that was late: half of it after ten seconds, a quarter after twenty.
    assert b.log == ["slow", "4"]
    b.thread.show(b.work("next", contributes=True), b.now + 1.0)
    b.idle()
    assert "4000 ms" in b.reasons["next"]


def test_what_is_raised_is_told_and_the_thread_goes_on(bench):
    b = bench()

    def fail() -> None:
        raise ZeroDivisionError("in a pass")

    b.thread.offer(Work(fail, lambda _: None), 1e9)
    assert _until(lambda: b.failures)
    with b.thread.refill():
        pass
    b.thread.offer(b.work("next"), 1e9)
    assert b.begun["next"].wait(WAIT_S)
    assert [str(error) for error in b.failures] == ["in a pass"]


def test_what_leaving_out_raises_stops_neither_the_thread_nor_who_commands(bench):
    b = bench()

    def fail(_: str) -> None:
        raise ZeroDivisionError("in a message")

    gate = b.offer_gated("1")
    b.thread.offer(Work(lambda: None, fail), 1e9)
    b.thread.offer(Work(lambda: None, fail), -1.0)  # replaces it; left out by the thread
    gate.set()
    assert _until(lambda: len(b.failures) == 2)
    b.thread.offer(b.work("next"), 1e9)
    assert b.begun["next"].wait(WAIT_S)


def test_dropping_and_closing_leave_out_what_waits_and_begin_nothing(bench):
    b = bench()
    gate = b.offer_gated("1")
    b.thread.offer(b.work("2"), 1e9)
    b.thread.drop("an episode began")
    assert b.reasons["2"] == "an episode began"
    b.thread.offer(b.work("3"), 1e9)
    b.thread.close(timeout_s=0.0)  # it hangs, and is not waited for
    assert b.reasons["3"] == "the node ends"
    gate.set()
    b.thread.close()
    assert not b.thread._thread.is_alive()
    assert b.log == ["1"]


@pytest.mark.skipif(sys.platform != "linux", reason="where a thread has a priority of its own")
def test_it_gives_way_to_the_other_threads(bench):
    b = bench(nice=7)
    mine, found = os.getpriority(os.PRIO_PROCESS, 0), []
    done = threading.Event()

    def look() -> None:
        found.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        done.set()

    b.thread.show(Work(look, lambda _: None))
    assert done.wait(WAIT_S)
    assert found == [7]
    assert os.getpriority(os.PRIO_PROCESS, 0) == mine


def _until(condition) -> bool:
    waiting = threading.Event()
    for _ in range(2000):
        if condition():
            return True
        waiting.wait(0.01)
    return False
