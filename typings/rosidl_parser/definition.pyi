# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from pam_ros.embedded.slot_types import AbstractGenericString as AbstractGenericString
from pam_ros.embedded.slot_types import AbstractNestableType as AbstractNestableType
from pam_ros.embedded.slot_types import AbstractNestedType as AbstractNestedType
from pam_ros.embedded.slot_types import AbstractSequence as AbstractSequence
from pam_ros.embedded.slot_types import AbstractString as AbstractString
from pam_ros.embedded.slot_types import AbstractType as AbstractType
from pam_ros.embedded.slot_types import AbstractWString as AbstractWString
from pam_ros.embedded.slot_types import Array as Array
from pam_ros.embedded.slot_types import BasicType as BasicType
from pam_ros.embedded.slot_types import BoundedSequence as BoundedSequence
from pam_ros.embedded.slot_types import BoundedString as BoundedString
from pam_ros.embedded.slot_types import IDL_NAMES as IDL_NAMES
from pam_ros.embedded.slot_types import NamespacedType as NamespacedType
from pam_ros.embedded.slot_types import UnboundedSequence as UnboundedSequence
from pam_ros.embedded.slot_types import UnboundedString as UnboundedString
from pam_ros.embedded.slot_types import slot_type as slot_type
from pam_ros.embedded.slot_types import type_string as type_string
