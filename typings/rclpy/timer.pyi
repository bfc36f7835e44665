# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.callback_groups import CallbackGroup as CallbackGroup
from pam_ros.embedded.clock import Clock as Clock
from pam_ros.embedded.context import Context as Context
from pam_ros.embedded.exceptions import ROSInterruptException as ROSInterruptException
from pam_ros.embedded.middleware_errors import InvalidHandle as InvalidHandle
from pam_ros.embedded.timer import Rate as Rate
from pam_ros.embedded.timer import Timer as Timer
from pam_ros.embedded.utilities import get_default_context as get_default_context
