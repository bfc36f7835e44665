# SPDX-License-Identifier: Apache-2.0
"""What a node can ask about the graph."""

from __future__ import annotations

import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from rclpy_cyclone.arguments.names import expand_topic_name, qualified, validate_full_topic_name
from rclpy_cyclone.dds.endpoints import ros_type_name
from rclpy_cyclone.errors.middleware import NodeNameNonExistentError

from .endpoint_info import TopicEndpointInfo, TopicEndpointTypeEnum, TypeHash
from .graph import Endpoint, Graph, NodeEntities, ros_service, ros_topic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

NamesAndTypes = list[tuple[str, list[str]]]

# Cyclone DDS's own view of the domain: no topics of anybody.
_BUILTIN = "org::eclipse::cyclonedds::builtin::"


def _collect(pairs: Iterable[tuple[str, str]]) -> NamesAndTypes:
    found: dict[str, set[str]] = defaultdict(set)
    for name, type_name in pairs:
        found[name].add(type_name)
    return [(name, sorted(types)) for name, types in sorted(found.items())]


def _topics(endpoints: Iterable[Endpoint], *, no_demangle: bool) -> NamesAndTypes:
    if no_demangle:
        named = ((e.topic, e.type_name) for e in endpoints)
        return _collect(entry for entry in named if not entry[1].startswith(_BUILTIN))
    topics = ((ros_topic(e), ros_type_name(e.type_name)) for e in endpoints)
    return _collect((name, type_name) for name, type_name in topics if name is not None)


def _services(endpoints: Iterable[Endpoint]) -> NamesAndTypes:
    return _collect(found for found in map(ros_service, endpoints) if found is not None)


