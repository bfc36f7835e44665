# SPDX-License-Identifier: Apache-2.0
"""Every value on /diagnostics has a row, with its meaning."""

from __future__ import annotations

from diagnostic_msgs.msg import DiagnosticArray
from std_srvs.srv import SetBool

from pam_ros.nodes.act.diagnostics import VALUES, Diagnostics, meaning


def test_every_value_that_a_node_says_has_a_meaning(attention_robot):
    robot = attention_robot()
    reports = robot.listen(DiagnosticArray, "/diagnostics")
    robot.spin()
    robot.wait(lambda: robot.observe() and robot.node.ticks.health.maps.per_second >= 0)

    def enabled() -> bool:
        robot.observe()
        return robot.call(SetBool, "/act_attention/enable", SetBool.Request(data=True)).success

    assert robot.wait(enabled)
    assert robot.wait(
        lambda: (
            robot.observe(encoding="bogus")
            and robot.observe()
            and reports
            and any(value.key == "last_bad_message" for value in reports[-1].status[0].values)
        )
    )
    said = {value.key for report in reports for value in report.status[0].values}
    assert said > {"maps_per_second", "commands", "messages_received", "engine", "execution"}
    assert [key for key in sorted(said) if meaning(key) is None] == []


def test_a_key_with_a_star_stands_for_its_family():
    assert meaning("bad_messages_tick") == VALUES["bad_messages_*"]
    assert meaning("forward_ms_p99") == VALUES["forward_ms_*"]
    assert meaning("no_such_value") is None


def test_parts_are_asked_anew_at_every_report():
    counts = {"commands": 1}
    diagnostics = Diagnostics(lambda: {"episode": 2}, lambda: counts)
    assert diagnostics.values() == {"episode": 2, "commands": 1}
    counts["commands"] = 5
    assert diagnostics.values() == {"episode": 2, "commands": 5}
