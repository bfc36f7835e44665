# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.guard_condition import GuardCondition as GuardCondition
from pam_ros.embedded.middleware_errors import InvalidHandle as InvalidHandle
from pam_ros.embedded.signals import SignalHandlerOptions as SignalHandlerOptions
from pam_ros.embedded.signals import get_current_signal_handlers_options as get_current_signal_handlers_options
from pam_ros.embedded.signals import install_signal_handlers as install_signal_handlers
from pam_ros.embedded.signals import uninstall_signal_handlers as uninstall_signal_handlers
