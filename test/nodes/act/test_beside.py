# SPDX-License-Identifier: Apache-2.0
"""While commands go out, passes that only explain run beside them, in the real node."""

from __future__ import annotations

import threading
from collections import Counter

import numpy as np
import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import Parameter, ParameterType, ParameterValue
from rcl_interfaces.srv import SetParameters
from sensor_msgs.msg import Image, JointState
from std_srvs.srv import SetBool, Trigger

from pam_ros.msg import AttentionMap
from pam_ros.policy import load_policy
from pam_ros.tick.beside import BesideThread

ATTENTION = "/act_attention/attention"
OVERLAY = "/act_attention/attention/top/image"
QUIET = {"n_action_steps": 8, "attention_method": "rollout", "rate_hz": 0.1}
"""Its passes are what these tests hold up; contributions have tests of their own. Images make the
ticks; at that rate even two actions leave a busy machine the time for a pass."""
WAIT_S = 120.0


class Gate:
    """Passes that run late wait at their end while it is closed."""

    def __init__(self, policy) -> None:
        self._go = threading.Event()
        self._go.set()
        self.begun: list[int] = []
        later, self._count = policy.explain_later, 0

        def explain_later(observation):
            run, number = later(observation), self._count
            self._count += 1

            def waits():
                self.begun.append(number)
                output = run()
                assert self._go.wait(WAIT_S)
                return output

            return waits

        policy.explain_later = explain_later

    def close(self) -> None:
        self._go.clear()

    def open(self) -> None:
        self._go.set()


@pytest.fixture
def running(attention_robot, monkeypatch):
    """An enabled robot in queue mode whose first tick has been; its gate, maps and commands."""
    # A pass that has waited at the gate would seem too long to begin before the next chunk is due.
    monkeypatch.setattr(BesideThread, "estimate_s", 0.0)

    def start(listen=(), **parameters):
        robot = attention_robot(enabled=True, **{**QUIET, **parameters})
        gate = Gate(robot.node.ticks.policy)
        maps = robot.listen(AttentionMap, ATTENTION)
        commands = robot.listen(JointState, "/joint_commands")
        for kind, topic in listen:
            robot.listen(kind, topic)
        robot.spin()
        robot.observe()
        if parameters.get("execution") != "async":
            assert robot.wait(lambda: maps and maps[0].valid)
        return robot, gate, maps, commands

    return start


def loop(robot):
    return robot.node.ticks._loop


def tick(robot, **observation):
    """One more tick of the loop; its stamp."""
    before = loop(robot).ticks
    stamp = robot.observe(**observation)
    assert robot.wait(lambda: loop(robot).ticks > before)
    # The next one begins when this one has ended.
    with robot.node.ticks._ticking:
        return stamp


def by_tick(maps):
    """The messages by tick: exactly one each."""
    assert set(Counter(m.tick for m in maps).values()) <= {1}
    return {m.tick: m for m in maps}


def nanoseconds(stamp) -> int:
    return stamp.sec * 10**9 + stamp.nanosec


