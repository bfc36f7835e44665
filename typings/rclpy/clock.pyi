# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.clock import Clock as Clock
from pam_ros.embedded.clock import ClockChange as ClockChange
from pam_ros.embedded.clock import JumpHandle as JumpHandle
from pam_ros.embedded.clock import JumpThreshold as JumpThreshold
from pam_ros.embedded.clock import ROSClock as ROSClock
from pam_ros.embedded.clock import TimeJump as TimeJump
from pam_ros.embedded.context import Context as Context
from pam_ros.embedded.destroyable import DestroyableType as DestroyableType
from pam_ros.embedded.duration import Duration as Duration
from pam_ros.embedded.exceptions import NotInitializedException as NotInitializedException
from pam_ros.embedded.time import ClockType as ClockType
from pam_ros.embedded.time import Time as Time
from pam_ros.embedded.time import TimeMsg as TimeMsg
from pam_ros.embedded.utilities import get_default_context as get_default_context
