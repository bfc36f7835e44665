# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.errors.middleware import InvalidHandle as InvalidHandle
from rclpy_cyclone.errors.middleware import NodeNameNonExistentError as NodeNameNonExistentError
from rclpy_cyclone.errors.middleware import RCLError as RCLError
from rclpy_cyclone.errors.middleware import RCLInvalidROSArgsError as RCLInvalidROSArgsError
from rclpy_cyclone.errors.middleware import RemapError as RemapError
from rclpy_cyclone.errors.middleware import UnknownROSArgsError as UnknownROSArgsError
from rclpy_cyclone.errors.middleware import UnsupportedEventTypeError as UnsupportedEventTypeError
from rclpy_cyclone.lifecycle.state_machine import LifecycleStateMachine as LifecycleStateMachine
from rclpy_cyclone.lifecycle.state_machine import Transition as Transition
from rclpy_cyclone.lifecycle.state_machine import TransitionCallbackReturnType as TransitionCallbackReturnType
from rclpy_cyclone.process.signals import SignalHandlerOptions as SignalHandlerOptions
from rclpy_cyclone.qos.compatibility import QoSCompatibility as QoSCompatibility
