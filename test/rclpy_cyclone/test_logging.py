# SPDX-License-Identifier: Apache-2.0
"""Loggers: format, levels, filters and /rosout."""

import re
import time
from datetime import datetime

import pytest
import rclpy.logging
from rcl_interfaces.msg import Log
from rclpy._rclpy_pybind11 import RCLError
from rclpy.logging import LoggingSeverity, get_logger, set_logger_level
from rclpy.qos import DurabilityPolicy, QoSProfile


@pytest.fixture(autouse=True)
def fresh():
    yield
    rclpy.logging.clear_config()


def lines(capfd):
    return capfd.readouterr().err.splitlines()


def test_a_line_has_rclpys_format(capfd):
    assert get_logger("a.b").warning("watch out")
    assert re.fullmatch(r"\[WARN\] \[\d{10}\.\d{9}\] \[a\.b\]: watch out", lines(capfd)[0])


FORMAT = r"{date_time_with_ms}|{severity}|\t{message}\t{nope}{sev{severity}} {"


def test_the_format_has_tokens_and_escapes(script):
    log = """
import rclpy
rclpy.init()
rclpy.logging.get_logger("x").info("hello {name}\\\\t")
rclpy.shutdown()
"""
    program = script(log, RCUTILS_CONSOLE_OUTPUT_FORMAT=FORMAT, TZ="UTC-5")
    line = program.wait_for("hello")
    stamp, severity, rest = line.split("|")
    moment = datetime.strptime(stamp + "+0500", "%Y-%m-%d %H:%M:%S.%f%z")
    assert abs(moment.timestamp() - time.time()) < 60  # of the local time zone
    assert re.fullmatch(r".*\.\d{1,3}", stamp)
    assert severity == "INFO"
    assert rest == "\thello {name}\\t\t{nope}{sevINFO} {"


@pytest.mark.embedded_only  # rcutils loses count after an escape that it does not know
def test_other_backslashes_stay(capfd, monkeypatch):
    monkeypatch.setenv("RCUTILS_CONSOLE_OUTPUT_FORMAT", r"\x1b[1m{message}\x1b[0m \\n \q.")
    get_logger("x").info(r"a\tb")
    assert lines(capfd) == ["\x1b[1m" + r"a\tb" + "\x1b[0m" + r" \\n \q."]


@pytest.mark.embedded_only  # Jazzy goes on without a log
@pytest.mark.parametrize(
    "name",
    ["RCUTILS_COLORIZED_OUTPUT", "RCUTILS_LOGGING_USE_STDOUT", "RCUTILS_LOGGING_BUFFERED_STREAM"],
)
def test_a_switch_that_is_neither_0_nor_1_is_refused(domain, monkeypatch, name):
    monkeypatch.setenv(name, "2")
    with pytest.raises(RCLError, match=rf"unexpected value \[2\] specified for {name}\. Valid"):
        rclpy.init(args=[], domain_id=domain)
    monkeypatch.setenv(name, "1")
    rclpy.init(args=[], domain_id=domain)
    rclpy.shutdown()


def test_levels_are_inherited_by_name(capfd):
    logger, child = get_logger("parent"), get_logger("parent").get_child("child")
    assert not logger.debug("hidden")
    set_logger_level("parent", LoggingSeverity.ERROR)
    assert child.get_effective_level() == LoggingSeverity.ERROR
    assert not child.warning("hidden")
    child.set_level(LoggingSeverity.DEBUG)
    assert child.debug("shown")
    assert child.is_enabled_for(LoggingSeverity.DEBUG)
    assert len(lines(capfd)) == 1


def test_once_skip_first_and_throttle(capfd):
    logger = get_logger("filters")
    for number in range(5):
        say = logger.info
        say(f"once {number}", once=True)
        say(f"skip {number}", skip_first=True)
        say(f"throttle {number}", throttle_duration_sec=60.0)
    text = [line.rsplit(": ")[1] for line in lines(capfd)]
    assert text == ["once 0", "throttle 0", "skip 1", "skip 2", "skip 3", "skip 4"]


def test_filters_cannot_change_between_calls():
    logger = get_logger("filters")
    with pytest.raises(ValueError, match="severity cannot be changed"):
        for severity in (LoggingSeverity.INFO, LoggingSeverity.WARN):
            logger.log("x", severity)
    with pytest.raises(TypeError, match="recognized logging options"):
        logger.info("x", colour="red")


def test_unknown_levels_are_refused():
    with pytest.raises(RuntimeError, match="Failed to get severity name"):
        rclpy.logging.get_logging_severity_from_string("loud")
    with pytest.raises(ValueError, match="empty"):
        get_logger("")


def test_a_nodes_messages_are_on_rosout(node, spin_until):
    got = []
    latched = QoSProfile(depth=10, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    node.create_subscription(Log, "/rosout", got.append, latched)
    node.get_logger().error("it broke")
    node.get_logger().get_child("part").info("and a part")
    assert spin_until(lambda: len(got) == 2, node)
    assert [(m.name, m.msg, m.level) for m in got] == [
        ("subject", "it broke", 40), ("subject.part", "and a part", 20),
    ]  # fmt: skip
    assert got[0].file.endswith("test_logging.py")
    assert got[0].function == "test_a_nodes_messages_are_on_rosout"


def test_levels_come_from_the_command_line(domain):
    context = rclpy.context.Context()
    rclpy.init(
        args=["p", "--ros-args", "--log-level", "warn", "--log-level", "eye:=debug"],
        context=context, domain_id=domain,
    )  # fmt: skip
    assert get_logger("other").get_effective_level() == LoggingSeverity.WARN
    assert get_logger("eye").get_effective_level() == LoggingSeverity.DEBUG
    context.try_shutdown()
