# SPDX-License-Identifier: Apache-2.0
"""diagnostic_updater: statuses, and the tasks that fill them."""

from __future__ import annotations

import time

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from diagnostic_statuses import ERROR, OK, WARN, now_s, said, saying, values, wrapper
from diagnostic_updater import (
    CompositeDiagnosticTask,
    DiagnosticStatusWrapper,
    DiagnosticTask,
    FrequencyStatus,
    FrequencyStatusParam,
    FunctionDiagnosticTask,
    Heartbeat,
    TimeStampStatus,
    TimeStampStatusParam,
)
from rclpy.clock import Clock, ClockType


def test_a_status_is_one_that_can_be_published():
    status = DiagnosticStatusWrapper()
    assert isinstance(status, DiagnosticStatus)
    assert (*said(status), list(status.values)) == (OK, "", [])
    status.add("toto", f"{5.0:.1f}")
    status.add("foo", f"{27:05d}")
    array = DiagnosticArray(status=[status])
    assert values(array.status[0]) == {"toto": "5.0", "foo": "00027"}


def test_a_summary_is_given_or_taken_from_another_status_and_cleared():
    status = wrapper(ERROR, "before")
    status.summary(WARN, "warned")
    assert said(status) == (WARN, "warned")
    status.summary(DiagnosticStatus(level=OK, message="fine"))
    assert said(status) == (OK, "fine")
    status.summary(ERROR, "bad")
    status.clearSummary()
    assert said(status) == (OK, "")


@pytest.mark.parametrize(
    ("mine", "theirs", "merged"),
    [
        ((OK, "ok"), (WARN, "warn"), (WARN, "warn")),
        ((WARN, "warn"), (ERROR, "err"), (ERROR, "warn; err")),
        ((ERROR, "err"), (WARN, "warn"), (ERROR, "err; warn")),
        ((ERROR, "err"), (OK, "ok"), (ERROR, "err")),
        ((OK, "a"), (OK, "b"), (OK, "a; b")),
        ((OK, ""), (OK, "b"), (OK, "b")),
    ],
)
def test_merged_summaries_have_the_worse_level_and_what_is_not_ok(mine, theirs, merged):
    status = wrapper(*mine)
    status.mergeSummary(*theirs)
    assert said(status) == merged
    status = wrapper(*mine)
    status.mergeSummary(DiagnosticStatus(level=theirs[0], message=theirs[1]))
    assert said(status) == merged


def test_a_composite_task_has_all_values_and_the_merged_summary():
    task = CompositeDiagnosticTask("bounds")
    task.addTask(FunctionDiagnosticTask("low", saying(WARN, "low", ("margin", "1"))))
    task.addTask(FunctionDiagnosticTask("fine", saying(OK, "fine", ("high", "2"))))
    task.addTask(FunctionDiagnosticTask("bad", saying(ERROR, "bad")))
    status = task.run(wrapper())
    assert task.getName() == "bounds"
    assert said(status) == (ERROR, "low; bad")
    assert values(status) == {"margin": "1", "high": "2"}


def test_a_child_that_says_nothing_passes_on_the_summary_that_was_given():
    task = CompositeDiagnosticTask("all")
    task.addTask(DiagnosticTask("silent"))
    assert said(task.run(wrapper(WARN, "No message was set"))) == (WARN, "No message was set")


def test_a_heartbeat_is_alive():
    assert Heartbeat().getName() == "Heartbeat"
    assert said(Heartbeat().run(wrapper(ERROR, "No message was set"))) == (OK, "Alive")


