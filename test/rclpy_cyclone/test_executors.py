# SPDX-License-Identifier: Apache-2.0
"""Timers, guard conditions, tasks, callback groups and the executors that run them."""

import importlib
import threading
import time

import pytest
import rclpy
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.executors import (
    ExternalShutdownException,
    MultiThreadedExecutor,
    SingleThreadedExecutor,
)
from rclpy.node import Node
from rclpy.task import Future


def test_a_timer_keeps_its_grid(node, spin_until):
    dues = []

    def note():
        early, wait = time.monotonic(), timer.time_until_next_call() * 1e-9
        # When the next call is due: not before the one, nor after the other.
        dues.append((early + wait, time.monotonic() + wait))
        time.sleep(0.013)  # what a callback takes does not move the grid

    start = time.monotonic()
    # Somebody may be setting the wall clock.
    timer = node.create_timer(0.05, note, clock=Clock(clock_type=ClockType.STEADY_TIME))
    assert spin_until(lambda: len(dues) == 10, node)
    (first_early, first_late), *others = dues
    assert first_late > start + 0.099
    for early, late in others:
        steps = round(((early + late) - (first_early + first_late)) / 2 / 0.05)
        assert early - first_late - 0.002 <= steps * 0.05 <= late - first_early + 0.002
    assert dues[-1][1] - first_early > 9 * 0.05 - 0.002


def test_a_late_timer_skips_instead_of_catching_up(node, executor):
    calls = []
    timer = node.create_timer(0.05, lambda: calls.append(1))
    executor.add_node(node)
    time.sleep(0.3)
    begin = time.monotonic()
    for _ in range(5):
        executor.spin_once(0)
    # One for all that were missed, and one for each time of the grid since.
    assert 1 <= len(calls) <= 2 + (time.monotonic() - begin) / 0.05
    assert timer.time_until_next_call() <= 50_000_000


def test_canceled_timers_wait_for_reset(node, spin_until):
    calls = []
    timer = node.create_timer(0.02, lambda: calls.append(1), autostart=False)
    assert timer.is_canceled()
    assert timer.time_until_next_call() is None
    assert not spin_until(lambda: calls, node, timeout=0.2)
    timer.reset()
    assert spin_until(lambda: calls, node)
    timer.cancel()
    count = len(calls)
    assert not spin_until(lambda: len(calls) > count, node, timeout=0.2)


def test_timers_run_on_steady_time(node, spin_until):
    calls = []
    steady = Clock(clock_type=ClockType.STEADY_TIME)
    timer = node.create_timer(0.02, lambda: calls.append(1), clock=steady)
    assert timer.clock is steady
    assert spin_until(lambda: len(calls) >= 3, node)


def test_a_guard_condition_wakes_a_waiting_executor(node, executor):
    calls = []
    guard = node.create_guard_condition(lambda: calls.append(1))
    executor.add_node(node)
    threading.Timer(0.2, guard.trigger).start()
    start = time.monotonic()
    executor.spin_once(60)
    if not calls:  # the first wake-up may be the node's own
        executor.spin_once(60)
    assert calls == [1]
    assert time.monotonic() - start < 50


def test_spin_once_returns_after_its_timeout(node, executor):
    executor.add_node(node)
    start = time.monotonic()
    executor.spin_once(0.2)
    assert 0.15 < time.monotonic() - start < 30


def test_exceptions_in_callbacks_leave_spin(node):
    def fail():
        raise KeyError("timer")

    node.create_timer(0.01, fail)
    with pytest.raises(KeyError, match="timer"):
        rclpy.spin(node)


def test_exceptions_in_callbacks_leave_a_multi_threaded_spin(node):
    def fail():
        raise KeyError("timer")

    executor = MultiThreadedExecutor(2)
    executor.add_node(node)
    node.create_timer(0.01, fail)
    with pytest.raises(KeyError, match="timer"):
        executor.spin()
    executor.shutdown()


def test_spin_until_future_complete_stops_at_the_result(node):
    future = Future()
    node.create_timer(0.05, lambda: future.set_result(3))
    rclpy.spin_until_future_complete(node, future, timeout_sec=60)
    assert future.result() == 3


def test_spin_until_future_complete_gives_up(node):
    start = time.monotonic()
    rclpy.spin_until_future_complete(node, Future(), timeout_sec=0.2)
    assert 0.15 < time.monotonic() - start < 30


@pytest.mark.embedded_only  # rclpy goes on with the coroutine at the next event only
def test_tasks_and_coroutines_run_in_spin(node, executor):
    executor.add_node(node)
    gate = Future()

    async def work(value):
        return value + await gate

    task = executor.create_task(work, 40)
    plain = executor.create_task(lambda: "done")
    executor.spin_once(0.1)
    executor.spin_once(0.1)
    assert plain.result() == "done"
    assert not task.done()
    threading.Timer(0.1, gate.set_result, [2]).start()
    executor.spin_until_future_complete(task, 60)
    assert task.result() == 42


def test_a_coroutine_goes_on_once_its_future_has_a_result(node, executor):
    executor.add_node(node)
    gate = Future()

    async def work(value):
        return value + await gate

    task = executor.create_task(work, 40)
    node.create_timer(0.05, lambda: gate.set_result(2))
    executor.spin_until_future_complete(task, 60)
    assert task.result() == 42


def test_a_waiting_coroutine_does_not_keep_the_processor_busy(node, executor):
    executor.add_node(node)

    async def wait():
        await Future()

    executor.create_task(wait)
    before = time.thread_time()  # threads of other tests may still be busy
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        executor.spin_once(0.5)
    assert time.thread_time() - before < 0.2


