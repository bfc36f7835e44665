# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.exceptions import NoTypeSupportImportedException as NoTypeSupportImportedException
from pam_ros.embedded.type_support import check_for_type_support as check_for_type_support
from pam_ros.embedded.type_support import check_is_valid_msg_type as check_is_valid_msg_type
from pam_ros.embedded.type_support import check_is_valid_srv_type as check_is_valid_srv_type
