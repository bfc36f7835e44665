# SPDX-License-Identifier: Apache-2.0
"""A node whose policy has no optional ability: what needs one says so, and the rest runs."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from diagnostic_msgs.msg import DiagnosticArray
from std_srvs.srv import Trigger

from pam_ros.msg import AttentionMap
from pam_ros.nodes.act import policy_start
from pam_ros.nodes.kit.parameters import ParameterError

POLICY = (
    "spec", "engine", "step", "pop_action", "explain", "skip", "show", "reset",
)  # fmt: skip


@pytest.fixture
def bare_policies(monkeypatch):
    load = policy_start.load_policy

    def load_bare(*arguments, **options):
        policy = load(*arguments, **options)
        return SimpleNamespace(**{name: getattr(policy, name) for name in POLICY})

    monkeypatch.setattr(policy_start, "load_policy", load_bare)


def test_it_shows_attention_and_says_that_there_are_no_gradients(bare_policies, attention_robot):
    robot = attention_robot()
    maps = robot.listen(AttentionMap, "/act_attention/attention")
    robot.spin()
    robot.observe()
    assert robot.wait(lambda: maps)
    assert maps[0].valid, maps[0].invalid_reason
    answer = robot.call(Trigger, "/act_attention/explain", Trigger.Request())
    assert not answer.success
    assert answer.message == (
        "this policy gives no gradients, so no gradient method can explain it"
    )


def test_an_unmeasured_precision_is_told(bare_policies, attention_robot):
    robot = attention_robot(dtype="bfloat16", engine="eager")
    reports = robot.listen(DiagnosticArray, "/diagnostics")
    robot.spin()

    def told():
        values = [v for r in list(reports) for s in r.status for v in s.values]
        return [v.value for v in values if v.key == "precision_error"]

    assert robot.wait(lambda: (robot.observe(), told())[1])
    assert told()[0] == "not measured: this policy does not compare itself with float32"


def test_an_edit_is_refused_at_start(bare_policies, attention_robot, tmp_path):
    with pytest.raises(ParameterError, match="this policy's tokens cannot be edited"):
        attention_robot(edit_feature=1, allow_edits=True, edit_sae=tmp_path)


def test_a_baseline_for_gradients_that_it_lacks_is_refused_at_start(bare_policies, attention_robot):
    with pytest.raises(ParameterError, match="this policy gives no gradients"):
        attention_robot(explain_baseline="mean")
