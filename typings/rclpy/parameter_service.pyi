# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.exceptions import ParameterNotDeclaredException as ParameterNotDeclaredException
from pam_ros.embedded.exceptions import ParameterUninitializedException as ParameterUninitializedException
from pam_ros.embedded.names import TOPIC_SEPARATOR_STRING as TOPIC_SEPARATOR_STRING
from pam_ros.embedded.parameter import Parameter as Parameter
from pam_ros.embedded.parameter_service import ParameterService as ParameterService
from rcl_interfaces.msg import ListParametersResult as ListParametersResult
from rcl_interfaces.msg import SetParametersResult as SetParametersResult
from rcl_interfaces.srv import DescribeParameters as DescribeParameters
from rcl_interfaces.srv import GetParameterTypes as GetParameterTypes
from rcl_interfaces.srv import GetParameters as GetParameters
from rcl_interfaces.srv import ListParameters as ListParameters
from rcl_interfaces.srv import SetParameters as SetParameters
from rcl_interfaces.srv import SetParametersAtomically as SetParametersAtomically
