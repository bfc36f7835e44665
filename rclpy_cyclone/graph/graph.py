# SPDX-License-Identifier: Apache-2.0
"""Who is in the graph: DDS discovery for endpoints, ros_discovery_info for node names.

The nodes of a process share one DDS participant, and DDS knows no nodes. So each participant says
on the topic ros_discovery_info which nodes it has and which endpoints belong to each. The message
is rmw_dds_common/msg/ParticipantEntitiesInfo; whoever comes later gets the last one of each
participant. Topic and policies are those of rmw_cyclonedds_cpp (rmw_node.cpp, init() of
rmw_context_impl_s).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from cyclonedds.builtin import (
    BuiltinDataReader,
    BuiltinTopicDcpsParticipant,
    BuiltinTopicDcpsPublication,
    BuiltinTopicDcpsSubscription,
)
from cyclonedds.core import InstanceState

from rclpy_cyclone.dds.endpoints import (
    Participant,
    Reader,
    Writer,
    dds_condition,
    ros_type_name,
    triggered,
)
from rclpy_cyclone.dds.qos import from_dds_qos, to_dds_qos, user_data_of
from rclpy_cyclone.qos.profile import DurabilityPolicy, HistoryPolicy, QoSProfile
from rclpy_cyclone.types.cdr import CdrError
from rclpy_cyclone.types.interfaces import interfaces
from rclpy_cyclone.types.messages import codec, message_class

if TYPE_CHECKING:
    from collections.abc import Iterator

_INFO = "rmw_dds_common/msg/ParticipantEntitiesInfo"
_BATCH = 500


@dataclass(frozen=True)
class Endpoint:
    """A discovered writer or reader, of DDS names."""

    gid: bytes
    participant: bytes
    topic: str
    type_name: str
    qos: Any
    user_data: dict[str, str]

    def profile(self) -> QoSProfile:
        """Its quality of service."""
        return from_dds_qos(self.qos)


@dataclass
class NodeEntities:
    """A node and the endpoints that belong to it."""

    namespace: str
    name: str
    readers: set[bytes] = field(default_factory=set)
    writers: set[bytes] = field(default_factory=set)


class Watcher(Protocol):
    """Wants to know of every endpoint of a kind: peers is "writer" or "reader"."""

    peers: str

    def discovered(self, peer: Endpoint, /) -> None:
        """Take note of a new one."""


class Graph:
    """The graph as one participant sees it, and what it tells others of its own nodes."""

    def __init__(self, participant: Participant) -> None:
        self._participant = participant
        self._lock = threading.RLock()
        type_hash = f"typehash={interfaces.type_hash(_INFO)};"
        transient = DurabilityPolicy.TRANSIENT_LOCAL
        self._codec = codec(message_class(_INFO))
        self._writer = Writer(
            participant,
            "ros_discovery_info",
            _INFO,
            to_dds_qos(QoSProfile(depth=1, durability=transient), type_hash),
        )
        keep_all = QoSProfile(history=HistoryPolicy.KEEP_ALL, durability=transient)
        self._reader = Reader(
            participant, "ros_discovery_info", _INFO, to_dds_qos(keep_all, type_hash, reader=True)
        )
        self._participants = BuiltinDataReader(participant.entity, BuiltinTopicDcpsParticipant)
        self._builtin = {
            "writer": BuiltinDataReader(participant.entity, BuiltinTopicDcpsPublication),
            "reader": BuiltinDataReader(participant.entity, BuiltinTopicDcpsSubscription),
        }
        self.conditions = tuple(dds_condition(reader._ref) for reader in self._builtin.values())
        self._endpoints: dict[str, dict[bytes, Endpoint]] = {"writer": {}, "reader": {}}
        self._watchers: list[Watcher] = []
        self._enclaves: dict[bytes, str] = {}
        self._remote: dict[bytes, list[NodeEntities]] = {}
        self._local: list[NodeEntities] = []

    def add_node(self, namespace: str, name: str) -> NodeEntities:
        """Tell others of a node of this process."""
        node = NodeEntities(namespace, name)
        with self._lock:
            self._local.append(node)
            self._publish()
        return node

    def remove_node(self, node: NodeEntities) -> None:
        """Tell others that the node is gone."""
        with self._lock:
            if node in self._local:
                self._local.remove(node)
                self._publish()

    def change(self, node: NodeEntities, *, add: Any = (), remove: Any = ()) -> None:
        """Tell others which endpoints (Writer, Reader) a node has gained or lost."""
        with self._lock:
            for endpoint in add:
                self._set_of(node, endpoint).add(endpoint.gid)
            for endpoint in remove:
                self._set_of(node, endpoint).discard(endpoint.gid)
            self._publish()

    @staticmethod
    def _set_of(node: NodeEntities, endpoint: Writer | Reader) -> set[bytes]:
        return node.writers if isinstance(endpoint, Writer) else node.readers

    def _publish(self) -> None:
        if self._participant.closed:
            return
        gid_class = message_class("rmw_dds_common/msg/Gid")
        node_class = message_class("rmw_dds_common/msg/NodeEntitiesInfo")

        def gid(data: bytes) -> Any:
            return gid_class(data=np.frombuffer(data, np.uint8))

        nodes = [
            node_class(
                node_namespace=node.namespace,
                node_name=node.name,
                reader_gid_seq=[gid(g) for g in sorted(node.readers)],
                writer_gid_seq=[gid(g) for g in sorted(node.writers)],
            )
            for node in self._local
        ]
        info = message_class(_INFO)(gid=gid(self._participant.gid), node_entities_info_seq=nodes)
        self._writer.write(self._codec.encode(info))

    def _drain(self, reader: BuiltinDataReader) -> Iterator[tuple[bool, Any]]:
        while not self._participant.closed:
            samples = reader.take(_BATCH)
            for sample in samples:
                yield sample.sample_info.instance_state == InstanceState.Alive, sample
            if len(samples) < _BATCH:
                break

    def _refresh(self) -> None:
        for alive, sample in self._drain(self._participants):
            gid = sample.key.bytes
            if alive:
                self._enclaves[gid] = user_data_of(sample.qos).get("enclave", "")
            else:
                self._enclaves.pop(gid, None)
                self._remote.pop(gid, None)
        for kind, reader in self._builtin.items():
            for alive, sample in self._drain(reader):
                gid = sample.key.bytes
                if not alive:
                    self._endpoints[kind].pop(gid, None)
                    continue
                known = gid in self._endpoints[kind]
                endpoint = self._endpoints[kind][gid] = Endpoint(
                    gid,
                    sample.participant_key.bytes,
                    sample.topic_name,
                    sample.type_name,
                    sample.qos,
                    user_data_of(sample.qos),
                )
                if not known:
                    for watcher in self._watchers:
                        if watcher.peers == kind:
                            watcher.discovered(endpoint)
        while not self._participant.closed:
            taken = self._reader.take()
            if taken is None:
                break
            try:
                info = self._codec.decode(taken[0])
            except CdrError:
                continue  # an older ROS 2 has gids of another length: its nodes stay nameless
            self._remote[info.gid.data.tobytes()] = [
                NodeEntities(
                    node.node_namespace,
                    node.node_name,
                    {g.data.tobytes() for g in node.reader_gid_seq},
                    {g.data.tobytes() for g in node.writer_gid_seq},
                )
                for node in info.node_entities_info_seq
            ]

    def watch(self, watcher: Watcher) -> None:
        """Tell a watcher of every endpoint of its kind, those that are known first."""
        with self._lock:
            for endpoint in self.endpoints(watcher.peers):
                watcher.discovered(endpoint)
            self._watchers.append(watcher)

    def unwatch(self, watcher: Watcher) -> None:
        """Tell it no more."""
        with self._lock:
            if watcher in self._watchers:
                self._watchers.remove(watcher)

    def refresh_if_changed(self) -> None:
        """Read the news of endpoints, where there are any."""
        if any(map(triggered, self.conditions)):
            with self._lock:
                self._refresh()

    def endpoints(self, kind: str) -> list[Endpoint]:
        """Every writer ("writer") or reader ("reader") in the graph."""
        with self._lock:
            self._refresh()
            return list(self._endpoints[kind].values())

    def nodes(self) -> list[tuple[NodeEntities, str]]:
        """Every node with its enclave, this process's first."""
        with self._lock:
            self._refresh()
            mine = self._enclaves.get(self._participant.gid) or "/"
            found = [(node, mine) for node in self._local]
            for gid, nodes in self._remote.items():
                if gid != self._participant.gid and gid in self._enclaves:
                    found += [(node, self._enclaves[gid]) for node in nodes]
            return found

    def owner(self, endpoint: Endpoint, kind: str) -> NodeEntities | None:
        """The node that an endpoint belongs to, where its participant has said."""
        for node, _ in self.nodes():
            if endpoint.gid in (node.writers if kind == "writer" else node.readers):
                return node
        return None


def ros_topic(endpoint: Endpoint) -> str | None:
    """The ROS topic of an endpoint, None where it is not one.

    The prefixes rt, rq and rr are those of rmw_cyclonedds_cpp's namespace_prefix.hpp.
    """
    return endpoint.topic[2:] if endpoint.topic.startswith("rt/") else None


def ros_service(endpoint: Endpoint) -> tuple[str, str] | None:
    """Service name and type of a request or reply endpoint, None for others."""
    for prefix, suffix, part in (("rq/", "Request", "_Request"), ("rr/", "Reply", "_Response")):
        if endpoint.topic.startswith(prefix) and endpoint.topic.endswith(suffix):
            name = endpoint.topic[len(prefix) - 1 : -len(suffix)]
            return name, ros_type_name(endpoint.type_name).removesuffix(part)
    return None
