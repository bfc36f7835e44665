# SPDX-License-Identifier: Apache-2.0
"""Reports on /diagnostics: the parameters and names of an Updater, which has no timer."""

from __future__ import annotations

import pytest
import rclpy
from diagnostic_updater import DiagnosticStatusWrapper
from rclpy.exceptions import InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter

from pam_ros.nodes.kit.reports import FULL_NAMES, PERIOD, add_values, make_updater


@pytest.fixture
def node(domain):
    """Makes a node of that name with overrides of its parameters."""
    rclpy.init(args=[])
    made = []

    def make(namespace=None, **overrides) -> Node:
        parameters = [Parameter(name, value=value) for name, value in overrides.items()]
        made.append(Node("subject", namespace=namespace, parameter_overrides=parameters))
        return made[-1]

    yield make
    for each in made:
        each.destroy_node()
    rclpy.try_shutdown()


def test_a_status_is_named_after_the_node_and_has_no_timer(node):
    arm = node(namespace="left")
    updater = make_updater(arm)
    sent: list = []
    updater.publisher.publish = sent.append
    updater.add("policy", lambda status: status)
    updater.update()
    status = sent[-1].status[0]
    assert (status.name, status.hardware_id) == ("subject: policy", "/left/subject")
    assert not list(arm.timers)
    assert updater.period == 1.0


def test_its_parameters_are_taken_and_read_at_the_start_alone(node):
    arm = node(**{PERIOD: 0.5, FULL_NAMES: True}, namespace="left")
    updater = make_updater(arm)
    assert (updater.period, updater.node_name) == (0.5, "/left/subject")
    for name, value in ((PERIOD, 2.0), (FULL_NAMES, False)):
        (result,) = arm.set_parameters([Parameter(name, value=value)])
        assert not result.successful
        assert result.reason == f"parameter '{name}' is read at the start"
    assert arm.get_parameter(PERIOD).value == 0.5


@pytest.mark.parametrize("period", [0.0, -1.0, 61.0, float("nan"), float("inf")])
def test_a_period_that_makes_no_sense_is_refused_with_what_does(node, period):
    with pytest.raises(InvalidParameterValueException, match=r"use 0\.1 to 60\.0 seconds"):
        make_updater(node(**{PERIOD: period}))


def test_values_are_texts_in_their_order():
    status = DiagnosticStatusWrapper()
    add_values(status, {"ticks": 3, "reason": "", "on": True})
    told = [(each.key, each.value) for each in status.values]
    assert told == [("ticks", "3"), ("reason", ""), ("on", "True")]