def test_commands_go_on_while_a_pass_runs_and_each_tick_has_one_message(running, checkpoint):
    robot, gate, maps, commands = running()
    gate.close()
    rng = np.random.default_rng(1)
    pixels = [rng.integers(0, 256, (64, 96, 3), np.uint8) for _ in range(4)]
    stamps = [tick(robot, pixels=pixels[0])]
    # Else the next one might take its place before the thread has looked.
    assert robot.wait(lambda: gate.begun == [0])
    stamps += [tick(robot, pixels=image) for image in pixels[1:]]  # ticks 2 to 4
    acted = robot.node.ticks.commander.publisher
    assert robot.wait(lambda: acted.published >= 5)
    # Ticks 2 and 3 gave way to newer ones, and said so while the first pass was under way.
    assert robot.wait(lambda: len(maps) == 3)
    assert {m.tick: m.inference_skipped for m in maps} == {0: False, 2: True, 3: True}
    assert "newer observation" in by_tick(maps)[2].invalid_reason
    gate.open()
    assert robot.wait(lambda: len(maps) == 5)
    seen = by_tick(maps)
    assert [seen[k].valid for k in range(5)] == [True, True, False, False, True]
    policy = load_policy(checkpoint, device="cpu")
    for number, stamp in enumerate(stamps, 1):
        message = seen[number]
        assert nanoseconds(message.header.stamp) == stamp
        assert message.command_source_tick == 0
        assert not message.chunk_executed
        if not message.valid:
            continue
        robot_says = {
            "observation.images.top": pixels[number - 1],
            "observation.state": np.array([0.1, 0.2], np.float32),
        }
        robot.node.ticks.look.selection.apply_to(policy)
        expected = robot.node.ticks.look.selection.maps(policy.explain(robot_says), policy.spec)
        np.testing.assert_allclose(
            message.cameras[0].cells, expected.cameras[0].cells.ravel(), atol=1e-6
        )
    assert robot.wait(lambda: len(commands) == acted.published)


def test_a_refill_waits_for_the_pass_under_way_and_is_counted(running):
    robot, gate, maps, _ = running(n_action_steps=2, listen=[(DiagnosticArray, "/diagnostics")])
    gate.close()
    tick(robot)
    assert robot.wait(lambda: gate.begun == [0])
    robot.observe()  # the queue is empty: this one needs the policy
    assert robot.wait(lambda: loop(robot).ticks == 3)
    assert len(maps) == 1
    gate.open()
    assert robot.wait(lambda: len(maps) == 3)
    assert by_tick(maps)[2].chunk_executed
    reports = robot.received["/diagnostics"]

    def told() -> dict[str, str]:
        return {v.key: v.value for v in reports[-1].status[0].values} if reports else {}

    assert robot.wait(lambda: told().get("refills_waited") == "1")
    assert told()["execution"] == "blocking"
    assert float(told()["refill_wait_ms_max"]) >= 0
    assert int(told()["passes_beside"]) == 1


def test_a_reset_during_a_pass_leaves_it_its_numbers_and_drops_what_waits(running):
    robot, gate, maps, _ = running()
    gate.close()
    tick(robot)
    assert robot.wait(lambda: gate.begun == [0])
    tick(robot)
    assert robot.call(Trigger, "/act_attention/reset", Trigger.Request()).success
    assert robot.wait(lambda: len(maps) == 2)
    assert maps[-1].tick == 2
    assert "an episode began" in maps[-1].invalid_reason
    gate.open()
    assert robot.wait(lambda: len(maps) == 3)
    assert (maps[-1].episode, maps[-1].tick, maps[-1].valid) == (0, 1, True)
    tick(robot)
    assert robot.wait(lambda: len(maps) == 4)
    assert (maps[-1].episode, maps[-1].tick, maps[-1].chunk_executed) == (1, 3, True)


def test_disabling_during_a_pass_is_heeded_at_once_and_the_pass_is_shown(running):
    robot, gate, maps, commands = running()
    gate.close()
    tick(robot)
    assert robot.wait(lambda: gate.begun == [0])
    answer = robot.call(SetBool, "/act_attention/enable", SetBool.Request(data=False))
    assert answer.success
    publisher = robot.node.ticks.commander.publisher
    published = publisher.published
    gate.open()
    assert robot.wait(lambda: len(maps) == 2)
    assert maps[-1].valid
    tick(robot)
    assert robot.wait(lambda: len(maps) == 3)
    assert (maps[-1].tick, maps[-1].valid, maps[-1].command_source_tick) == (2, True, 2)
    assert robot.wait(lambda: len(commands) == published)
    assert robot.quiet(commands)
    assert len(commands) == publisher.published == published


