# SPDX-License-Identifier: Apache-2.0
"""The queue between receiving and encoding."""

import threading
import time

from pam_ros.nodes.feature_thread import FeatureThread


def test_a_thread_that_falls_behind_drops_the_oldest_and_never_holds_up_the_caller():
    go, done = threading.Event(), []

    def work(item):
        go.wait(10)
        done.append(item)

    thread = FeatureThread(work, depth=3)
    thread.put(0)
    while thread.waiting():
        time.sleep(0.001)
    begin = time.perf_counter()
    for item in range(1, 11):
        thread.put(item)
    assert time.perf_counter() - begin < 0.5
    assert thread.dropped == 7
    go.set()
    thread.close()
    assert done == [0, 8, 9, 10]
