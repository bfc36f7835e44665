# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rcl_interfaces.msg import ListParametersResult as ListParametersResult
from rcl_interfaces.msg import SetParametersResult as SetParametersResult
from rcl_interfaces.srv import DescribeParameters as DescribeParameters
from rcl_interfaces.srv import GetParameterTypes as GetParameterTypes
from rcl_interfaces.srv import GetParameters as GetParameters
from rcl_interfaces.srv import ListParameters as ListParameters
from rcl_interfaces.srv import SetParameters as SetParameters
from rcl_interfaces.srv import SetParametersAtomically as SetParametersAtomically
from rclpy_cyclone.arguments.names import TOPIC_SEPARATOR_STRING as TOPIC_SEPARATOR_STRING
from rclpy_cyclone.errors.exceptions import ParameterNotDeclaredException as ParameterNotDeclaredException
from rclpy_cyclone.errors.exceptions import ParameterUninitializedException as ParameterUninitializedException
from rclpy_cyclone.parameters.parameter import Parameter as Parameter
from rclpy_cyclone.parameters.service import ParameterService as ParameterService
