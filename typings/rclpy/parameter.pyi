# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rcl_interfaces.msg import ParameterType as ParameterType
from rcl_interfaces.msg import ParameterValue as ParameterValue
from rclpy_cyclone.parameters.parameter import PARAMETER_SEPARATOR_STRING as PARAMETER_SEPARATOR_STRING
from rclpy_cyclone.parameters.parameter import Parameter as Parameter
from rclpy_cyclone.parameters.parameter import ParameterMsg as ParameterMsg
from rclpy_cyclone.parameters.parameter import get_parameter_value as get_parameter_value
from rclpy_cyclone.parameters.parameter import parameter_dict_from_yaml_file as parameter_dict_from_yaml_file
from rclpy_cyclone.parameters.parameter import parameter_value_to_python as parameter_value_to_python