@pytest.mark.parametrize(
    ("bounds", "events", "level", "words"),
    [
        ({"min": 10, "max": 20}, 0, ERROR, "No events recorded."),
        ({"min": 1e3}, 3, WARN, "Frequency too low."),
        ({"min": 0, "max": 1}, 5, WARN, "Frequency too high."),
        ({"min": 0.001}, 3, OK, "Desired frequency met"),
        ({"min": 0.001, "max": 1e9}, 3, OK, "Desired frequency met"),
    ],
)
def test_a_frequency_is_judged_by_its_bounds(bounds, events, level, words):
    task = FrequencyStatus(FrequencyStatusParam(bounds, 0.5, 2))
    begin = time.monotonic()
    time.sleep(0.05)
    for _ in range(events):
        task.tick()
    status = task.run(wrapper())
    longest = time.monotonic() - begin + 0.01
    assert task.getName() == "FrequencyStatus"
    assert said(status) == (level, words)
    told = values(status)
    assert (told["Events in window"], told["Events since startup"]) == (f"{events}",) * 2
    assert 0.05 <= float(told["Duration of window (s)"]) <= longest
    rate = float(told["Actual frequency (Hz)"])
    assert rate == pytest.approx(events / float(told["Duration of window (s)"]), rel=1e-3)
    assert ("Minimum acceptable frequency (Hz)" in told) == (bounds["min"] > 0)
    assert told.get("Maximum acceptable frequency (Hz)") == (
        f"{bounds['max'] * 1.5:f}" if "max" in bounds else None
    )


def test_the_tolerance_widens_the_bounds_and_one_target_is_named():
    task = FrequencyStatus(FrequencyStatusParam({"min": 40.0, "max": 40.0}))
    told = values(task.run(wrapper()))
    assert told["Target frequency (Hz)"] == "40.000000"
    assert told["Minimum acceptable frequency (Hz)"] == "36.000000"
    assert told["Maximum acceptable frequency (Hz)"] == "44.000000"


def test_events_are_counted_over_as_many_reports_as_the_window_has():
    task = FrequencyStatus(FrequencyStatusParam({"min": 0}, window_size=2))
    counted = []
    for events in (3, 1, 0, 0):
        for _ in range(events):
            task.tick()
        time.sleep(0.002)
        counted.append(values(task.run(wrapper()))["Events in window"])
    assert counted == ["3", "4", "1", "0"]
    task.tick()
    task.clear()
    time.sleep(0.002)
    assert task.run(wrapper()).level == ERROR


def test_bounds_that_their_owner_changes_count_from_the_next_report_on():
    bounds = {"min": 0.0}
    task = FrequencyStatus(FrequencyStatusParam(bounds))
    levels = []
    for lowest in (0.0, 1e6):
        bounds["min"] = lowest
        task.tick()
        time.sleep(0.002)
        levels.append(task.run(wrapper()).level)
    assert levels == [OK, WARN]


@pytest.mark.parametrize(
    ("behind", "level", "words"),
    [
        ((), WARN, "No data since last update."),
        ((0.0,), OK, "Timestamps are reasonable."),
        ((4.0,), OK, "Timestamps are reasonable."),
        ((-2.0, 0.0), ERROR, "Timestamps too far in future seen."),
        ((0.0, 6.0), ERROR, "Timestamps too far in past seen."),
    ],
)
def test_stamps_are_compared_with_the_clock(behind, level, words):
    task = TimeStampStatus()
    for seconds in behind:
        task.tick(now_s() - seconds)
    status = task.run(wrapper())
    assert task.getName() == "Timestamp Status"
    assert said(status) == (level, words)
    told = values(status)
    earliest, latest = (
        float(told[f"{which} timestamp delay:"]) for which in ("Earliest", "Latest")
    )
    assert earliest == pytest.approx(min(behind, default=0.0), abs=0.5)
    assert latest == pytest.approx(max(behind, default=0.0), abs=0.5)
    assert told["Early diagnostic update count:"] == f"{int(min(behind, default=0) < -1)}"
    assert told["Late diagnostic update count:"] == f"{int(max(behind, default=0) > 5)}"
    # What was seen is forgotten with the report.
    assert task.run(wrapper()).level == WARN


def test_a_stamp_of_zero_is_an_error_and_times_are_taken_too():
    task = TimeStampStatus(TimeStampStatusParam(-10, 10), "stamps")
    now = Clock(clock_type=ClockType.ROS_TIME).now()
    task.tick(now)
    task.tick(0.0)
    status = task.run(wrapper())
    assert said(status) == (ERROR, "Zero timestamp seen.")
    told = values(status)
    assert told["Zero seen diagnostic update count:"] == "1"
    assert told["Earliest acceptable timestamp delay:"] == "-10.000000"
    assert abs(float(told["Latest timestamp delay:"])) < 5
