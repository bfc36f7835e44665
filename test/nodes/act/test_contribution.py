# SPDX-License-Identifier: Apache-2.0
"""`attention_method: contribution`, token_contribution and auto on a node."""

from __future__ import annotations

import math
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image

from pam_ros.attention.attribution import Target
from pam_ros.attention.contribution import ContributionRequest
from pam_ros.msg import AttentionMap
from pam_ros.nodes.act.live_method import AutoShown, LiveMethod
from pam_ros.policy import PolicyError, load_policy
from pam_ros.policy.token_means import FILE, load_means, save_means, take_own_means
from pam_ros.tick.contribution import InReserve, ShownContribution

ATTENTION = "/act_attention/attention"
# Images make the ticks. On a busy machine a contribution, or what it is reckoned to take, may
# outlast four ticks at 4 Hz, and would be left out.
UNHURRIED_HZ = 0.2
PIXELS = np.random.default_rng(3).integers(0, 256, (64, 96, 3), np.uint8)
OBSERVED = {
    "observation.images.top": PIXELS,
    "observation.state": np.array([0.3, -0.6], np.float32),
}


def ticks(robot, maps, count):
    """So many ticks on the same observation, one after the other."""
    for _ in range(count):
        wanted = len(maps) + 1
        robot.observe(pixels=PIXELS, positions=(0.3, -0.6))
        assert robot.wait(lambda wanted=wanted: len(maps) >= wanted)


@pytest.mark.parametrize("enabled", [True, False])
@pytest.mark.parametrize("method", ["contribution", "token_contribution"])
def test_each_tick_has_the_policys_contributions(attention_robot, checkpoint, method, enabled):
    robot = attention_robot(
        enabled=enabled,
        rate_hz=UNHURRIED_HZ,
        attention_method=method,
        contribution_baseline="mean",
        contribution_target="'lift[1:3]'",
    )
    maps = robot.listen(AttentionMap, ATTENTION)
    pictures = robot.listen(Image, f"{ATTENTION}/top/image")
    robot.spin()
    ticks(robot, maps, 2)
    assert robot.wait(lambda: pictures)
    found, *after = (one for one in maps if one.valid)
    assert enabled or after  # with a queue the second tick may have no pass
    assert (found.method, found.method_asked, found.method_reason) == (method, method, "")
    assert (found.target, found.unit, found.baseline) == ("lift[1:3]", "action", "mean")
    policy = load_policy(checkpoint, device="cpu", engine="eager")
    request = ContributionRequest(
        method, Target(1, 1, 3), baseline="mean", complete=True, joints=("pan", "lift")
    )
    expected = policy.contribute(OBSERVED, request).maps(policy.spec.layout, 16)
    camera = found.cameras[0]
    assert (camera.rows, camera.cols) == expected.cameras[0].cells.shape
    np.testing.assert_allclose(camera.cells, expected.cameras[0].cells.ravel(), atol=1e-5)
    np.testing.assert_allclose(camera.signed_cells, expected.cameras[0].signed.ravel(), atol=1e-5)
    assert found.completeness_error == pytest.approx(expected.completeness_error, abs=1e-5)
    groups = {group.kind: group.contribution for group in found.groups}
    wanted = {group.kind: group.contribution for group in expected.groups}
    # This checkpoint's joint state has no statistics, so no mean to be compared with.
    assert math.isnan(groups["joint_state"]) and math.isnan(wanted["joint_state"])
    assert camera.contribution == pytest.approx(expected.cameras[0].contribution, abs=1e-5)
    assert abs(camera.contribution) > 1e-5
    for one in (found, *after):  # later ticks repeat the first one's shares
        assert math.isnan(one.joint_state_share)
        assert one.cameras[0].part_share == expected.cameras[0].part_share == 1
    assert all(math.isnan(one.cameras[0].contribution) for one in after)