class Overlap:
    """How many callbacks ran at the same time."""

    def __init__(self):
        self.lock = threading.Lock()
        self.now = self.most = self.calls = 0

    def __call__(self):
        with self.lock:
            self.now += 1
            self.calls += 1
            self.most = max(self.most, self.now)
        time.sleep(0.05)
        with self.lock:
            self.now -= 1


@pytest.mark.parametrize(
    ("group", "together"),
    [(MutuallyExclusiveCallbackGroup, False), (ReentrantCallbackGroup, True)],
)
def test_callback_groups_decide_what_runs_together(node, group, together):
    overlap = Overlap()
    shared = group()
    for _ in range(2):
        node.create_timer(0.02, overlap, callback_group=shared)
    executor = MultiThreadedExecutor(4)
    executor.add_node(node)
    end = time.monotonic() + 60
    while (overlap.most < 2 if together else overlap.calls < 6) and time.monotonic() < end:
        executor.spin_once(0.1)
    executor.shutdown()
    assert (overlap.most > 1) == together


def test_shutdown_from_another_thread_ends_spin(ros):
    node = Node("ended")
    spinning = threading.Event()
    node.create_timer(0.01, spinning.set)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    raised = []

    def run():
        try:
            executor.spin()
        except ExternalShutdownException as error:
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert spinning.wait(60)
    ros.shutdown()
    thread.join(60)
    assert not thread.is_alive()
    assert not ros.ok()
    assert len(raised) == 1
    node.destroy_node()


def test_shutdown_within_a_callback_ends_spin(ros):
    node = Node("suicidal")
    node.create_timer(0.05, ros.shutdown)
    rclpy.spin(node)
    assert not ros.ok()
    node.destroy_node()


@pytest.mark.parametrize("kind", [SingleThreadedExecutor, MultiThreadedExecutor])
def test_a_callback_may_shut_its_own_executor_down(node, kind):
    executor = kind()
    executor.add_node(node)
    node.create_timer(0.05, executor.shutdown)
    thread = threading.Thread(target=executor.spin, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()


def test_a_callback_may_shut_down_what_others_have_left(node):
    """The one that began last may end first."""
    executor = MultiThreadedExecutor(num_threads=3)
    executor.add_node(node)
    both, first_is_over, over = (
        threading.Barrier(2, timeout=60),
        threading.Event(),
        threading.Event(),
    )

    def first():
        first_timer.cancel()
        both.wait()
        first_is_over.set()

    def second():
        second_timer.cancel()
        both.wait()
        first_is_over.wait(60)
        time.sleep(0.2)
        executor.shutdown()
        over.set()

    group = ReentrantCallbackGroup()
    first_timer = node.create_timer(0.01, first, callback_group=group)
    second_timer = node.create_timer(0.1, second, callback_group=group)
    thread = threading.Thread(target=executor.spin, daemon=True)
    thread.start()
    assert over.wait(60)
    thread.join(60)
    assert not thread.is_alive()


@pytest.mark.embedded_only  # Jazzy's shutdown() waits for nothing
def test_shutdown_waits_for_running_callbacks(node):
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    began, end = threading.Event(), threading.Event()

    def hold():
        timer.cancel()
        began.set()
        end.wait(60)

    timer = node.create_timer(0.01, hold)
    thread = threading.Thread(target=executor.spin)
    thread.start()
    assert began.wait(60)
    assert not executor.shutdown(timeout_sec=0.1)
    end.set()
    assert executor.shutdown()
    thread.join(60)


@pytest.mark.embedded_only  # Jazzy's shutdown() waits for nothing
def test_a_callback_that_waits_for_shutdown_does_not_hang_it(node, monkeypatch, capfd):
    executor_base = importlib.import_module("rclpy_cyclone.executors.base")
    monkeypatch.setattr(executor_base, "SHUTDOWN_S", 0.3)
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    answers = []

    def wait_for_shutdown():
        timer.cancel()
        caller = threading.Thread(target=lambda: answers.append(executor.shutdown()))
        caller.start()
        caller.join(30)

    timer = node.create_timer(0.01, wait_for_shutdown)
    thread = threading.Thread(target=executor.spin)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    assert answers == [False]
    assert "a callback is still running" in capfd.readouterr().err


def test_an_executor_that_was_shut_down_takes_no_nodes(node):
    executor = SingleThreadedExecutor()
    executor.shutdown()
    with pytest.raises(AttributeError):
        executor.add_node(node)


def test_a_removed_node_is_served_no_more(node, executor):
    calls = []
    node.create_timer(0.01, lambda: calls.append(1))
    executor.add_node(node)
    executor.spin_once(1)
    executor.remove_node(node)
    count = len(calls)
    time.sleep(0.05)
    executor.spin_once(0.05)
    assert len(calls) == count


def test_a_rate_sleeps_in_another_thread(node):
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin, daemon=True)
    thread.start()
    start = time.monotonic()
    rate = node.create_rate(50)
    for _ in range(5):
        rate.sleep()
    assert 0.06 < time.monotonic() - start < 30
    assert node.destroy_rate(rate)
    executor.shutdown()
    thread.join(60)


def test_destroying_a_timer_within_its_callback_is_safe(node, spin_until):
    calls = []

    def once():
        calls.append(1)
        node.destroy_timer(timer)

    timer = node.create_timer(0.01, once)
    assert spin_until(lambda: calls, node)
    assert not spin_until(lambda: len(calls) > 1, node, timeout=0.1)
