# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.guard_condition import GuardCondition as GuardCondition
from pam_ros.embedded.utilities import get_default_context as get_default_context
