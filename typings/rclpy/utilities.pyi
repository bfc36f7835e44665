# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.context import Context as Context
from pam_ros.embedded.utilities import get_available_rmw_implementations as get_available_rmw_implementations
from pam_ros.embedded.utilities import get_default_context as get_default_context
from pam_ros.embedded.utilities import get_rmw_implementation_identifier as get_rmw_implementation_identifier
from pam_ros.embedded.utilities import ok as ok
from pam_ros.embedded.utilities import remove_ros_args as remove_ros_args
from pam_ros.embedded.utilities import shutdown as shutdown
from pam_ros.embedded.utilities import timeout_sec_to_nsec as timeout_sec_to_nsec
from pam_ros.embedded.utilities import try_shutdown as try_shutdown
