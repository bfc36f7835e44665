# SPDX-License-Identifier: Apache-2.0
"""The queue between receiving and encoding."""

import threading
import time

from pam_ros.nodes.recorders.feature_thread import CLOSING_SECONDS, FeatureThread
from pam_ros.nodes.recorders.sae_parameters import TABLE

SLOWEST_S = 0.025
"""What a tick took at most where the sidecar was measured."""


def test_a_thread_that_falls_behind_drops_the_oldest_and_never_holds_up_the_caller():
    go, done = threading.Event(), []

    def work(item):
        go.wait(60)
        done.append(item)

    thread = FeatureThread(work, depth=3)
    thread.put(0)
    while thread.waiting():
        time.sleep(0.001)
    for item in range(1, 11):
        thread.put(item)
    # Whoever put them was not held up: the first one is still being worked on.
    assert done == []
    assert thread.dropped == 7
    go.set()
    thread.close()
    assert done == [0, 8, 9, 10]


def test_what_the_time_to_close_does_not_suffice_for_is_counted_and_nothing_else():
    go, done = threading.Event(), []

    def work(item):
        done.append(item)
        go.wait(60)

    thread = FeatureThread(work, depth=10)
    for item in range(5):
        thread.put(item)
    while thread.waiting() > 4:
        time.sleep(0.001)
    assert thread.close(0.05) == thread.dropped == 4
    thread.put(5)
    assert thread.dropped == 5
    go.set()
    assert thread.close() == 0
    assert done == [0]
    assert thread.dropped == 5


def test_a_full_queue_of_the_slowest_tick_is_worked_off_before_the_end():
    go, done = threading.Event(), []
    (depth,) = (each.default for each in TABLE if each.name == "queue")
    # A busy machine sleeps longer than it is told to: the time is reckoned, not slept.
    assert depth * SLOWEST_S < CLOSING_SECONDS / 2

    def work(item):
        go.wait(60)
        done.append(item)

    thread = FeatureThread(work, depth=depth + 1)
    for item in range(depth):
        thread.put(item)
    threading.Timer(0.2, go.set).start()
    assert thread.close(60.0) == thread.dropped == 0
    assert done == list(range(depth))