@pytest.mark.parametrize(
    "execution", [{"temporal_ensemble": True}, {"execution": "async", "n_action_steps": 8}]
)
def test_commands_do_not_wait_for_a_contribution(attention_robot, execution):
    robot = attention_robot(enabled=True, attention_method="contribution", **execution)
    maps = robot.listen(AttentionMap, ATTENTION)
    policy, ended = robot.node.ticks.policy, threading.Event()
    contribute = policy.contribute

    def waits(*given):
        assert ended.wait(300.0)
        return contribute(*given)

    policy.contribute = waits
    robot.spin()
    loop, publisher = robot.node.ticks._loop, robot.node.ticks.commander.publisher
    try:
        for count in range(1, 6):
            robot.observe(pixels=PIXELS, positions=(0.3, -0.6))
            assert robot.wait(lambda count=count: loop.ticks >= count)
        assert robot.wait(lambda: publisher.published >= 3)
        assert not any(one.valid for one in maps)
    finally:
        ended.set()
    for _ in range(100):  # those that would end too late for the next chunk are left out
        if robot.wait(lambda: any(one.valid for one in maps), seconds=0.5):
            break
        robot.observe(pixels=PIXELS, positions=(0.3, -0.6))
    assert next(one for one in maps if one.valid).method == "contribution"

    # The newest waits, those in between are left out and counted.
    def all_told() -> bool:
        # One is counted before it is told.
        left_out = robot.node.ticks._execution.values()["maps_left_out"]
        words = "no map: maps and overlays take longer"
        return left_out == sum(words in one.invalid_reason for one in list(maps))

    assert robot.wait(all_told)


@pytest.fixture
def held(attention_robot):
    """A disabled robot whose contribution does not end before the event is set; its maps."""
    events = []

    def start(**parameters):
        robot = attention_robot(rate_hz=UNHURRIED_HZ, attention_method="contribution", **parameters)
        maps, begun, ended = robot.listen(AttentionMap, ATTENTION), threading.Event(), []
        events.append(threading.Event())
        contribute = robot.node.ticks.policy.contribute

        def waits(*given):
            begun.set()
            assert events[-1].wait(300.0)
            ended.append(1)
            return contribute(*given)

        robot.node.ticks.policy.contribute = waits
        robot.spin()
        robot.observe(pixels=PIXELS, positions=(0.3, -0.6))
        assert begun.wait(60.0)
        return robot, maps, events[-1], ended

    yield start
    for event in events:
        event.set()


@pytest.mark.parametrize("mode", [{"temporal_ensemble": True}, {"n_action_steps": 8}])
def test_enabling_and_disabling_do_not_wait_for_a_contribution(held, mode):
    robot, maps, go, ended = held(**mode)
    ticks, commander = robot.node.ticks, robot.node.ticks.commander
    assert not ticks._ticking.acquire(blocking=False)  # while disabled, the tick waits for its map
    robot.node.set_parameters([Parameter("enabled", value=True)])
    assert robot.wait(lambda: not ticks._ticking.locked())
    for count in (2, 3):
        robot.observe(pixels=PIXELS, positions=(0.3, -0.6))
        assert robot.wait(lambda count=count: ticks._loop.ticks >= count)
    assert robot.wait(lambda: commander.publisher.published >= 2)
    assert commander.state.value == "running"
    robot.node.set_parameters([Parameter("enabled", value=False)])
    assert commander.state.value == "disabled"
    assert ended == []
    go.set()
    assert robot.wait(lambda: any(one.valid and one.tick == 0 for one in maps))


def test_a_fault_and_the_end_do_not_wait_for_a_contribution(held):
    robot, _, _, ended = held()
    ticks = robot.node.ticks
    ticks._on_failure(RuntimeError("something"))
    assert ticks.commander.state.value in {"disabled", "fault"}
    assert robot.wait(lambda: not ticks._ticking.locked())
    robot.observe(pixels=PIXELS, positions=(0.3, -0.6))
    assert robot.wait(lambda: ticks._ticking.locked() and ticks._loop.ticks == 2)
    ticks.stop()
    assert robot.wait(lambda: not ticks._ticking.locked())
    assert ended == []


def test_a_contribution_that_would_end_after_the_next_chunk_is_left_out(attention_robot):
    robot = attention_robot(
        enabled=True, rate_hz=UNHURRIED_HZ, attention_method="contribution", n_action_steps=8
    )
    maps = robot.listen(AttentionMap, ATTENTION)
    execution = robot.node.ticks._execution
    execution.beside._contributed.add(1e9)
    robot.spin()
    ticks(robot, maps, 2)
    for one in maps:
        assert not one.valid
        assert "a contribution takes up to" in one.invalid_reason or one.inference_skipped
    first = next(one for one in maps if one.tick == 0)
    assert first.invalid_reason.startswith("no map: a contribution takes up to 1000000")
    assert execution.values()["maps_before_refill_left_out"] == 1
    assert execution.values()["maps_left_out"] == 0


