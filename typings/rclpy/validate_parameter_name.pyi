# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.arguments.names import HIDDEN_TOPIC_PREFIX as HIDDEN_TOPIC_PREFIX
from rclpy_cyclone.arguments.names import Problem as Problem
from rclpy_cyclone.arguments.names import TOPIC_SEPARATOR_STRING as TOPIC_SEPARATOR_STRING
from rclpy_cyclone.arguments.names import expand_topic_name as expand_topic_name
from rclpy_cyclone.arguments.names import qualified as qualified
from rclpy_cyclone.arguments.names import topic_or_service_is_hidden as topic_or_service_is_hidden
from rclpy_cyclone.arguments.names import validate_full_topic_name as validate_full_topic_name
from rclpy_cyclone.arguments.names import validate_namespace as validate_namespace
from rclpy_cyclone.arguments.names import validate_node_name as validate_node_name
from rclpy_cyclone.arguments.names import validate_parameter_name as validate_parameter_name
from rclpy_cyclone.arguments.names import validate_topic_name as validate_topic_name
from rclpy_cyclone.errors.exceptions import InvalidParameterException as InvalidParameterException
