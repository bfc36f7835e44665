# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.entities.client import Client as Client
from rclpy_cyclone.entities.guard_condition import GuardCondition as GuardCondition
from rclpy_cyclone.entities.service import Service as Service
from rclpy_cyclone.entities.subscription import Subscription as Subscription
from rclpy_cyclone.entities.timer import Timer as Timer
from rclpy_cyclone.errors.middleware import InvalidHandle as InvalidHandle
from rclpy_cyclone.executors.base import ConditionReachedException as ConditionReachedException
from rclpy_cyclone.executors.base import Executor as Executor
from rclpy_cyclone.executors.base import ExternalShutdownException as ExternalShutdownException
from rclpy_cyclone.executors.base import SHUTDOWN_S as SHUTDOWN_S
from rclpy_cyclone.executors.base import ShutdownException as ShutdownException
from rclpy_cyclone.executors.base import TimeoutException as TimeoutException
from rclpy_cyclone.executors.base import TimeoutObject as TimeoutObject
from rclpy_cyclone.executors.base import await_or_execute as await_or_execute
from rclpy_cyclone.executors.executors import MultiThreadedExecutor as MultiThreadedExecutor
from rclpy_cyclone.executors.executors import SingleThreadedExecutor as SingleThreadedExecutor
from rclpy_cyclone.executors.task import Future as Future
from rclpy_cyclone.executors.task import Task as Task
from rclpy_cyclone.process.context import Context as Context
from rclpy_cyclone.process.utilities import get_default_context as get_default_context
from rclpy_cyclone.process.utilities import timeout_sec_to_nsec as timeout_sec_to_nsec
from rclpy_cyclone.time.clock import Clock as Clock
from rclpy_cyclone.time.time import ClockType as ClockType
