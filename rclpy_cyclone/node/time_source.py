# SPDX-License-Identifier: Apache-2.0
"""rclpy.time_source: drives a node's clock from /clock while use_sim_time is true."""

from __future__ import annotations

import weakref
from typing import Any

from rclpy_cyclone.parameters.parameter import Parameter
from rclpy_cyclone.qos.profile import QoSProfile, ReliabilityPolicy
from rclpy_cyclone.time.clock import Clock, ROSClock
from rclpy_cyclone.time.time import ClockType, Time
from rclpy_cyclone.types.messages import message_class

CLOCK_TOPIC = "/clock"
USE_SIM_TIME_NAME = "use_sim_time"
_SetParametersResult: Any = message_class("rcl_interfaces/msg/SetParametersResult")


class TimeSource:
    """Sets clocks to the time on /clock."""

    def __init__(self, *, node: Any = None) -> None:
        self._clock_sub: Any = None
        self._node: weakref.ref[Any] | None = None
        self._associated_clocks: list[ROSClock] = []
        self._last_time_set = Time(clock_type=ClockType.ROS_TIME)
        self._ros_time_is_active = False
        if node is not None:
            self.attach_node(node)

    @property
    def ros_time_is_active(self) -> bool:
        """Whether the clocks follow /clock."""
        return self._ros_time_is_active

    @ros_time_is_active.setter
    def ros_time_is_active(self, enabled: bool) -> None:
        if self._ros_time_is_active == enabled:
            return
        self._ros_time_is_active = enabled
        for clock in self._associated_clocks:
            clock._set_ros_time_is_active(enabled)
        node = self._get_node()
        if node is None:
            return
        if enabled and self._clock_sub is None:
            self._clock_sub = node.create_subscription(
                message_class("rosgraph_msgs/msg/Clock"),
                CLOCK_TOPIC,
                self.clock_callback,
                QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT),
            )
        elif not enabled and self._clock_sub is not None:
            node.destroy_subscription(self._clock_sub)
            self._clock_sub = None

    def attach_node(self, node: Any) -> None:
        """Follow the node's use_sim_time, and subscribe with it; declares the parameter."""
        if self._node is not None:
            self.detach_node()
        self._node = weakref.ref(node)
        if not node.has_parameter(USE_SIM_TIME_NAME):
            node.declare_parameter(USE_SIM_TIME_NAME, False)
        parameter = node.get_parameter(USE_SIM_TIME_NAME)
        if parameter.type_ == Parameter.Type.BOOL:
            self.ros_time_is_active = parameter.value
        else:
            node.get_logger().error(
                f"Invalid type for parameter '{USE_SIM_TIME_NAME}' {parameter.type_!r} should be "
                "bool"
            )
        node.add_on_set_parameters_callback(self._on_parameter_event)

    def detach_node(self) -> None:
        """Follow no node."""
        if self._clock_sub is not None:
            node = self._get_node()
            if node is None:
                raise RuntimeError("Unable to destroy previously created clock subscription")
            node.destroy_subscription(self._clock_sub)
        self._clock_sub = None
        self._node = None

    def attach_clock(self, clock: Clock) -> None:
        """Set this clock too."""
        if not isinstance(clock, ROSClock):
            raise ValueError("Only clocks with type ROS_TIME can be attached.")
        clock.set_ros_time_override(self._last_time_set)
        clock._set_ros_time_is_active(self.ros_time_is_active)
        self._associated_clocks.append(clock)

    def clock_callback(self, msg: Any) -> None:
        """Set the clocks to the time of a message."""
        self._last_time_set = Time.from_msg(msg.clock)
        for clock in self._associated_clocks:
            clock.set_ros_time_override(self._last_time_set)

    def _on_parameter_event(self, parameter_list: list[Parameter]) -> Any:
        for parameter in parameter_list:
            if parameter.name == USE_SIM_TIME_NAME:
                if parameter.type_ != Parameter.Type.BOOL:
                    reason = f"{USE_SIM_TIME_NAME} parameter set to something besides a bool"
                    node = self._get_node()
                    if node is not None:
                        node.get_logger().error(reason)
                    return _SetParametersResult(successful=False, reason=reason)
                self.ros_time_is_active = parameter.value
        return _SetParametersResult(successful=True)

    def _get_node(self) -> Any:
        return None if self._node is None else self._node()
