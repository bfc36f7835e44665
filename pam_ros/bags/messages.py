# SPDX-License-Identifier: Apache-2.0
"""Empty messages of any known type, and filled ones as CDR, without ROS."""

from __future__ import annotations

import array
from typing import TYPE_CHECKING, Any

import numpy as np
from rosbags.interfaces import Nodetype

from pam_ros.bags.types import empty_message, known_types

if TYPE_CHECKING:
    from rosbags.typesys.store import Typestore

_ENCAPSULATION = 4


class Messages:
    """Makes and serialises messages by the definitions that this package knows."""

    def __init__(self, store: Typestore | None = None) -> None:
        self._store = known_types() if store is None else store

    def knows(self, name: str) -> bool:
        """Whether there is a definition of this type."""
        return name in self._store.fielddefs

    def new(self, name: str) -> Any:
        """An empty message, its fields at zero as in rclpy."""
        return empty_message(self._store, name)

    def encode(self, message: Any, name: str) -> memoryview:
        """The message in CDR, with its encapsulation. Its lists of numbers become arrays."""
        self._settle(message, name)
        return self._store.serialize_cdr(message, name)

    def decode(self, data: bytes | memoryview, name: str) -> Any:
        """The message of some CDR."""
        return self._store.deserialize_cdr(data, name)

    def _settle(self, message: Any, name: str) -> None:
        kinds: Any = self._store.fielddefs[name][1]
        for field, (node, what) in kinds:
            if node == Nodetype.NAME:
                self._settle(getattr(message, field), what)
            elif node in {Nodetype.SEQUENCE, Nodetype.ARRAY}:
                inner, content = what[0]
                value = getattr(message, field)
                if inner == Nodetype.NAME:
                    for one in value:
                        self._settle(one, content)
                elif content[0] not in {"string", "wstring"} and not isinstance(value, np.ndarray):
                    setattr(message, field, _numbers(value, content[0]))


def _numbers(value: Any, dtype: str) -> np.ndarray[Any, Any]:
    if isinstance(value, (array.array, bytes, bytearray, memoryview)):
        return np.frombuffer(value, dtype=dtype)
    return np.asarray(value, dtype=dtype)


def header_stamp(data: bytes | memoryview) -> int:
    """The stamp [ns] in the CDR of a message that begins with a std_msgs/msg/Header.

    Raises:
        ValueError: the data is too short.
    """
    order: Any = "little" if data[1] & 1 else "big"
    seconds, rest = data[_ENCAPSULATION : _ENCAPSULATION + 4], data[8:12]
    if len(rest) < 4:
        raise ValueError("the message is cut short")
    return int.from_bytes(seconds, order, signed=True) * 1_000_000_000 + int.from_bytes(rest, order)
