# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.client import Client as Client
from pam_ros.embedded.clock import Clock as Clock
from pam_ros.embedded.context import Context as Context
from pam_ros.embedded.executor_base import ConditionReachedException as ConditionReachedException
from pam_ros.embedded.executor_base import Executor as Executor
from pam_ros.embedded.executor_base import ExternalShutdownException as ExternalShutdownException
from pam_ros.embedded.executor_base import SHUTDOWN_S as SHUTDOWN_S
from pam_ros.embedded.executor_base import ShutdownException as ShutdownException
from pam_ros.embedded.executor_base import TimeoutException as TimeoutException
from pam_ros.embedded.executor_base import TimeoutObject as TimeoutObject
from pam_ros.embedded.executor_base import await_or_execute as await_or_execute
from pam_ros.embedded.executors import MultiThreadedExecutor as MultiThreadedExecutor
from pam_ros.embedded.executors import SingleThreadedExecutor as SingleThreadedExecutor
from pam_ros.embedded.guard_condition import GuardCondition as GuardCondition
from pam_ros.embedded.middleware_errors import InvalidHandle as InvalidHandle
from pam_ros.embedded.service import Service as Service
from pam_ros.embedded.subscription import Subscription as Subscription
from pam_ros.embedded.task import Future as Future
from pam_ros.embedded.task import Task as Task
from pam_ros.embedded.time import ClockType as ClockType
from pam_ros.embedded.timer import Timer as Timer
from pam_ros.embedded.utilities import get_default_context as get_default_context
from pam_ros.embedded.utilities import timeout_sec_to_nsec as timeout_sec_to_nsec
