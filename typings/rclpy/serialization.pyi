# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.serialization import deserialize_message as deserialize_message
from pam_ros.embedded.serialization import serialize_message as serialize_message
from pam_ros.embedded.type_support import check_for_type_support as check_for_type_support
