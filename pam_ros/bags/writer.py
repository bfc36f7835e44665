# SPDX-License-Identifier: Apache-2.0
"""Writes rosbag2 bags (mcap or sqlite3) from messages that are already serialised."""

from __future__ import annotations

import logging
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rosbags.rosbag2 import StoragePlugin, Writer, WriterError
from rosbags.typesys import TypesysError

from pam_ros.bags.errors import BagError
from pam_ros.bags.qos import qos as qos_profile
from pam_ros.bags.types import known_types

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from rosbags.interfaces import Connection, Qos

_LOG = logging.getLogger(__name__)
_REFUSALS = (OSError, WriterError, sqlite3.Error)
_PLUGINS = {"mcap": StoragePlugin.MCAP, "sqlite3": StoragePlugin.SQLITE3}


class BagWriter:
    """A new bag, open until ``close``; as a context manager it is closed on errors too.

    Everything written before an error is in the bag, with its metadata. Methods may be called from
    several threads.

    Args:
        path: the bag's folder; must not exist yet.
        storage: "mcap" or "sqlite3".
        folders: .msg folders by ROS package, beside the standard types and this package's own.
    """

    def __init__(
        self,
        path: str | Path,
        storage: Literal["mcap", "sqlite3"] = "mcap",
        folders: Mapping[str, Path] | None = None,
    ) -> None:
        self.path = Path(path)
        if storage not in _PLUGINS:
            raise BagError(f"bag storage '{storage}' is not known; use mcap or sqlite3")
        if self.path.exists():
            raise BagError(f"{self.path} exists already: remove it or choose another output folder")
        self._types = known_types(folders)
        self._lock = threading.Lock()
        self._connections: dict[str, Connection] = {}
        self.counts: dict[str, int] = {}
        self._writer = Writer(self.path, version=9, storage_plugin=_PLUGINS[storage])
        try:
            self._writer.open()
        except _REFUSALS as error:
            raise BagError(f"bag {self.path} cannot be created: {error}") from None
        self._open = True

    def add_topic(self, topic: str, type_name: str, qos: Qos | None = None) -> None:
        """Announces a topic; doing so again with the same type does nothing.

        Args:
            topic: its full name.
            type_name: for example "sensor_msgs/msg/Image".
            qos: what `ros2 bag play` shall offer; reliable and volatile if None.

        Raises:
            BagError: an unknown type, the topic has another type, or the bag is closed.
        """
        with self._lock:
            self._check_open()
            known = self._connections.get(topic)
            if known is not None:
                if known.msgtype != type_name:
                    both = f"{known.msgtype} and {type_name}"
                    raise BagError(f"topic {topic} is announced as {both}; a topic has one type")
                return
            if type_name not in self._types.fielddefs:
                raise BagError(
                    f"message type {type_name} of {topic} is not known: give its .msg folder"
                )
            profile = qos_profile() if qos is None else qos
            try:
                self._connections[topic] = self._writer.add_connection(
                    topic, type_name, typestore=self._types, offered_qos_profiles=[profile]
                )
            except (TypesysError, KeyError) as error:
                raise BagError(
                    f"message type {type_name} of {topic} uses a type that is not known: {error}"
                ) from None
            self.counts[topic] = 0

    def write(self, topic: str, data: bytes | memoryview, stamp_ns: int) -> None:
        """Writes one message.

        Args:
            topic: an announced topic.
            data: the message in CDR, with its 4 bytes of encapsulation.
            stamp_ns: when it was received [ns], not negative.

        Raises:
            BagError: the topic was not announced, the data is no CDR, the stamp is negative, the
                bag is closed, or the disk refuses.
        """
        with self._lock:
            self._check_open()
            connection = self._connections.get(topic)
            if connection is None:
                raise BagError(f"topic {topic} was not announced to bag {self.path}")
            if len(data) < 4 or data[0] != 0 or data[1] > 1:
                raise BagError(f"message on {topic} is not serialised as CDR")
            if stamp_ns < 0:
                raise BagError(f"message on {topic} has the negative stamp {stamp_ns}")
            try:
                self._writer.write(connection, stamp_ns, data)
            except _REFUSALS as error:
                raise BagError(f"bag {self.path} cannot be written: {error}") from None
            self.counts[topic] += 1

    def close(self) -> None:
        """Finishes the bag and writes its metadata; closing twice does nothing.

        Raises:
            BagError: the disk refuses.
        """
        with self._lock:
            if not self._open:
                return
            self._open = False
            try:
                self._writer.close()
            except _REFUSALS as error:
                with suppress(*_REFUSALS):
                    self._writer.abort()
                raise BagError(f"bag {self.path} cannot be finished: {error}") from None

    def __enter__(self) -> BagWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
            return
        try:
            self.close()
        except BagError as second:  # the first error is the one to show
            _LOG.error("%s", second)

    def _check_open(self) -> None:
        if not self._open:
            raise BagError(f"bag {self.path} is closed")
