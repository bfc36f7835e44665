# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.task import Future as Future
from pam_ros.embedded.task import Task as Task
