# SPDX-License-Identifier: Apache-2.0
"""Times, durations, clocks and simulated time."""

import threading
import time

import pytest
from builtin_interfaces.msg import Time as TimeMsg
from rclpy.clock import Clock, ClockChange, JumpThreshold, ROSClock
from rclpy.clock_type import ClockType
from rclpy.duration import Duration, Infinite
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile
from rclpy.time import Time
from rosgraph_msgs.msg import Clock as ClockMsg


def test_durations_add_up_and_compare():
    assert Duration(seconds=1.5, nanoseconds=5).nanoseconds == 1_500_000_005
    assert Duration(seconds=1) < Duration(seconds=2) <= Duration(seconds=2)
    assert Duration(seconds=-1).to_msg().sec == -1
    assert Duration.from_msg(Duration(nanoseconds=123).to_msg()) == Duration(nanoseconds=123)
    assert str(Infinite) == "Infinite"
    with pytest.raises(OverflowError, match="too large"):
        Duration(nanoseconds=2**63)


def test_times_add_subtract_and_compare():
    time = Time(seconds=2, nanoseconds=3, clock_type=ClockType.ROS_TIME)
    assert time.seconds_nanoseconds() == (2, 3)
    assert (time + Duration(seconds=1)).nanoseconds == 3_000_000_003
    assert (time - Time(seconds=1, clock_type=ClockType.ROS_TIME)) == Duration(
        seconds=1, nanoseconds=3
    )
    assert time > Time(clock_type=ClockType.ROS_TIME)
    assert time.to_msg() == TimeMsg(sec=2, nanosec=3)
    assert Time.from_msg(time.to_msg()) == time
    assert repr(time) == "Time(nanoseconds=2000000003, clock_type=ROS_TIME)"


def test_times_of_different_clocks_do_not_mix():
    ros, system = Time(clock_type=ClockType.ROS_TIME), Time()
    for operation in (lambda: ros - system, lambda: ros < system, lambda: ros == system):
        with pytest.raises(TypeError, match="different clock types"):
            operation()
    with pytest.raises(ValueError, match="negative"):
        Time(nanoseconds=-1)
    with pytest.raises(ValueError, match="negative time"):
        Time() - Duration(seconds=1)


def test_clocks_show_their_time():
    before, now, after = time.time_ns(), Clock().now().nanoseconds, time.time_ns()
    assert before <= now <= after
    steady = Clock(clock_type=ClockType.STEADY_TIME)
    assert steady.now() <= steady.now()
    assert isinstance(Clock(clock_type=ClockType.ROS_TIME), ROSClock)


def test_a_ros_clock_follows_its_override_and_reports_jumps():
    clock, jumps = ROSClock(), []
    threshold = JumpThreshold(
        min_forward=Duration(seconds=1), min_backward=Duration(nanoseconds=-1)
    )
    handle = clock.create_jump_callback(threshold, post_callback=jumps.append)
    clock.set_ros_time_override(Time(seconds=10))
    assert not jumps
    clock._set_ros_time_is_active(True)
    assert clock.now().nanoseconds == 10 * 10**9
    clock.set_ros_time_override(Time(seconds=10.5))
    clock.set_ros_time_override(Time(seconds=20))
    clock.set_ros_time_override(Time(seconds=19))
    handle.unregister()
    clock.set_ros_time_override(Time(seconds=90))
    assert [j.clock_change for j in jumps] == [
        ClockChange.ROS_TIME_ACTIVATED, ClockChange.ROS_TIME_NO_CHANGE,
        ClockChange.ROS_TIME_NO_CHANGE,
    ]  # fmt: skip
    assert [j.delta.nanoseconds for j in jumps[1:]] == [9_500_000_000, -1_000_000_000]


def test_sleeping_takes_its_time(ros):
    clock = Clock(clock_type=ClockType.STEADY_TIME)
    start = time.monotonic()
    assert clock.sleep_for(Duration(seconds=0.1))
    assert 0.09 < time.monotonic() - start < 30
    threading.Timer(0.1, ros.shutdown).start()
    from rclpy.utilities import get_default_context

    assert not clock.sleep_for(Duration(seconds=30), context=get_default_context())


class Simulation:
    """Publishes /clock, and spins until the node has seen it."""

    def __init__(self, node, spin_until, executor):
        self.node, self.spin_until, self.executor = node, spin_until, executor
        node.set_parameters([Parameter("use_sim_time", value=True)])
        self.publisher = node.create_publisher(ClockMsg, "/clock", QoSProfile(depth=1))
        assert spin_until(lambda: self.publisher.get_subscription_count() == 1, node)

    def set(self, seconds):
        target = Time(seconds=seconds, clock_type=ClockType.ROS_TIME)
        self.publisher.publish(ClockMsg(clock=target.to_msg()))
        clock = self.node.get_clock()
        assert self.spin_until(lambda: clock.now() == target, self.node)
        # So often, however long it takes: what is due by now is called now.
        self.executor.add_node(self.node)
        for _ in range(5):
            self.executor.spin_once(0.01)
        self.executor.remove_node(self.node)


@pytest.fixture
def simulation(node, spin_until, executor):
    return Simulation(node, spin_until, executor)


def test_a_node_follows_slash_clock(node, simulation):
    assert node.get_clock().ros_time_is_active
    simulation.set(100)
    assert node.get_clock().now().seconds_nanoseconds() == (100, 0)
    node.set_parameters([Parameter("use_sim_time", value=False)])
    before, now, after = time.time_ns(), node.get_clock().now().nanoseconds, time.time_ns()
    assert before <= now <= after


def test_timers_run_on_simulated_time(node, simulation):
    simulation.set(10)
    calls = []
    node.create_timer(1.0, lambda: calls.append(node.get_clock().now().nanoseconds))
    simulation.set(10.5)
    assert not calls
    simulation.set(11)
    simulation.set(11.5)
    simulation.set(14.5)
    assert calls == [11 * 10**9, 14_500_000_000]


def test_timers_start_again_when_simulated_time_jumps_back(node, simulation):
    simulation.set(100)
    calls = []
    node.create_timer(1.0, lambda: calls.append(node.get_clock().now().nanoseconds))
    simulation.set(5)
    simulation.set(5.5)
    assert not calls
    simulation.set(6)
    assert calls == [6 * 10**9]


def test_use_sim_time_must_be_a_boolean(node):
    result = node.set_parameters([Parameter("use_sim_time", value=1)])[0]
    assert not result.successful


@pytest.mark.embedded_only  # looks into a private field
def test_sleeping_often_keeps_nothing(ros):
    from rclpy.utilities import get_default_context

    clock, context = Clock(clock_type=ClockType.STEADY_TIME), get_default_context()
    for _ in range(50):
        clock.sleep_for(Duration(nanoseconds=1000), context)
    assert len(context._callbacks) < 10
    assert not clock._jump_handles
