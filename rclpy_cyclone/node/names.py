# SPDX-License-Identifier: Apache-2.0
"""A node's name and namespace, and the full names of its topics and services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rclpy_cyclone.arguments.names import (
    expand_topic_name,
    qualified,
    validate_full_topic_name,
    validate_namespace,
    validate_node_name,
    validate_topic_name,
)
from rclpy_cyclone.arguments.ros_args import remap_name, remap_special
from rclpy_cyclone.entities.destroyable import Destroyable
from rclpy_cyclone.errors.exceptions import NameValidationException
from rclpy_cyclone.errors.middleware import RCLError

if TYPE_CHECKING:
    from rclpy_cyclone.arguments.ros_args import Remap


class NodeNames(Destroyable):
    """The part of Node that knows names."""

    _rules: list[Remap]
    _name: str
    _namespace: str

    def _init_name(self, name: str, namespace: str) -> None:
        validate_node_name(name)
        namespace = namespace if namespace.startswith("/") else f"/{namespace}"
        validate_namespace(namespace)
        self._name = remap_special(self._rules, ("__node", "__name"), name) or name
        self._namespace = remap_special(self._rules, ("__ns",), name) or namespace
        validate_node_name(self._name)
        validate_namespace(self._namespace)

    def _logger_name(self) -> str:
        return f"{self._namespace.strip('/').replace('/', '.')}.{self._name}".lstrip(".")

    def get_name(self) -> str:
        """The node's name."""
        return self._name

    def get_namespace(self) -> str:
        """The node's namespace."""
        return self._namespace

    def get_fully_qualified_name(self) -> str:
        """Namespace and name."""
        return qualified(self._namespace, self._name)

    def _remapped(self, full_name: str, *, service: bool) -> str:
        return remap_name(self._rules, full_name, self._name, self._namespace, service=service)

    def _resolve(self, name: str, *, service: bool, only_expand: bool = False) -> str:
        self._check()
        validate_topic_name(name, is_service=service)
        full = expand_topic_name(name, self._name, self._namespace)
        if not only_expand:
            full = self._remapped(full, service=service)
        validate_full_topic_name(full, is_service=service)
        return full

    def resolve_topic_name(self, topic: str, *, only_expand: bool = False) -> str:
        """A topic's full name, after remapping; raises RCLError where it has none."""
        try:
            return self._resolve(topic, service=False, only_expand=only_expand)
        except (NameValidationException, ValueError) as error:
            raise RCLError(f"failed to resolve name: {error}") from error

    def resolve_service_name(self, service: str, *, only_expand: bool = False) -> str:
        """A service's full name, after remapping; raises RCLError where it has none."""
        try:
            return self._resolve(service, service=True, only_expand=only_expand)
        except (NameValidationException, ValueError) as error:
            raise RCLError(f"failed to resolve name: {error}") from error
