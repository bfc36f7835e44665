# SPDX-License-Identifier: Apache-2.0
"""The attention node as a managed node."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rcl_interfaces.srv import GetParameters
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.qos import DurabilityPolicy, QoSProfile
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger

from pam_ros.msg import AttentionMap
from pam_ros.nodes.act import policy_start, robot_description
from pam_ros.robot import SafetyState

NAME = "/act_attention"


def state(robot) -> int:
    return robot.call(GetState, f"{NAME}/get_state", GetState.Request()).current_state.id


def change(robot, transition) -> bool:
    request = ChangeState.Request(transition=Transition(id=transition))
    return robot.call(ChangeState, f"{NAME}/change_state", request).success


@pytest.fixture
def managed(attention_robot):
    """Starts the node unconfigured, and spins it."""

    def start(**parameters):
        robot = attention_robot(autostart=False, **parameters)
        robot.spin(wait=False)
        return robot

    return start


def test_it_waits_to_be_configured_where_it_does_not_start_by_itself(managed):
    robot = managed()
    assert state(robot) == State.PRIMARY_STATE_UNCONFIGURED
    assert not change(robot, Transition.TRANSITION_ACTIVATE)
    with pytest.raises(RuntimeError, match="not configured"):
        _ = robot.node.ticks
    assert change(robot, Transition.TRANSITION_CONFIGURE)
    assert state(robot) == State.PRIMARY_STATE_INACTIVE
    maps = robot.listen(AttentionMap, f"{NAME}/attention")
    assert robot.wait(lambda: robot.images.get_subscription_count() > 0)
    robot.observe()
    assert not robot.wait(lambda: maps, 1.0)
    assert change(robot, Transition.TRANSITION_ACTIVATE)
    assert robot.show(maps).valid


def test_it_starts_by_itself_unless_told_otherwise(attention_robot):
    robot = attention_robot()
    robot.spin()
    assert state(robot) == State.PRIMARY_STATE_ACTIVE


def test_while_the_policy_loads_the_state_and_parameters_are_told(managed, monkeypatch):
    load, go = policy_start.load_policy, threading.Event()

    def slow(*arguments, **options):
        assert go.wait(60)
        return load(*arguments, **options)

    monkeypatch.setattr(policy_start, "load_policy", slow)
    robot = managed()
    client = robot.peer.create_client(ChangeState, f"{NAME}/change_state")
    assert client.wait_for_service(timeout_sec=60.0)
    configure = Transition(id=Transition.TRANSITION_CONFIGURE)
    done = client.call_async(ChangeState.Request(transition=configure))
    assert robot.wait(lambda: state(robot) == State.TRANSITION_STATE_CONFIGURING)
    names = GetParameters.Request(names=["overlay_alpha"])
    answer = robot.call(GetParameters, f"{NAME}/get_parameters", names)
    assert answer.values[0].double_value == 0.6
    # A second request meanwhile is refused, not begun.
    assert not change(robot, Transition.TRANSITION_CONFIGURE)
    assert not done.done()
    go.set()
    assert robot.wait(done.done, 60.0)
    assert done.result().success
    assert state(robot) == State.PRIMARY_STATE_INACTIVE


def test_configuring_that_fails_leaves_it_unconfigured_with_the_reason_and_may_be_tried_again(
    managed, contract, capfd
):
    file = contract()
    good = file.read_text()
    robot = managed(contract=file)
    file.write_text(good.replace("observation.images.top", "observation.images.side"))
    assert not change(robot, Transition.TRANSITION_CONFIGURE)
    assert state(robot) == State.PRIMARY_STATE_UNCONFIGURED
    assert "observation.images.side" in capfd.readouterr().err
    file.write_text(good)
    assert change(robot, Transition.TRANSITION_CONFIGURE)


def test_deactivating_holds_an_enabled_robot_and_activating_goes_on(managed, logged):
    robot = managed(soft_start_s=0.0, attention_method="rollout")
    for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
        assert change(robot, transition)
    maps = robot.listen(AttentionMap, f"{NAME}/attention")
    commands = robot.listen(JointState, "/joint_commands")
    robot.show(maps)

    def enabled() -> bool:
        robot.observe()
        request = SetBool.Request(data=True)
        return robot.call(SetBool, f"{NAME}/enable", request).success

    assert robot.wait(enabled)
    robot.show(maps)
    commander = robot.node.ticks.commander
    assert robot.wait(lambda: robot.observe() and commander.state.value == "running")
    assert change(robot, Transition.TRANSITION_DEACTIVATE)
    assert commander.state.value == "holding"
    # The watchdog may have said by now what it finds.
    assert robot.wait(lambda: logged("holding: the node is not active"))
    unheard = robot.observe()

    def held():
        # A command of a tick before may still be on its way.
        return [list(one.position) for one in list(commands) if robot.stamp(one) > unheard]

    # The same position, again and again, and no tick. A map of a tick before may still be on its
    # way, too.
    assert robot.wait(lambda: len(held()) > 3)
    last = next(one for one in reversed(commands) if robot.stamp(one) <= unheard)
    assert all(position == list(last.position) for position in held())
    assert robot.quiet(maps)
    assert all(robot.stamp(one) < unheard for one in maps)
    assert change(robot, Transition.TRANSITION_ACTIVATE)
    assert robot.wait(lambda: robot.observe() and commander.state.value == "running")


def test_it_is_not_enabled_while_it_is_not_active(managed):
    robot = managed()
    assert change(robot, Transition.TRANSITION_CONFIGURE)
    answer = robot.call(SetBool, f"{NAME}/enable", SetBool.Request(data=True))
    assert (answer.success, answer.message) == (False, "not enabled: the node is not active")
    assert not robot.node.get_parameter("enabled").value


def test_cleaning_up_frees_the_policy_and_leaves_no_topic_behind(managed):
    robot = managed()
    node = robot.node
    before = {entity.topic_name for entity in (*node.publishers, *node.subscriptions)}
    services = {service.srv_name for service in node.services}
    assert change(robot, Transition.TRANSITION_CONFIGURE)
    policy = weakref.ref(node.ticks.policy)
    assert {entity.topic_name for entity in node.publishers} > before
    assert change(robot, Transition.TRANSITION_CLEANUP)
    assert {entity.topic_name for entity in (*node.publishers, *node.subscriptions)} == before
    assert {service.srv_name for service in node.services} == services
    assert not list(node.timers)

    def freed() -> bool:
        gc.collect()
        return policy() is None

    assert robot.wait(freed)
    for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
        assert change(robot, transition)
    maps = robot.listen(AttentionMap, f"{NAME}/attention")
    assert robot.show(maps).valid


def test_cleaning_up_an_enabled_robot_commands_nothing_any_more(managed):
    robot = managed(enabled=True)
    for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
        assert change(robot, transition)
    maps = robot.listen(AttentionMap, f"{NAME}/attention")
    commands = robot.listen(JointState, "/joint_commands")
    robot.show(maps)
    assert robot.wait(lambda: robot.observe() and commands)
    assert change(robot, Transition.TRANSITION_DEACTIVATE)
    assert change(robot, Transition.TRANSITION_CLEANUP)
    assert not robot.node.get_parameter("enabled").value
    ended = robot.now()
    # What was sent before may still be on its way.
    assert not robot.wait(lambda: any(robot.stamp(one) > ended for one in list(commands)), 1.0)


def test_a_reset_counts_its_episodes_on_across_a_pause(managed):
    robot = managed()
    for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
        assert change(robot, transition)
    maps = robot.listen(AttentionMap, f"{NAME}/attention")
    assert robot.show(maps).episode == 0
    assert robot.call(Trigger, f"{NAME}/reset", Trigger.Request()).message == "episode 1"
    assert robot.show(maps).episode == 1
    assert change(robot, Transition.TRANSITION_DEACTIVATE)
    assert change(robot, Transition.TRANSITION_ACTIVATE)
    # The policy forgot its queue: what it planned is of before the pause.
    assert robot.show(maps).episode == 2


def test_health_is_told_while_it_is_inactive(managed):
    robot = managed()
    reports = robot.listen(DiagnosticArray, "/diagnostics")
    assert change(robot, Transition.TRANSITION_CONFIGURE)
    assert robot.wait(lambda: any("the node is not active" in r.status[0].message for r in reports))


def test_reports_come_while_it_is_configured_as_often_as_its_parameter_says(managed):
    robot = managed(**{"diagnostic_updater.period": 0.2, "use_sim_time": True})
    reports = robot.listen(DiagnosticArray, "/diagnostics")

    def reported() -> bool:
        # Its clock stands still: nobody publishes /clock.
        told = [status for report in list(reports) for status in report.status if status.values]
        return {status.name for status in told} == {"act_attention: policy"}

    for _ in range(2):
        assert change(robot, Transition.TRANSITION_CONFIGURE)
        assert 200_000_000 in [timer.timer_period_ns for timer in robot.node.timers]
        assert robot.wait(reported)
        assert change(robot, Transition.TRANSITION_CLEANUP)
        assert not robot.node._updater.tasks
        assert robot.quiet(reports)
        reports.clear()


def test_a_shutdown_from_active_ends_finalized(managed):
    robot = managed()
    for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
        assert change(robot, transition)
    assert change(robot, Transition.TRANSITION_ACTIVE_SHUTDOWN)
    assert state(robot) == State.PRIMARY_STATE_FINALIZED


def test_a_node_that_cannot_start_by_itself_says_why_to_who_started_it(attention_robot, tmp_path):
    with pytest.raises(Exception, match="nothing"):
        attention_robot(policy=tmp_path / "nothing")


def test_a_respawned_node_comes_up_disabled(attention_robot, monkeypatch, capfd):
    # Whoever was here before, under the same parent, left without an end.
    first = attention_robot(enabled=True)
    monkeypatch.setattr(first.node._mark, "end", lambda: None)
    first.close()
    rclpy.try_shutdown()
    second = attention_robot(enabled=True)
    assert "comes up disabled" in capfd.readouterr().err
    assert not second.node.get_parameter("enabled").value
    second.spin()
    assert state(second) == State.PRIMARY_STATE_ACTIVE
    second.close()
    rclpy.try_shutdown()
    assert attention_robot(enabled=True).node.get_parameter("enabled").value


URDF = """<robot name="arm">
  <joint name="pan" type="revolute"><limit lower="-1" upper="1" velocity="2"/></joint>
  <joint name="lift" type="revolute"><limit lower="-1.5" upper="1.5" velocity="2"/></joint>
