# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.api import Context as Context
from pam_ros.embedded.api import Future as Future
from pam_ros.embedded.api import Node as Node
from pam_ros.embedded.api import Parameter as Parameter
from pam_ros.embedded.api import SignalHandlerOptions as SignalHandlerOptions
from pam_ros.embedded.api import create_node as create_node
from pam_ros.embedded.api import get_default_context as get_default_context
from pam_ros.embedded.api import get_global_executor as get_global_executor
from pam_ros.embedded.api import get_rmw_implementation_identifier as get_rmw_implementation_identifier
from pam_ros.embedded.api import init as init
from pam_ros.embedded.api import install_signal_handlers as install_signal_handlers
from pam_ros.embedded.api import ok as ok
from pam_ros.embedded.api import shutdown as shutdown
from pam_ros.embedded.api import spin as spin
from pam_ros.embedded.api import spin_once as spin_once
from pam_ros.embedded.api import spin_until_future_complete as spin_until_future_complete
from pam_ros.embedded.api import try_shutdown as try_shutdown
from pam_ros.embedded.api import uninstall_signal_handlers as uninstall_signal_handlers
