# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.duration import Duration as Duration
from pam_ros.embedded.duration import DurationMsg as DurationMsg
from pam_ros.embedded.duration import Infinite as Infinite
from pam_ros.embedded.duration import S_TO_NS as S_TO_NS
