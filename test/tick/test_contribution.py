# SPDX-License-Identifier: Apache-2.0
"""A tick's contributions, or the reason why it has none."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from pam_ros.attention.attribution import attribution_maps
from pam_ros.attention.contribution import ContributionRequest
from pam_ros.attention.layout import CameraTokens
from pam_ros.attention.maps import Missing
from pam_ros.policy.act.spec import lay_out
from pam_ros.policy.interface import PolicyError
from pam_ros.tick.contribution import InReserve, ShownContribution
from pam_ros.tick.explained import explain
from pam_ros.tick.loop import TickOutcome

TOP, WRIST = "top", "wrist"
LAYOUT = lay_out(
    [CameraTokens(name, 0, 2, 2, 64, 64, 0.0, 0.0, 32.0, 32.0) for name in (TOP, WRIST)],
    joint_state=True,
    environment=False,
)


class Policy:
    """Gives what it is told to: an error, or these parts where it is asked to be complete."""

    def __init__(self, found=(1.0, -2.0, 5.0)) -> None:
        self.found = found
        self.asked = []
        self.gridded = []
        self.stands_in = ""
        self.keeps = False

    def keep_inputs(self, *, keep):
        self.keeps = keep

    def contribute(self, features, request, output):
        self.asked.append((features, request, output))
        if isinstance(self.found, Exception):
            raise self.found
        parts = dict(zip((TOP, WRIST, "joint_state"), self.found, strict=True))

        def maps(layout, cell):
            self.gridded.append((layout, cell))
            values = {name: np.ones((2, 2), np.float32) for name in (TOP, WRIST)}
            known = parts if request.complete else {}
            label = self.stands_in or request.target.label()
            made = attribution_maps(
                request.method, values, LAYOUT, contributions=known, target=label
            )
            return replace(made, also=(replace(made, target="1"), Missing("2", "no such plan")))

        return SimpleNamespace(maps=maps)


def tick(selection, number=7, reason="", episode=0, instruction=""):
    output = SimpleNamespace(chunk=np.zeros((2, 2), np.float32))
    outcome = TickOutcome(episode, number, number, True, True, False, reason, output)
    observation, spec = SimpleNamespace(features="features"), SimpleNamespace(layout="layout")
    found = explain(None, observation, outcome, selection, spec, instruction=instruction)
    return found, output


def shown(policy, method="contribution", **more):
    return ShownContribution(policy, ContributionRequest(method), None, **more)


def test_the_policy_is_asked_about_the_ticks_own_pass():
    policy = Policy()
    found, output = tick(shown(policy))
    request = ContributionRequest("contribution", complete=True, episode=0)
    assert policy.asked == [("features", request, output)]
    assert found.maps.method == "contribution"
    assert (found.method_asked, found.method_reason) == ("contribution", "")
    assert tick(shown(policy, "token_contribution"))[0].maps is not None
    assert policy.gridded == [("layout", 16), ("layout", None)]


def checked(policy):
    return [k for k, (_, request, _) in enumerate(policy.asked) if request.complete]


@pytest.mark.parametrize(
    ("every", "expected"), [(10, [0, 10, 20]), (7, [0, 7, 14, 21]), (1, list(range(25))), (0, [])]
)
def test_the_first_tick_and_every_so_many_are_complete(every, expected):
    policy = Policy()
    selection = shown(policy, check_every=every)
    for number in range(3, 28):
        tick(selection, number)
    assert checked(policy) == expected


def test_it_is_ticks_that_count_whichever_of_them_have_maps():
    policy = Policy()
    selection = shown(policy, check_every=5)
    numbers = [1, 3, 4, 7, 8, 9, 20, 21, 25]
    for number in numbers:
        tick(selection, number)
    assert [numbers[k] for k in checked(policy)] == [1, 7, 20, 25]


def test_other_words_are_complete_at_once_and_repeat_no_share_of_the_old_ones():
    policy = Policy()
    selection = shown(policy, check_every=10)
    old, _ = tick(selection, 0, instruction="reach it")
    again, _ = tick(selection, 1, instruction="reach it")
    assert shares(again) == shares(old)
    policy.found = (5.0, -2.0, 1.0)
    new, _ = tick(selection, 2, instruction="drop it")
    assert checked(policy) == [0, 2]
    assert shares(new) != shares(old)
    assert new.instruction == "drop it"


def shares(found):
    cameras = found.maps.cameras
    return [*(camera.part_share for camera in cameras), found.maps.joint_state_share]


def amounts(found):
    (state,) = (group for group in found.maps.groups if group.kind == "joint_state")
    return [*(camera.contribution for camera in found.maps.cameras), state.contribution]


def test_ticks_between_repeat_the_shares_and_no_amounts():
    policy = Policy((1.0, -2.0, 5.0))
    selection = shown(policy, check_every=3)
    first, *between = [tick(selection, number)[0] for number in range(3)]
    assert amounts(first) == [1.0, -2.0, 5.0]
    assert shares(first) == [0.125, 0.25, 0.625]
    policy.found = (0.0, 3.0, 1.0)
    for found in between:
        assert shares(found) == shares(first)
        assert np.isnan(amounts(found)).all()
    assert shares(tick(selection, 3)[0]) == [0.0, 0.75, 0.25]
    assert shares(tick(selection, 4)[0]) == [0.0, 0.75, 0.25]


def test_another_episode_begins_with_shares_of_its_own():
    policy = Policy((1.0, -2.0, 5.0))
    selection = shown(policy, check_every=5)
    tick(selection, 0)
    tick(selection, 1)
    policy.found = (4.0, 0.0, 0.0)
    after = tick(selection, 2, episode=1)[0]
    assert checked(policy) == [0, 2]
    assert (shares(after), amounts(after)) == ([1.0, 0.0, 0.0], [4.0, 0.0, 0.0])
    assert shares(tick(selection, 3, episode=1)[0]) == [1.0, 0.0, 0.0]


def test_nothing_is_repeated_from_another_request_or_where_it_is_never_computed():
    policy = Policy()
    tick(shown(policy, check_every=5), 0)
    never = tick(shown(policy, check_every=0), 1)[0]
    assert np.isnan(shares(never)).all() and np.isnan(amounts(never)).all()
    assert checked(policy) == [0]
    other = shown(policy, "token_contribution", check_every=5)
    tick(other, 2)
    assert checked(policy) == [0, 2]
    # `auto` says anew on each tick why it is what it is.
    again = replace(other, asked="auto", reason="80 ms of 100")
    assert shares(tick(again, 3)[0]) == [0.125, 0.25, 0.625]
    assert checked(policy) == [0, 2]


def test_each_further_target_repeats_its_own_shares():
    policy = Policy((1.0, -2.0, 5.0))
    selection = shown(policy, check_every=3)
    tick(selection, 0)
    between = tick(selection, 1)[0].maps
    one, missing = between.also
    assert [camera.part_share for camera in one.cameras] == [0.125, 0.25]
    assert one.joint_state_share == 0.625
    assert missing == Missing("2", "no such plan")


def test_what_stood_in_for_a_target_leaves_no_shares_to_it():
    policy = Policy((1.0, -2.0, 5.0))
    selection = shown(policy, check_every=5)
    policy.stands_in = "another"
    tick(selection, 0)
    policy.stands_in, policy.found = "", (0.0, 3.0, 1.0)
    assert shares(tick(selection, 1)[0]) == [0.0, 0.75, 0.25]
    assert checked(policy) == [0, 1]
    assert shares(tick(selection, 2)[0]) == [0.0, 0.75, 0.25]


def test_a_tick_that_fails_leaves_the_next_one_to_be_complete():
    policy = Policy()
    selection = shown(policy, check_every=5)
    policy.found = PolicyError("not finite")
    assert tick(selection, 0)[0].maps is None
    policy.found = (1.0, 0.0, 1.0)
    assert shares(tick(selection, 1)[0]) == [0.5, 0.0, 0.5]
    assert checked(policy) == [0, 1]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (PolicyError("not finite"), "not finite"),
        (MemoryError("none left"), "contribution failed: MemoryError: none left"),
    ],
)
def test_whatever_fails_makes_the_map_invalid_with_its_reason(error, reason):
    found, _ = tick(shown(Policy(error)))
    assert found.maps is None
    assert (found.outcome.invalid_reason, found.outcome.valid) == (reason, False)
    assert found.method_asked == "contribution"


def test_a_tick_without_a_pass_is_not_asked_about():
    policy = Policy()
    assert tick(shown(policy), reason="inference skipped")[0].maps is None
    assert not policy.asked


def test_what_was_asked_for_and_why_it_is_another_are_said():
    selection = SimpleNamespace(method="rollout", maps=lambda output, spec: "attention")
    found, _ = tick(InReserve(selection, "contribution", "it gives no contributions"))
    assert (found.maps, found.method_asked) == ("attention", "contribution")
    assert found.method_reason == "it gives no contributions"
    auto = shown(Policy(), asked="auto", reason="80 ms of 100")
    assert (tick(auto)[0].method_asked, tick(auto)[0].method_reason) == ("auto", "80 ms of 100")