</robot>"""


def test_limits_come_from_the_robot_description_where_the_contract_says_so(managed, contract):
    robot, file = managed(), contract()
    text = file.read_text().replace(", limits: [-3.0, 3.0]", "").replace("max_velocity: 5.0", "")
    file.write_text(text.rstrip() + "\n  limits: urdf\n")
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    description = robot.peer.create_publisher(String, "/robot_description", latched)
    description.publish(String(data=URDF))
    assert change(robot, Transition.TRANSITION_CONFIGURE)
    limits = robot.node.ticks.commander.limits
    assert (limits.lower.tolist(), limits.max_velocity.tolist()) == ([-1.0, -1.5], [2.0, 2.0])


def test_a_robot_description_that_does_not_come_is_named(managed, contract, monkeypatch, capfd):
    monkeypatch.setattr(robot_description, "WAIT_S", 0.3)
    robot, file = managed(), contract()
    file.write_text(file.read_text().rstrip() + "\n  limits: urdf\n")
    assert not change(robot, Transition.TRANSITION_CONFIGURE)
    assert "nothing came on /robot_description within 0.3 s" in capfd.readouterr().err


@pytest.mark.usefixtures("patient_guard")
def test_the_guard_is_started_with_it_and_ends_with_it(managed):
    robot = managed(command_guard=True)
    assert change(robot, Transition.TRANSITION_CONFIGURE)
    guard = robot.node.ticks.guard
    assert guard.ready
    assert change(robot, Transition.TRANSITION_CLEANUP)
    assert guard.process.poll() is not None
    assert robot.node.trigger_configure() is TransitionCallbackReturn.SUCCESS


def test_what_a_transition_raises_is_logged(managed, monkeypatch, capfd):
    robot = managed()
    assert change(robot, Transition.TRANSITION_CONFIGURE)

    def go():
        raise ValueError("no torque")

    monkeypatch.setattr(robot.node.ticks, "go", go)
    assert not change(robot, Transition.TRANSITION_ACTIVATE)
    assert "on_activate: ValueError: no torque" in capfd.readouterr().err
    assert state(robot) == State.PRIMARY_STATE_UNCONFIGURED


@pytest.mark.parametrize("transition", [10, 40, 0, 200])
def test_transitions_that_are_rcls_own_are_refused(managed, transition):
    robot = managed()
    assert change(robot, Transition.TRANSITION_CONFIGURE)
    assert not change(robot, transition)
    request = ChangeState.Request(transition=Transition(label="on_activate_success"))
    assert not robot.call(ChangeState, f"{NAME}/change_state", request).success
    assert state(robot) == State.PRIMARY_STATE_INACTIVE


def test_an_exception_in_a_tick_is_a_fault_and_the_node_stays(attention_robot, monkeypatch, logged):
    robot = attention_robot(enabled=True)
    maps = robot.listen(AttentionMap, f"{NAME}/attention")
    commands = robot.listen(JointState, "/joint_commands")
    robot.spin()
    commander = robot.node.ticks.commander
    robot.show(maps)

    def run_out(*_):
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(robot.node.ticks._editing, "look_at", run_out)
        assert robot.wait(lambda: robot.observe() and commander.state is SafetyState.FAULT)
        # The state is read a moment before its reason may be there.
        assert robot.wait(lambda: commander.reason == "RuntimeError: out of memory")
    held = robot.now()
    # The robot is held first, and the traceback logged afterwards.
    assert robot.wait(lambda: logged("run_out"))
    robot.show(maps)

    def sent_since():
        return [list(one.position) for one in list(commands) if robot.stamp(one) > held]

    assert robot.wait(lambda: len(sent_since()) > 1)
    first, second, *_ = sent_since()
    assert first == second


def test_the_parameter_says_so_where_enabled_could_not_begin(attention_robot):
    robot = attention_robot(enabled=True)
    maps = robot.listen(AttentionMap, f"{NAME}/attention")
    robot.spin()
    assert robot.wait(lambda: robot.observe(positions=(9.0, 0.2)) and maps)
    assert robot.wait(lambda: robot.node.get_parameter("enabled").value is False)
    assert not robot.node.ticks.commander.commanding


def test_a_joint_state_whose_stamp_is_old_is_no_place_to_start_from(attention_robot):
    robot = attention_robot({"max_age": 0.5})
    robot.spin()
    joints = JointState(name=["pan", "lift"], position=[0.1, 0.2])
    minute = robot.now() // 10**9 - 60
    recent = robot.node.ticks.sources._recent["/joint_states"]
    for seconds in (0, minute):
        joints.header.stamp.sec = int(seconds)

        def refused() -> bool:
            robot.joints.publish(joints)
            assert robot.wait(lambda: recent and recent[-1][-1] == joints)
            done = robot.call(SetBool, f"{NAME}/enable", SetBool.Request(data=True))
            assert not done.success
            assert done.message.startswith("not enabled: ")
            assert "nothing recent on /joint_states" in done.message
            # Of its stamps it is told what came in the last seconds, which may be over by now.
            return ("has the stamp 0" in done.message) == (joints.header.stamp.sec == 0)

        assert robot.wait(refused)
