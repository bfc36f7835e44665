# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.parameter import PARAMETER_SEPARATOR_STRING as PARAMETER_SEPARATOR_STRING
from pam_ros.embedded.parameter import Parameter as Parameter
from pam_ros.embedded.parameter import ParameterMsg as ParameterMsg
from pam_ros.embedded.parameter import get_parameter_value as get_parameter_value
from pam_ros.embedded.parameter import parameter_dict_from_yaml_file as parameter_dict_from_yaml_file
from pam_ros.embedded.parameter import parameter_value_to_python as parameter_value_to_python
from rcl_interfaces.msg import ParameterType as ParameterType
from rcl_interfaces.msg import ParameterValue as ParameterValue