def test_a_contribution_that_fails_is_not_the_robots_matter(attention_robot):
    robot = attention_robot(enabled=True, rate_hz=UNHURRIED_HZ, attention_method="contribution")
    maps = robot.listen(AttentionMap, ATTENTION)

    def fails(*_):
        raise PolicyError("the contributions are not finite on this observation")

    robot.node.ticks.policy.contribute = fails
    robot.spin()
    ticks(robot, maps, 2)
    assert not maps[0].valid
    assert maps[0].invalid_reason == "the contributions are not finite on this observation"
    commander = robot.node.ticks.commander
    assert commander.state.value not in {"fault"}
    assert "not finite" not in commander.reason


def test_a_target_that_does_not_exist_shows_attention_and_says_why(attention_robot):
    robot = attention_robot(attention_method="contribution", contribution_target="gripper")
    maps = robot.listen(AttentionMap, ATTENTION)
    robot.spin()
    ticks(robot, maps, 1)
    assert (maps[0].valid, maps[0].method, maps[0].method_asked) == (
        True,
        "rollout",
        "contribution",
    )
    assert "'gripper' is none of this policy's: use chunk, change or a joint of pan, lift" in (
        maps[0].method_reason
    )
    robot.node.set_parameters([Parameter("contribution_target", value="lift")])
    robot.node.set_parameters([Parameter("contribution_cell", value=0)])
    ticks(robot, maps, 1)
    assert "cell 0 must be 1 or more" in maps[-1].method_reason
    robot.node.set_parameters([Parameter("contribution_cell", value=8)])
    ticks(robot, maps, 1)
    assert (maps[-1].method, maps[-1].target, maps[-1].cameras[0].rows) == (
        "contribution",
        "lift",
        8,
    )


class Policy:
    """Contributions that are never asked for here."""

    def keep_inputs(self, *, keep):
        pass


def choices(*methods):
    return tuple(ShownContribution(Policy(), ContributionRequest(m), None) for m in methods)


class Rollout:
    method = "rollout"


def test_auto_is_the_most_faithful_that_keeps_the_rate():
    said, now = [], [0.0]
    live = LiveMethod(0.1, said.append, lambda: now[0])
    auto = AutoShown(choices("contribution", "token_contribution"), Rollout())
    for _ in range(20):
        live.note("contribution", 0.06)
        live.note("token_contribution", 0.01)
    shown = live.chosen(auto, 0.03)
    assert (shown.method, shown.asked) == ("contribution", "auto")
    assert shown.reason == "contribution takes 90 ms with its pass of a period of 100 ms"
    assert live.chosen(auto, 0.045).method == "contribution"  # a little more is no change
    shown = live.chosen(auto, 0.06)
    assert (shown.method, shown.asked) == ("token_contribution", "auto")
    assert shown.reason.startswith("contribution takes 120 ms with its pass; token_contribution")
    # What was given up has to fit, and is tried again after a while.
    assert live.chosen(auto, 0.05).method == "token_contribution"
    now[0] += 61
    assert live.chosen(auto, 0.05).method == "contribution"
    for _ in range(20):
        live.note("contribution", 0.5)
        live.note("token_contribution", 0.5)
    shown = live.chosen(auto, 0.05)
    assert isinstance(shown, InReserve)
    assert (shown.method, shown.asked) == ("rollout", "auto")
    assert len(said) == 4
    assert live.values()["attention_method"] == "rollout"


def test_a_method_that_fails_is_not_chosen():
    live = LiveMethod(0.1, lambda _: None)
    for _ in range(20):
        live.note("contribution", 0.001)
    for _ in range(11):
        live.note("contribution", math.inf)
    shown = live.chosen(AutoShown(choices("contribution"), Rollout()), 0.01)
    assert (shown.method, shown.reason[:12]) == ("rollout", "contribution")


