# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from rclpy_cyclone.types.slots import AbstractGenericString as AbstractGenericString
from rclpy_cyclone.types.slots import AbstractNestableType as AbstractNestableType
from rclpy_cyclone.types.slots import AbstractNestedType as AbstractNestedType
from rclpy_cyclone.types.slots import AbstractSequence as AbstractSequence
from rclpy_cyclone.types.slots import AbstractString as AbstractString
from rclpy_cyclone.types.slots import AbstractType as AbstractType
from rclpy_cyclone.types.slots import AbstractWString as AbstractWString
from rclpy_cyclone.types.slots import Array as Array
from rclpy_cyclone.types.slots import BasicType as BasicType
from rclpy_cyclone.types.slots import BoundedSequence as BoundedSequence
from rclpy_cyclone.types.slots import BoundedString as BoundedString
from rclpy_cyclone.types.slots import IDL_NAMES as IDL_NAMES
from rclpy_cyclone.types.slots import NamespacedType as NamespacedType
from rclpy_cyclone.types.slots import UnboundedSequence as UnboundedSequence
from rclpy_cyclone.types.slots import UnboundedString as UnboundedString
from rclpy_cyclone.types.slots import slot_type as slot_type
from rclpy_cyclone.types.slots import type_string as type_string
