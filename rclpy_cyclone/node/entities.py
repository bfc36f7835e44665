# SPDX-License-Identifier: Apache-2.0
"""What a node has: publishers, subscriptions, clients, services, timers, guard conditions."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any, Literal, overload

from rclpy_cyclone.entities.client import Client
from rclpy_cyclone.entities.event_handler import (
    EventHandler,
    PublisherEventCallbacks,
    SubscriptionEventCallbacks,
)
from rclpy_cyclone.entities.guard_condition import GuardCondition
from rclpy_cyclone.entities.incompatible_type import GraphNews, IncompatibleTypeHandler
from rclpy_cyclone.entities.publisher import Publisher
from rclpy_cyclone.entities.service import Service
from rclpy_cyclone.entities.subscription import Subscription
from rclpy_cyclone.entities.timer import Rate, Timer
from rclpy_cyclone.executors.callback_groups import (
    MutuallyExclusiveCallbackGroup,
    ReentrantCallbackGroup,
)
from rclpy_cyclone.qos.profile import QoSProfile, qos_profile_services_default
from rclpy_cyclone.time.duration import S_TO_NS
from rclpy_cyclone.types.support import check_is_valid_msg_type, check_is_valid_srv_type

from .names import NodeNames
from .qos_overriding_options import QoSOverridingOptions, _declare_qos_parameters

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from rclpy_cyclone.executors.callback_groups import CallbackGroup
    from rclpy_cyclone.graph.graph import Graph, NodeEntities
    from rclpy_cyclone.logging.loggers import RcutilsLogger
    from rclpy_cyclone.process.context import Context
    from rclpy_cyclone.time.clock import Clock, ROSClock
    from rclpy_cyclone.types.messages import ServiceType
    from rclpy_cyclone.types.variables import MsgType, SrvTypeRequest, SrvTypeResponse

_LISTS = ("publishers", "subscriptions", "clients", "services", "timers", "guards")


class EntityOwner(NodeNames):
    """The part of Node that makes its entities, lists and destroys them."""

    _context: Context
    _graph: Graph
    _entities_info: NodeEntities
    _logger: RcutilsLogger
    _clock: ROSClock
    _wake_executor: Callable[[], None]

    def _init_entities(self) -> None:
        self._publishers: list[Publisher[Any]] = []
        self._subscriptions: list[Subscription] = []
        self._clients: list[Client] = []
        self._services: list[Service] = []
        self._timers: list[Timer] = []
        self._guards: list[GuardCondition] = []
        self._waitables: list[EventHandler] = []
        self._type_handlers: list[IncompatibleTypeHandler] = []
        self._graph_news = GraphNews(self._graph)
        self._unlisted: list[Publisher[Any]] = []
        self._default_callback_group: CallbackGroup = MutuallyExclusiveCallbackGroup()
        self._rate_group = ReentrantCallbackGroup()

    @property
    def publishers(self) -> Iterator[Publisher[Any]]:
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
        """The event handlers of this node."""
        yield from (*self._waitables, *self._type_handlers)

    def _entities(self) -> list[Any]:
        """What an executor waits for, in the order in which it is served."""
        return [
            self._graph_news, *(each for each in self._type_handlers if each.pending),
            *self._waitables, *self._timers, *self._subscriptions, *self._guards, *self._clients,
            *self._services,
        ]  # fmt: skip

    @staticmethod
    def _profile(qos_or_depth: Any) -> QoSProfile:
        if isinstance(qos_or_depth, QoSProfile):
            return qos_or_depth
        if not isinstance(qos_or_depth, int):
            raise TypeError(f"Expected QoSProfile or int, but received {type(qos_or_depth)!r}")
        if qos_or_depth < 0:
            raise ValueError("history depth must be greater than or equal to zero")
        return QoSProfile(depth=qos_or_depth)

    def _topic_profile(
        self,
        qos_or_depth: QoSProfile | int,
        entity_type: type[Publisher[Any] | Subscription],
        topic_name: str,
        options: QoSOverridingOptions | None,
    ) -> QoSProfile:
        profile = self._profile(qos_or_depth)
        if options is None:
            return profile
        profile = copy(profile)  # what is overridden here stays as it is in other places
        _declare_qos_parameters(entity_type, self, topic_name, profile, options)
        return profile

    def _handlers_like(self, handler: Any) -> list[Any]:
        if isinstance(handler, IncompatibleTypeHandler):
            handler.wake = self._wake_executor
            return self._type_handlers
        return self._waitables

    def _added(self, entities: list[Any], entity: Any, group: CallbackGroup) -> None:
        group.add_entity(entity)
        entities.append(entity)
        for handler in getattr(entity, "event_handlers", []):
            self._handlers_like(handler).append(handler)
        ends = getattr(entity, "_ends", ())
        if ends:
            self._graph.change(self._entities_info, add=ends)
        self._wake_executor()

    def create_publisher(
        self,
        msg_type: type[MsgType],
        topic: str,
        qos_profile: QoSProfile | int,
        *,
        callback_group: CallbackGroup | None = None,
        event_callbacks: PublisherEventCallbacks | None = None,
        qos_overriding_options: QoSOverridingOptions | None = None,
        publisher_class: type[Publisher[Any]] = Publisher,
    ) -> Publisher[MsgType]:
        """Make a publisher; an int is the depth of a KEEP_LAST history."""
        name = self._resolve(topic, service=False)
        profile = self._topic_profile(qos_profile, Publisher, name, qos_overriding_options)
        check_is_valid_msg_type(msg_type)
        group = callback_group or self._default_callback_group
        publisher: Publisher[MsgType] = publisher_class(
            self._context, msg_type, topic, name, profile,
            event_callbacks or PublisherEventCallbacks(), group, self._logger,
        )  # fmt: skip
        self._added(self._publishers, publisher, group)
        return publisher

    @overload
    def create_subscription(
        self,
        msg_type: type[MsgType],
        topic: str,
        callback: Callable[[MsgType], Any] | Callable[[MsgType, dict[str, Any]], Any],
        qos_profile: QoSProfile | int,
        *,
        callback_group: CallbackGroup | None = None,
        event_callbacks: SubscriptionEventCallbacks | None = None,
        qos_overriding_options: QoSOverridingOptions | None = None,
        raw: Literal[False] = False,
    ) -> Subscription: ...

    @overload
    def create_subscription(
        self,
        msg_type: Any,
        topic: str,
        callback: Callable[..., Any],
        qos_profile: QoSProfile | int,
        *,
        callback_group: CallbackGroup | None = None,
        event_callbacks: SubscriptionEventCallbacks | None = None,
        qos_overriding_options: QoSOverridingOptions | None = None,
        raw: bool,
    ) -> Subscription: ...

    def create_subscription(
        self,
        msg_type: Any,
        topic: str,
        callback: Callable[..., Any],
        qos_profile: QoSProfile | int,
        *,
        callback_group: CallbackGroup | None = None,
        event_callbacks: SubscriptionEventCallbacks | None = None,
        qos_overriding_options: QoSOverridingOptions | None = None,
        raw: bool = False,
    ) -> Subscription:
        """Make a subscription; with raw set, the callback gets the serialised bytes."""
        name = self._resolve(topic, service=False)
        profile = self._topic_profile(qos_profile, Subscription, name, qos_overriding_options)
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
        srv_type: type[ServiceType[SrvTypeRequest, SrvTypeResponse]],
        srv_name: str,
        callback: Callable[
            [SrvTypeRequest, SrvTypeResponse], SrvTypeResponse | Awaitable[SrvTypeResponse]
        ],
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
            self._handlers_like(handler).remove(handler)
        ends = getattr(entity, "_ends", ())
        entity.destroy()
        if ends and not self._destroyed:
            self._graph.change(self._entities_info, remove=ends)
        self._wake_executor()
        return True

    def destroy_publisher(self, publisher: Publisher[Any]) -> bool:
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

    def _destroy_entities(self) -> None:
        self._publishers += self._unlisted
        for name in _LISTS:
            entities = getattr(self, f"_{name}")
            while entities:
                self._destroy(entities, entities[0])

    def _create_unlisted_publisher(
        self, msg_type: type[MsgType], topic: str, qos_profile: QoSProfile
    ) -> Publisher[MsgType]:
        """A publisher that rcl owns in rclpy, so that the node does not list it."""
        publisher = EntityOwner.create_publisher(self, msg_type, topic, qos_profile)
        self._publishers.remove(publisher)
        self._unlisted.append(publisher)
        return publisher
