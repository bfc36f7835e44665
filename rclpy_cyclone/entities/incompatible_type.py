# SPDX-License-Identifier: Apache-2.0
"""The event of a peer on the same topic that has another type, or another definition of it.

Cyclone DDS reports no such thing. Discovery tells the type's name and, in the user data of the
endpoint, its hash (REP 2011).
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from rclpy_cyclone.dds.endpoints import Reader, Writer, ros_type_name
from rclpy_cyclone.executors.callback_groups import ReentrantCallbackGroup
from rclpy_cyclone.types.interfaces import interfaces

from .event_types import IncompatibleTypeInfo

if TYPE_CHECKING:
    from collections.abc import Callable

    from rclpy_cyclone.executors.callback_groups import CallbackGroup
    from rclpy_cyclone.graph.graph import Endpoint, Graph


class IncompatibleTypeHandler:
    """Runs a callback, or logs, when such a peer is discovered."""

    def __init__(
        self,
        callback_group: CallbackGroup,
        callback: Callable[[Any], Any] | None,
        endpoint: Reader | Writer,
        topic: str,
        logger: Any,
        graph: Graph,
    ) -> None:
        self.callback_group = callback_group
        self.callback = callback
        self._executor_event = False
        self._endpoint = endpoint
        self._topic = topic
        self._logger = logger
        self._graph = graph
        self._type_hash = interfaces.type_hash(endpoint.type_name)
        self._lock = threading.Lock()
        self._found: list[Endpoint] = []
        self._total = 0
        self.wake: Callable[[], None] = lambda: None
        self.peers = "writer" if isinstance(endpoint, Reader) else "reader"
        callback_group.add_entity(self)
        graph.watch(self)

    def destroy(self) -> None:
        """Call back no more."""
        self._graph.unwatch(self)

    def discovered(self, peer: Endpoint) -> None:
        """Take note of a peer; the graph calls this with each new one."""
        if peer.topic != self._endpoint.topic:
            return
        type_hash = peer.user_data.get("typehash", self._type_hash)
        if ros_type_name(peer.type_name) == self._endpoint.type_name and (
            type_hash == self._type_hash
        ):
            return
        if isinstance(self._endpoint, Reader):
            # A writer without XTypes information matches by the name alone: what it sends would
            # be read as something else.
            self._endpoint.refuse(peer.gid)
        with self._lock:
            self._found.append(peer)
        self.wake()

    @property
    def pending(self) -> bool:
        """Whether there is something to tell: an executor need not look at it before."""
        return bool(self._found)

    def _references(self) -> tuple[int, ...]:
        return ()

    def _ready(self) -> bool:
        return bool(self._found)

    def _take(self) -> Callable[[], Any] | None:
        with self._lock:
            found, self._found = self._found, []
        if not found:
            return None
        self._total += len(found)
        if self.callback is None:
            return partial(self._warn, found)
        return partial(self.callback, IncompatibleTypeInfo(self._total, len(found)))

    def _warn(self, peers: list[Endpoint]) -> None:
        for peer in peers:
            theirs = ros_type_name(peer.type_name)
            hash_of_theirs = peer.user_data.get("typehash", "an unknown hash")
            self._logger.warning(
                f"Incompatible type on topic '{self._topic}', no messages will be sent to it."
                f" Another {'publisher' if self.peers == 'writer' else 'subscription'} has "
                f"{theirs}, {hash_of_theirs}; here it is {self._endpoint.type_name}, "
                f"{self._type_hash}."
            )


class GraphNews:
    """Lets the graph read its news while an executor waits; it has no callback of its own.

    One for all handlers of a node: a condition for each of them would cost more than a message.
    """

    def __init__(self, graph: Graph) -> None:
        self.callback_group = ReentrantCallbackGroup()
        self._executor_event = False
        self._graph = graph

    def _references(self) -> tuple[int, ...]:
        return self._graph.conditions

    def _ready(self) -> bool:
        self._graph.refresh_if_changed()
        return False
