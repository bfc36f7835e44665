# SPDX-License-Identifier: Apache-2.0
"""rclpy.node: the node, from which everything else is made."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from . import logging
from .arguments import Arguments, remap_name, remap_special
from .callback_groups import (
    CallbackGroup,
    MutuallyExclusiveCallbackGroup,
    ReentrantCallbackGroup,
)
from .client import Client
from .clock import Clock, ROSClock
from .destroyable import Destroyable
from .duration import S_TO_NS
from .event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
from .exceptions import (
    NameValidationException,
    NodeNameNonExistentError,
    NotInitializedException,
    RCLError,
    RCLInvalidROSArgsError,
)
from .guard_condition import GuardCondition
from .messages import message_class
from .names import (
    expand_topic_name,
    qualified,
    validate_full_topic_name,
    validate_namespace,
    validate_node_name,
    validate_topic_name,
)
from .node_graph import NodeGraph
from .node_parameters import NodeParameters, ParameterDescriptor
from .parameter import Parameter
from .parameter_ranges import REL_TOL
from .parameter_service import ParameterService
from .publisher import Publisher
from .qos import (
    QoSProfile,
    qos_profile_parameter_events,
    qos_profile_rosout_default,
    qos_profile_services_default,
)
from .service import Service
from .subscription import Subscription
from .time_source import TimeSource
from .timer import Rate, Timer
from .type_support import check_is_valid_msg_type, check_is_valid_srv_type
from .utilities import get_default_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .context import Context

__all__ = ["Node", "NodeNameNonExistentError"]

_LISTS = ("publishers", "subscriptions", "clients", "services", "timers", "guards")


class Node(NodeParameters, NodeGraph, Destroyable):
    """A node of the graph.

    Raises:
        NotInitializedException: rclpy.init() has not been called.
        InvalidNodeNameException, InvalidNamespaceException

    """

    PARAM_REL_TOL = REL_TOL

    def __init__(
        self,
        node_name: str,
        *,
        context: Context | None = None,
        cli_args: list[str] | None = None,
        namespace: str | None = None,
        use_global_arguments: bool = True,
        enable_rosout: bool = True,
        start_parameter_services: bool = True,
        parameter_overrides: list[Parameter] | None = None,
        allow_undeclared_parameters: bool = False,
        automatically_declare_parameters_from_overrides: bool = False,
        enable_logger_service: bool = False,
    ) -> None:
        if enable_logger_service:
            raise NotImplementedError("Node(enable_logger_service=True)")
        self._context = get_default_context() if context is None else context
        if not self._context.ok():
            raise NotInitializedException("cannot create node")
        self._graph = self._context.graph
        self._publishers: list[Publisher] = []
        self._subscriptions: list[Subscription] = []
        self._clients: list[Client] = []
        self._services: list[Service] = []
        self._timers: list[Timer] = []
        self._guards: list[GuardCondition] = []
        self._waitables: list[Any] = []
        self._default_callback_group: CallbackGroup = MutuallyExclusiveCallbackGroup()
        self._rate_group = ReentrantCallbackGroup()
        self._executor_reference: weakref.ref[Any] | None = None
        self._destroyed = False
        self._unlisted: list[Publisher] = []
        self._init_parameters(allow_undeclared=allow_undeclared_parameters)

        try:
            local = Arguments.parse(cli_args, all_ros=True)
        except RCLError as error:
            raise RCLInvalidROSArgsError(f"Failed to parse ROS arguments: {error}") from error
        sources = [local, self._context.arguments] if use_global_arguments else [local]
        self._rules = [rule for source in sources for rule in source.remaps]
        self._init_name(node_name, namespace or "")
        self._entities_info = self._graph.add_node(self._namespace, self._name)
        self._logger = logging.get_logger(self._logger_name())
        if enable_rosout and all(s.switches.get("rosout", True) for s in sources):
            self._start_rosout()

        self._parameter_event_publisher = self.create_publisher(
            message_class("rcl_interfaces/msg/ParameterEvent"),
            "/parameter_events",
            qos_profile_parameter_events,
        )
        self._parameter_overrides = {}
        for source in reversed(sources):
            values = source.parameters_for(self.get_fully_qualified_name())
            self._parameter_overrides |= {n: Parameter(n, value=v) for n, v in values.items()}
        for override in parameter_overrides or []:
            self._parameter_overrides[override.name] = override
        self._clock: Clock = ROSClock()
        if automatically_declare_parameters_from_overrides:
            self.declare_parameters(
                "",
                [
                    (name, parameter.value, ParameterDescriptor())
                    for name, parameter in self._parameter_overrides.items()
                ],
                ignore_override=True,
            )
        self._time_source = TimeSource(node=self)
        self._time_source.attach_clock(self._clock)
        if start_parameter_services:
            self._parameter_service = ParameterService(self)

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

    def _start_rosout(self) -> None:
        log_class = message_class("rcl_interfaces/msg/Log")
        publisher = self._create_unlisted_publisher(
            log_class, "/rosout", qos_profile_rosout_default
        )
        context = self._context

        def publish(
            severity: int, name: str, text: str, where: tuple[str, str, int], stamp: int
        ) -> None:
            if publisher._destroyed or not context.ok():
                return
            message = log_class(level=severity, name=name, msg=text)
            message.function, message.file, message.line = where
            message.stamp.sec, message.stamp.nanosec = divmod(stamp, S_TO_NS)
            publisher.publish(message)

        logging.add_rosout(self._logger.name, publish)

    def _create_unlisted_publisher(
        self, msg_type: Any, topic: str, qos_profile: QoSProfile
    ) -> Publisher:
        """A publisher that rcl owns in rclpy, so that the node does not list it."""
        publisher = Node.create_publisher(self, msg_type, topic, qos_profile)
        self._publishers.remove(publisher)
        self._unlisted.append(publisher)
        return publisher

    # Entities, as rclpy's Node shows them.

    @property
    def publishers(self) -> Iterator[Publisher]:
        """The publishers of this node."""
        yield from self._publishers

    @property
    def subscriptions(self) -> Iterator[Subscription]:
        """The subscriptions of this node."""
        yield from self._subscriptions

    @property
    def clients(self) -> Iterator[Client]:
        """The clients of this node."""
        yield from self._clients

    @property
    def services(self) -> Iterator[Service]:
        """The services of this node."""
        yield from self._services

    @property
    def timers(self) -> Iterator[Timer]:
        """The timers of this node."""
        yield from self._timers

    @property
    def guards(self) -> Iterator[GuardCondition]:
        """The guard conditions of this node."""
        yield from self._guards

    @property
    def waitables(self) -> Iterator[Any]:
        """The QoS event handlers of this node."""
        yield from self._waitables

    def _entities(self) -> list[Any]:
        """What an executor waits for, in the order in which it is served."""
        return [
            *self._waitables, *self._timers, *self._subscriptions, *self._guards, *self._clients,
            *self._services,
        ]  # fmt: skip

    @property
    def executor(self) -> Any:
        """The executor that the node was added to last, or None."""
        return None if self._executor_reference is None else self._executor_reference()

    @executor.setter
    def executor(self, new_executor: Any) -> None:
        current = self.executor
        if current is new_executor:
            return
        if current is not None:
            current.remove_node(self)
        self._executor_reference = None if new_executor is None else weakref.ref(new_executor)
        if new_executor is not None:
            new_executor.add_node(self)

    def _wake_executor(self) -> None:
        executor = self.executor
        if executor is not None:
            executor.wake()

    @property
    def context(self) -> Context:
        """The context."""
        return self._context

    @property
    def default_callback_group(self) -> CallbackGroup:
        """The group of entities that were given none: one callback at a time."""
        return self._default_callback_group

    def get_name(self) -> str:
        """The node's name."""
        return self._name

    def get_namespace(self) -> str:
        """The node's namespace."""
        return self._namespace

    def get_fully_qualified_name(self) -> str:
        """Namespace and name."""
        return qualified(self._namespace, self._name)

    def get_clock(self) -> Clock:
        """The node's clock: ROS time."""
        return self._clock

    def get_logger(self) -> logging.RcutilsLogger:
        """The node's logger."""
        return self._logger

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

    @staticmethod
    def _profile(qos_or_depth: Any) -> QoSProfile:
        if isinstance(qos_or_depth, QoSProfile):
            return qos_or_depth
        if not isinstance(qos_or_depth, int):
            raise TypeError(f"Expected QoSProfile or int, but received {type(qos_or_depth)!r}")
        if qos_or_depth < 0:
            raise ValueError("history depth must be greater than or equal to zero")
        return QoSProfile(depth=qos_or_depth)

    def _added(self, entities: list[Any], entity: Any, group: CallbackGroup) -> None:
        group.add_entity(entity)
        entities.append(entity)
        self._waitables += getattr(entity, "event_handlers", [])
        ends = [e for e in (getattr(entity, n, None) for n in ("_reader", "_writer")) if e]
        if ends:
            self._graph.change(self._entities_info, add=ends)
        self._wake_executor()

    def create_publisher(
        self,
        msg_type: Any,
        topic: str,
        qos_profile: QoSProfile | int,
        *,
        callback_group: CallbackGroup | None = None,
        event_callbacks: PublisherEventCallbacks | None = None,
        qos_overriding_options: Any = None,
        publisher_class: type[Publisher] = Publisher,
    ) -> Publisher:
        """Make a publisher; an int is the depth of a KEEP_LAST history."""
        if qos_overriding_options is not None:
            raise NotImplementedError("create_publisher(qos_overriding_options=...)")
        profile = self._profile(qos_profile)
        name = self._resolve(topic, service=False)
        check_is_valid_msg_type(msg_type)
        group = callback_group or self._default_callback_group
        publisher = publisher_class(
            self._context, msg_type, topic, name, profile,
            event_callbacks or PublisherEventCallbacks(), group, self._logger,
        )  # fmt: skip
        self._added(self._publishers, publisher, group)
        return publisher

    def create_subscription(
        self,
        msg_type: Any,
        topic: str,
        callback: Callable[..., Any],
        qos_profile: QoSProfile | int,
        *,
        callback_group: CallbackGroup | None = None,
        event_callbacks: SubscriptionEventCallbacks | None = None,
        qos_overriding_options: Any = None,
        raw: bool = False,
    ) -> Subscription:
        """Make a subscription; with raw set, the callback gets the serialised bytes."""
        if qos_overriding_options is not None:
            raise NotImplementedError("create_subscription(qos_overriding_options=...)")
        profile = self._profile(qos_profile)
        name = self._resolve(topic, service=False)
        check_is_valid_msg_type(msg_type)
        group = callback_group or self._default_callback_group
        subscription = Subscription(
            self._context, msg_type, topic, name, callback, group, profile, raw,
            event_callbacks or SubscriptionEventCallbacks(), self._logger,
        )  # fmt: skip
        self._added(self._subscriptions, subscription, group)
        return subscription

    def create_client(
        self,
        srv_type: Any,
        srv_name: str,
        *,
        qos_profile: QoSProfile = qos_profile_services_default,
        callback_group: CallbackGroup | None = None,
    ) -> Client:
        """Make a client of a service."""
        check_is_valid_srv_type(srv_type)
        name = self._resolve(srv_name, service=True)
        group = callback_group or self._default_callback_group
        client = Client(self._context, srv_type, srv_name, name, qos_profile, group, self._logger)
        self._added(self._clients, client, group)
        return client

    def create_service(
        self,
        srv_type: Any,
        srv_name: str,
        callback: Callable[[Any, Any], Any],
        *,
        qos_profile: QoSProfile = qos_profile_services_default,
        callback_group: CallbackGroup | None = None,
    ) -> Service:
        """Offer a service; the callback takes request and response, and returns the response."""
        check_is_valid_srv_type(srv_type)
        name = self._resolve(srv_name, service=True)
        group = callback_group or self._default_callback_group
        service = Service(
            self._context, srv_type, srv_name, name, callback, group, qos_profile, self._logger
        )
        self._added(self._services, service, group)
        return service

    def create_timer(
        self,
        timer_period_sec: float,
        callback: Callable[[], Any] | None,
        callback_group: CallbackGroup | None = None,
        clock: Clock | None = None,
        autostart: bool = True,
    ) -> Timer:
        """Make a timer, on the node's clock where no other is given."""
        group = callback_group or self._default_callback_group
        timer = Timer(
            callback, group, int(float(timer_period_sec) * S_TO_NS),
            self._clock if clock is None else clock, context=self._context, autostart=autostart,
        )  # fmt: skip
        timer._wake = self._wake_executor
        self._added(self._timers, timer, group)
        return timer

    def create_guard_condition(
        self, callback: Callable[[], Any], callback_group: CallbackGroup | None = None
    ) -> GuardCondition:
        """Make a guard condition."""
        group = callback_group or self._default_callback_group
        guard = GuardCondition(callback, group, context=self._context)
        guard._wake = self._wake_executor
        self._added(self._guards, guard, group)
        return guard

    def create_rate(self, frequency: float, clock: Clock | None = None) -> Rate:
        """Make a rate of a frequency in Hz."""
        if frequency <= 0:
            raise ValueError("frequency must be > 0")
        timer = self.create_timer(1.0 / frequency, None, self._rate_group, clock)
        return Rate(timer, context=self._context)

    def _destroy(self, entities: list[Any], entity: Any) -> bool:
        if entity not in entities:
            return False
        entities.remove(entity)
        for handler in getattr(entity, "event_handlers", []):
            self._waitables.remove(handler)
        ends = [e for e in (getattr(entity, n, None) for n in ("_reader", "_writer")) if e]
        entity.destroy()
        if ends and not self._destroyed:
            self._graph.change(self._entities_info, remove=ends)
        self._wake_executor()
        return True

    def destroy_publisher(self, publisher: Publisher) -> bool:
        """Remove a publisher; False where it is not this node's."""
        return self._destroy(self._publishers, publisher)

    def destroy_subscription(self, subscription: Subscription) -> bool:
        """Remove a subscription; False where it is not this node's."""
        return self._destroy(self._subscriptions, subscription)

    def destroy_client(self, client: Client) -> bool:
        """Remove a client; False where it is not this node's."""
        return self._destroy(self._clients, client)

    def destroy_service(self, service: Service) -> bool:
        """Remove a service; False where it is not this node's."""
        return self._destroy(self._services, service)

    def destroy_timer(self, timer: Timer) -> bool:
        """Remove a timer; False where it is not this node's."""
        return self._destroy(self._timers, timer)

    def destroy_guard_condition(self, guard: GuardCondition) -> bool:
        """Remove a guard condition; False where it is not this node's."""
        return self._destroy(self._guards, guard)

    def destroy_rate(self, rate: Rate) -> bool:
        """Remove a rate; False where it is not this node's."""
        found = self.destroy_timer(rate._timer)
        rate.destroy()
        return found

    def destroy_node(self) -> None:
        """Remove the node and all that it has; a second call does nothing."""
        if self._destroyed:
            return
        self._destroyed = True
        logging.remove_rosout(self._logger.name)
        self._graph.remove_node(self._entities_info)
        self._publishers += self._unlisted
        for name in _LISTS:
            entities = getattr(self, f"_{name}")
            while entities:
                self._destroy(entities, entities[0])
        self._wake_executor()
