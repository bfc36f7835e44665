# SPDX-License-Identifier: Apache-2.0
"""A state is logged once, then its count: never a line for each message."""

import pytest

from pam_ros.nodes.kit.said import FIRST_S, LONGEST_S, MOST, Said, by_magnitude


class Log:
    def __init__(self):
        self.lines = []

    def info(self, text):
        self.lines.append(("info", text))

    def warning(self, text):
        self.lines.append(("warning", text))

    def error(self, text):
        self.lines.append(("error", text))


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def log():
    return Log()


@pytest.fixture
def said(log, clock):
    return Said(log, clock)


def test_a_flood_is_one_line_and_then_its_count(said, log, clock):
    for tick in range(1000):
        said.warning(f"message skipped: {tick} bytes are missing")
        clock.now += FIRST_S / 999.5
    assert log.lines == [
        ("warning", "message skipped: 0 bytes are missing"),
    ]
    said.warning("message skipped: 7 bytes are missing")
    counted = "message skipped: 7 bytes are missing (1000 times in 10 s)"
    assert log.lines[1:] == [("warning", counted)]


def test_the_count_comes_less_often_the_longer_it_goes_on(said, log, clock):
    for _ in range(3600):
        said.error("no picture")
        clock.now += 0.1
    assert len(log.lines) == 2 + int((360 - FIRST_S) // LONGEST_S)


def test_another_state_is_said_at_once(said, log):
    said.warning("no picture of 'top'")
    said.warning("no picture of 'wrist'")
    said.error("no picture of 'top'")
    assert [text for _, text in log.lines] == ["no picture of 'top'", "no picture of 'wrist'"]


def test_a_state_that_comes_back_after_a_while_is_new(said, log, clock):
    said.warning("late")
    clock.now += LONGEST_S + 1
    said.warning("late")
    assert [text for _, text in log.lines] == ["late", "late"]


def test_words_from_outside_are_one_state_if_that_is_said(said, log):
    for word in ("red", "green", "blue"):
        said.info(f"'{word}' is not taken", state="not taken")
    assert log.lines == [("info", "'red' is not taken")]


def test_a_number_of_another_magnitude_may_be_another_state(said, log):
    for held in ("0.21", "0.3", "5.0", "10800.", "-0.4", "0", "1.2.3"):
        text = f"held for {held} s"
        said.warning(text, by_magnitude(text))
    told = [text.split()[2] for _, text in log.lines]
    assert told == ["0.21", "5.0", "10800.", "0"]


def test_a_sender_who_invents_states_floods_nothing(said, log):
    for place in range(10 * MOST):
        said.warning("x" * (place + 1))
    assert len(log.lines) == MOST + 1


def test_one_logger_of_ros_takes_all_severities(domain, capfd):
    import rclpy

    # Levels are the process's: another test may have left another one.
    rclpy.init(args=["--ros-args", "--log-level", "info"])
    try:
        said = Said(rclpy.create_node("said").get_logger())
        said.info("all is well")
        said.warning("it is late")
        said.error("it is broken")
    finally:
        rclpy.shutdown()
    told = capfd.readouterr().err
    assert all(text in told for text in ("all is well", "it is late", "it is broken"))
