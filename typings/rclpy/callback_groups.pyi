# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.callback_groups import CallbackGroup as CallbackGroup
from pam_ros.embedded.callback_groups import MutuallyExclusiveCallbackGroup as MutuallyExclusiveCallbackGroup
from pam_ros.embedded.callback_groups import ReentrantCallbackGroup as ReentrantCallbackGroup