class NodeGraph:
    """The part of Node that asks about other nodes, topics and services."""

    _graph: Graph
    get_name: Callable[[], str]
    get_namespace: Callable[[], str]
    _remapped: Callable[..., str]

    def get_topic_names_and_types(self, no_demangle: bool = False) -> NamesAndTypes:
        """Every topic with its types."""
        endpoints = self._graph.endpoints("writer") + self._graph.endpoints("reader")
        return _topics(endpoints, no_demangle=no_demangle)

    def get_service_names_and_types(self) -> NamesAndTypes:
        """Every service with its types."""
        endpoints = self._graph.endpoints("writer") + self._graph.endpoints("reader")
        return _services(endpoints)

    def get_node_names(self) -> list[str]:
        """The names of all nodes, without namespaces."""
        return [node.name for node, _ in self._graph.nodes()]

    def get_node_names_and_namespaces(self) -> list[tuple[str, str]]:
        """The names and namespaces of all nodes."""
        return [(node.name, node.namespace) for node, _ in self._graph.nodes()]

    def get_node_names_and_namespaces_with_enclaves(self) -> list[tuple[str, str, str]]:
        """The names, namespaces and enclaves of all nodes."""
        return [(node.name, node.namespace, enclave) for node, enclave in self._graph.nodes()]

    def get_fully_qualified_node_names(self) -> list[str]:
        """The full names of all nodes."""
        return [qualified(node.namespace, node.name) for node, _ in self._graph.nodes()]

    def _entities_of(self, name: str, namespace: str) -> NodeEntities:
        for node, _ in self._graph.nodes():
            if (node.name, node.namespace) == (name, namespace):
                return node
        raise NodeNameNonExistentError(
            f"Cannot get names and types by node for nonexistent node: {name!r} in {namespace!r}"
        )

    def _of(self, name: str, namespace: str, kind: str) -> list[Endpoint]:
        node = self._entities_of(name, namespace)
        gids = node.writers if kind == "writer" else node.readers
        return [e for e in self._graph.endpoints(kind) if e.gid in gids]

    def get_publisher_names_and_types_by_node(
        self, node_name: str, node_namespace: str, no_demangle: bool = False
    ) -> NamesAndTypes:
        """The topics that a node publishes."""
        return _topics(self._of(node_name, node_namespace, "writer"), no_demangle=no_demangle)

    def get_subscriber_names_and_types_by_node(
        self, node_name: str, node_namespace: str, no_demangle: bool = False
    ) -> NamesAndTypes:
        """The topics that a node subscribes to."""
        return _topics(self._of(node_name, node_namespace, "reader"), no_demangle=no_demangle)

    def get_service_names_and_types_by_node(
        self, node_name: str, node_namespace: str
    ) -> NamesAndTypes:
        """The services that a node offers: it reads their requests."""
        readers = self._of(node_name, node_namespace, "reader")
        return _services(e for e in readers if e.topic.startswith("rq/"))

    def get_client_names_and_types_by_node(
        self, node_name: str, node_namespace: str
    ) -> NamesAndTypes:
        """The services that a node is a client of: it reads their replies."""
        readers = self._of(node_name, node_namespace, "reader")
        return _services(e for e in readers if e.topic.startswith("rr/"))

    def _full(self, name: str, *, is_service: bool = False) -> str:
        full = expand_topic_name(name, self.get_name(), self.get_namespace())
        validate_full_topic_name(full, is_service=is_service)
        return full

    def _count(self, kind: str, topic: str) -> int:
        return sum(endpoint.topic == topic for endpoint in self._graph.endpoints(kind))

    def count_publishers(self, topic_name: str) -> int:
        """How many publishers a topic has; the name is expanded, not remapped."""
        return self._count("writer", f"rt{self._full(topic_name)}")

    def count_subscribers(self, topic_name: str) -> int:
        """How many subscriptions a topic has; the name is expanded, not remapped."""
        return self._count("reader", f"rt{self._full(topic_name)}")

    def count_clients(self, service_name: str) -> int:
        """How many clients a service has."""
        return self._count("reader", f"rr{self._full(service_name, is_service=True)}Reply")

    def count_services(self, service_name: str) -> int:
        """How many servers a service has."""
        return self._count("reader", f"rq{self._full(service_name, is_service=True)}Request")

    def _infos(self, topic_name: str, kind: str, *, no_mangle: bool) -> list[TopicEndpointInfo]:
        topic = topic_name
        if not no_mangle:
            topic = f"rt{self._remapped(self._full(topic_name), service=False)}"
        publisher = kind == "writer"
        infos = []
        for endpoint in self._graph.endpoints(kind):
            if endpoint.topic != topic:
                continue
            owner: Any = self._graph.owner(endpoint, kind)
            infos.append(
                TopicEndpointInfo(
                    node_name=owner.name if owner else "_NODE_NAME_UNKNOWN_",
                    node_namespace=owner.namespace if owner else "_NODE_NAMESPACE_UNKNOWN_",
                    topic_type=ros_type_name(endpoint.type_name),
                    topic_type_hash=TypeHash.parse(endpoint.user_data.get("typehash", "")),
                    endpoint_type=TopicEndpointTypeEnum.PUBLISHER
                    if publisher
                    else TopicEndpointTypeEnum.SUBSCRIPTION,
                    endpoint_gid=list(endpoint.gid),
                    qos_profile=endpoint.profile(),
                )
            )
        return infos

    def get_publishers_info_by_topic(
        self, topic_name: str, no_mangle: bool = False
    ) -> list[TopicEndpointInfo]:
        """What is known of each publisher of a topic."""
        return self._infos(topic_name, "writer", no_mangle=no_mangle)

    def get_subscriptions_info_by_topic(
        self, topic_name: str, no_mangle: bool = False
    ) -> list[TopicEndpointInfo]:
        """What is known of each subscription of a topic."""
        return self._infos(topic_name, "reader", no_mangle=no_mangle)

    def wait_for_node(self, fully_qualified_node_name: str, timeout: float) -> bool:
        """Wait until a node is there; False after timeout seconds."""
        wanted = "/" + fully_qualified_node_name.lstrip("/")
        end = time.monotonic() + timeout
        while wanted not in self.get_fully_qualified_node_names():
            if time.monotonic() >= end:
                return False
            time.sleep(0.05)
        return True