def test_a_pass_that_fails_faults_the_robot_and_the_next_chunk_is_new(running):
    robot, _, maps, _ = running()
    policy = robot.node.ticks.policy
    later = policy.explain_later
    policy.explain_later = lambda _: lambda: 1 / 0
    tick(robot)
    assert robot.wait(lambda: robot.node.ticks.commander.state.value == "fault")
    assert robot.wait(lambda: len(maps) == 2)
    assert "ZeroDivisionError" in maps[-1].invalid_reason
    policy.explain_later = later
    # The tick of the very observation with which it is enabled may be the first that commands.
    before = loop(robot).ticks

    def enabled() -> bool:
        robot.observe()
        return robot.call(SetBool, "/act_attention/enable", SetBool.Request(data=True)).success

    assert robot.wait(enabled)
    tick(robot)
    assert robot.wait(lambda: any(m.tick >= before and m.chunk_executed for m in maps))
    first = min(m.tick for m in maps if m.tick >= before)
    assert by_tick(maps)[first].command_source_tick == first


def test_a_look_that_changes_during_a_pass_counts_from_the_next_one(running):
    robot, gate, maps, _ = running(listen=[(Image, OVERLAY)])
    gate.close()
    tick(robot)
    assert robot.wait(lambda: gate.begun == [0])
    value = ParameterValue(type=ParameterType.PARAMETER_STRING, string_value="encoder_attention")
    request = SetParameters.Request(parameters=[Parameter(name="attention_method", value=value)])
    answer = robot.call(SetParameters, "/act_attention/set_parameters", request)
    assert answer.results[0].successful
    tick(robot)
    gate.open()
    assert robot.wait(lambda: len(maps) == 3)
    assert [by_tick(maps)[k].method for k in range(3)] == [
        "rollout", "rollout", "encoder_attention",
    ]  # fmt: skip
    pictures = robot.received[OVERLAY]
    assert robot.wait(lambda: len(pictures) == 3)
    stamps = [nanoseconds(by_tick(maps)[k].header.stamp) for k in range(3)]
    assert [nanoseconds(p.header.stamp) for p in pictures] == stamps


def test_a_node_that_ends_does_not_wait_for_a_pass_for_long_and_shows_it_no_more(
    running, monkeypatch
):
    robot, gate, maps, commands = running()
    ticks = robot.node.ticks
    thread = ticks._execution.beside
    monkeypatch.setattr(thread, "close", lambda close=thread.close: close(timeout_s=0.1))
    gate.close()
    tick(robot)
    assert robot.wait(lambda: gate.begun == [0])
    tick(robot)
    robot.node.trigger_deactivate()
    robot.node.trigger_cleanup()
    assert robot.wait(lambda: len(maps) == 2)  # the one that waited was told
    assert maps[-1].inference_skipped
    gate.open()
    thread._thread.join(WAIT_S)
    assert not thread._thread.is_alive()
    assert ticks.commander.state.value == "disabled"
    assert robot.quiet(commands)
    assert len(maps) == 2


def test_temporal_ensembling_needs_no_thread(attention_robot):
    robot = attention_robot(enabled=True, temporal_ensemble=True)
    assert robot.node.ticks._execution.beside is None


def test_a_process_that_ends_during_a_pass_leaves_out_what_waits_without_a_word(
    running, monkeypatch, capfd
):
    robot, gate, *_ = running()
    ticks = robot.node.ticks
    thread = ticks._execution.beside
    monkeypatch.setattr(thread, "close", lambda close=thread.close: close(timeout_s=0.1))
    gate.close()
    tick(robot)
    assert robot.wait(lambda: gate.begun == [0])
    tick(robot)
    for executor in robot._executors:  # a report that is being published would say more
        executor.shutdown(timeout_sec=60.0)
    rclpy.try_shutdown()  # as Ctrl-C does: nothing can be published any more
    robot.node.close()
    gate.open()
    thread._thread.join(WAIT_S)
    assert not thread._thread.is_alive()
    assert "Traceback" not in capfd.readouterr().err
