# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.
"""Messages of builtin_interfaces by their fields. Only for annotations."""

from __future__ import annotations

from typing import Protocol


class Duration(Protocol):
    """A builtin_interfaces/msg/Duration."""

    sec: int
    nanosec: int


class Time(Protocol):
    """A builtin_interfaces/msg/Time."""

    sec: int
    nanosec: int
