# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.exceptions import InvalidServiceNameException as InvalidServiceNameException
from pam_ros.embedded.exceptions import InvalidTopicNameException as InvalidTopicNameException
from pam_ros.embedded.names import HIDDEN_TOPIC_PREFIX as HIDDEN_TOPIC_PREFIX
from pam_ros.embedded.names import Problem as Problem
from pam_ros.embedded.names import TOPIC_SEPARATOR_STRING as TOPIC_SEPARATOR_STRING
from pam_ros.embedded.names import expand_topic_name as expand_topic_name
from pam_ros.embedded.names import qualified as qualified
from pam_ros.embedded.names import topic_or_service_is_hidden as topic_or_service_is_hidden
from pam_ros.embedded.names import validate_full_topic_name as validate_full_topic_name
from pam_ros.embedded.names import validate_namespace as validate_namespace
from pam_ros.embedded.names import validate_node_name as validate_node_name
from pam_ros.embedded.names import validate_parameter_name as validate_parameter_name
from pam_ros.embedded.names import validate_topic_name as validate_topic_name
