# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.
"""Messages of diagnostic_msgs by their fields. Only for annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.message_types.std_msgs import Header


class DiagnosticArray(Protocol):
    """A diagnostic_msgs/msg/DiagnosticArray."""

    @property
    def header(self) -> Header: ...

    @header.setter
    def header(self, value: Any) -> None: ...

    @property
    def status(self) -> Sequence[DiagnosticStatus]: ...

    @status.setter
    def status(self, value: Any) -> None: ...


class DiagnosticStatus(Protocol):
    """A diagnostic_msgs/msg/DiagnosticStatus."""

    name: str
    message: str
    hardware_id: str

    @property
    def level(self) -> bytes | int: ...

    @level.setter
    def level(self, value: Any) -> None: ...

    @property
    def values(self) -> Sequence[KeyValue]: ...

    @values.setter
    def values(self, value: Any) -> None: ...


class KeyValue(Protocol):
    """A diagnostic_msgs/msg/KeyValue."""

    key: str
    value: str
