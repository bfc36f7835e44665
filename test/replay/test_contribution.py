# SPDX-License-Identifier: Apache-2.0
"""Maps of contributions are replayed as they were recorded, and as they are asked for."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pam_ros.policy import load_policy
from pam_ros.replay.errors import ReplayError
from pam_ros.replay.looks import Looks
from pam_ros.replay.recorded import RecordedTicks, first_look
from pam_ros.replay.settings import ReplaySettings
from pam_ros.tick.contribution import InReserve, ShownContribution

JOINTS = ("pan", "lift")


@pytest.fixture(scope="module")
def policy(checkpoint):
    return load_policy(checkpoint, device="cpu", engine="eager")


def recorded(**fields):
    """One tick of a recording, by its map."""
    stamp = SimpleNamespace(sec=1, nanosec=0)
    values = {
        "cameras": [], "joint_state_stamp": stamp, "header": SimpleNamespace(stamp=stamp),
        "valid": True, "head": "", "query": "", "tick": 0, "command_source_tick": 0,
        "first_executed_tick": 0, "policy_sha256": "", "chunk_mode": "queue", "episode": 0,
        "chunk_executed": True, "inference_skipped": False, "instruction": "",
    }  # fmt: skip
    ticks = RecordedTicks()
    ticks.take(SimpleNamespace(**{**values, **fields}), 0)
    return ticks.ticks


def test_a_recorded_contribution_is_the_same_request(policy):
    ticks = recorded(
        method="contribution", layer="images/8", target="lift[1:3]", baseline="black", points=2
    )
    assert first_look(ticks) == ("contribution", "images/8", "lift[1:3]", "black 2", "last")
    found = Looks(ReplaySettings("p"), policy, ticks, JOINTS).default
    assert isinstance(found, ShownContribution)
    request = found.request
    assert (request.method, request.cell, request.baseline, request.points) == (
        *("contribution", 8, "black", 2),
    )
    assert request.target.label(JOINTS) == "lift[1:3]"


def test_tokens_have_no_cell_and_a_baseline_of_their_own(policy):
    ticks = recorded(
        method="token_contribution", layer="encoder_input", target="chunk", baseline="fitted",
        points=1,
    )  # fmt: skip
    found = Looks(ReplaySettings("p"), policy, ticks, JOINTS).default
    assert (found.method, found.request.cell) == ("token_contribution", 16)


def test_what_is_asked_for(policy):
    settings = ReplaySettings("p", method="contribution", target="lift")
    found = Looks(settings, policy, [], JOINTS).default
    assert found.request.target.label(JOINTS) == "lift"
    assert "target" in settings.identity()
    assert Looks(ReplaySettings("p", method="auto"), policy, [], JOINTS).default.method == (
        "contribution"
    )
    assert "target" not in ReplaySettings("p").identity()
    with pytest.raises(ReplayError, match="'gripper' is none of this policy's"):
        Looks(ReplaySettings("p", method="contribution", target="gripper"), policy, [], JOINTS)


def test_a_policy_without_contributions_shows_attention(policy):
    plain = SimpleNamespace(spec=policy.spec)
    found = Looks(ReplaySettings("p", method="contribution"), plain, [], JOINTS).default
    assert isinstance(found, InReserve)
    assert (found.method, found.asked) == ("rollout", "contribution")
    assert "gives no contributions" in found.reason