def test_nothing_is_timed_beside_passes_that_take_longer_than_a_period():
    asked, takes = [], [0.01]
    spec = SimpleNamespace(
        cameras=(), state_feature=None, state_dim=0, environment_feature=None, environment_dim=0
    )
    policy = SimpleNamespace(
        spec=spec,
        explain=lambda _: SimpleNamespace(forward_seconds=takes[0]),
        keep_inputs=lambda *, keep: None,
        contribute=lambda *given: asked.append(given),
        reset=lambda: None,
    )
    otherwise = SimpleNamespace(method="rollout", apply_to=lambda _: None)
    auto = AutoShown((ShownContribution(policy, ContributionRequest(), None),), otherwise)
    LiveMethod(1.0, lambda _: None).measure(auto, policy)
    assert len(asked) == 3
    takes[0] = 2.0
    live = LiveMethod(1.0, lambda _: None)
    live.measure(auto, policy)
    assert len(asked) == 3
    shown = live.chosen(auto, 2.0)
    assert isinstance(shown, InReserve)
    assert shown.reason.startswith("contribution takes 2000 ms with its pass")


def test_auto_says_why_a_policy_has_none():
    live = LiveMethod(0.1, lambda _: None)
    shown = live.chosen(AutoShown((), Rollout(), "it gives no contributions"), 0.01)
    assert (shown.method, shown.reason) == ("rollout", "it gives no contributions")


def test_auto_on_a_node(attention_robot):
    robot = attention_robot(attention_method="auto", rate_hz=1.0)
    maps = robot.listen(AttentionMap, ATTENTION)
    robot.spin()
    ticks(robot, maps, 1)
    assert maps[0].method_asked == "auto"
    assert maps[0].method in {"contribution", "rollout"}
    assert "of a period of 1000 ms" in maps[0].method_reason


def test_means_are_a_file_of_one_policy(checkpoint, tmp_path, caplog):
    policy = load_policy(checkpoint, device="cpu", engine="eager")
    means = policy.mean_tokens([OBSERVED])
    save_means(tmp_path / "means.npz", means, policy.spec)
    np.testing.assert_allclose(load_means(tmp_path / "means.npz", policy.spec), means, atol=1e-2)
    own = load_policy(checkpoint, device="cpu", engine="eager")
    assert (policy.tokens_compared_with, own.tokens_compared_with) == ("running", "running")
    take_own_means(own, tmp_path)  # none there
    (tmp_path / "means.npz").rename(tmp_path / FILE)
    take_own_means(own, tmp_path)
    assert own.tokens_compared_with == "fitted"
    (tmp_path / FILE).rename(tmp_path / "means.npz")
    (tmp_path / FILE).write_text("no means")
    take_own_means(policy, tmp_path)
    assert policy.tokens_compared_with == "running"
    assert f"{FILE} is not used: " in caplog.text
    other = type("Spec", (), {"sha256": "0" * 64, "name": "other"})()
    with pytest.raises(PolicyError, match=r"of another policy, .*: make them anew for other"):
        load_means(tmp_path / "means.npz", other)
    (tmp_path / "text").write_text("no means")
    whole = (tmp_path / "means.npz").read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 200)):
        flipped = bytes([whole[place] ^ 16])
        (tmp_path / FILE).write_bytes(whole[:place] + flipped + whole[place + 1 :])
        take_own_means(policy, tmp_path)  # is read, or is not used
    for name in ("text", "nothing"):
        with pytest.raises(PolicyError, match="holds no mean tokens"):
            load_means(tmp_path / name, policy.spec)


def test_the_change_since_the_tick_before_and_a_reset(attention_robot):
    robot = attention_robot(attention_method="contribution", contribution_target="change")
    maps = robot.listen(AttentionMap, ATTENTION)
    robot.spin()
    ticks(robot, maps, 2)
    assert [one.target for one in maps] == ["chunk", "change"]
    assert "needs an earlier tick of the episode" in maps[0].method_reason
    assert [one.valid for one in maps] == [True, True]
    assert maps[1].method_reason == ""
    robot.node.ticks.reset()
    ticks(robot, maps, 2)
    assert [one.target for one in maps[2:]] == ["chunk", "change"]
