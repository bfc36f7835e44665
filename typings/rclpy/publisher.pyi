# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.callback_groups import CallbackGroup as CallbackGroup
from pam_ros.embedded.duration import Duration as Duration
from pam_ros.embedded.event_handler import EventHandler as EventHandler
from pam_ros.embedded.event_handler import PublisherEventCallbacks as PublisherEventCallbacks
from pam_ros.embedded.publisher import Publisher as Publisher
from pam_ros.embedded.qos import QoSProfile as QoSProfile
from pam_ros.embedded.type_variables import MsgType as MsgType
from pam_ros.embedded.type_variables import SrvType as SrvType
from pam_ros.embedded.type_variables import SrvTypeRequest as SrvTypeRequest
from pam_ros.embedded.type_variables import SrvTypeResponse as SrvTypeResponse
