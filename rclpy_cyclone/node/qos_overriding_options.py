# SPDX-License-Identifier: Apache-2.0
"""rclpy.qos_overriding_options: QoS policies that parameters override when a node starts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from rclpy_cyclone.entities.publisher import Publisher
from rclpy_cyclone.entities.subscription import Subscription
from rclpy_cyclone.errors.exceptions import ParameterAlreadyDeclaredException
from rclpy_cyclone.qos.profile import (
    DurabilityPolicy,
    HistoryPolicy,
    LivelinessPolicy,
    QoSPolicyEnum,
    QoSPolicyKind,
    QoSProfile,
    ReliabilityPolicy,
)
from rclpy_cyclone.time.duration import Duration
from rclpy_cyclone.types.messages import message_class

if TYPE_CHECKING:
    from collections.abc import Iterable

    from typing_extensions import Self

QosCallbackResult: Any = message_class("rcl_interfaces/msg/SetParametersResult")
QosCallbackType = Callable[[QoSProfile], Any]
_ParameterDescriptor: Any = message_class("rcl_interfaces/msg/ParameterDescriptor")
_POLICY_ENUMS: dict[QoSPolicyKind, type[QoSPolicyEnum]] = {
    QoSPolicyKind.HISTORY: HistoryPolicy,
    QoSPolicyKind.RELIABILITY: ReliabilityPolicy,
    QoSPolicyKind.DURABILITY: DurabilityPolicy,
    QoSPolicyKind.LIVELINESS: LivelinessPolicy,
}
_DURATIONS = (
    QoSPolicyKind.LIFESPAN, QoSPolicyKind.DEADLINE, QoSPolicyKind.LIVELINESS_LEASE_DURATION,
)  # fmt: skip


class InvalidQosOverridesError(Exception):
    """The callback refused the profile."""


class QoSOverridingOptions:
    """Which policies of an endpoint have parameters.

    Args:
        policy_kinds: The policies.
        callback: Judges the profile after the parameters were read.
        entity_id: Tells endpoints of the same topic apart.

    """

    def __init__(
        self,
        policy_kinds: Iterable[QoSPolicyKind],
        *,
        callback: QosCallbackType | None = None,
        entity_id: str | None = None,
    ) -> None:
        self._policy_kinds = policy_kinds
        self._callback = callback
        self._entity_id = entity_id

    @property
    def policy_kinds(self) -> Iterable[QoSPolicyKind]:
        """The policies that have a parameter."""
        return self._policy_kinds

    @property
    def callback(self) -> QosCallbackType | None:
        """What judges the profile."""
        return self._callback

    @property
    def entity_id(self) -> str | None:
        """What tells endpoints of the same topic apart."""
        return self._entity_id

    @classmethod
    def with_default_policies(
        cls, *, callback: QosCallbackType | None = None, entity_id: str | None = None
    ) -> Self:
        """History, depth and reliability."""
        return cls(
            (QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH, QoSPolicyKind.RELIABILITY),
            callback=callback,
            entity_id=entity_id,
        )


def _declare_qos_parameters(
    entity_type: type[Publisher[Any] | Subscription],
    node: Any,
    topic_name: str,
    qos: QoSProfile,
    options: QoSOverridingOptions,
) -> None:
    """Declare the parameters of an endpoint, and write their values into its profile."""
    if not issubclass(entity_type, (Publisher, Subscription)):
        raise TypeError("Argument `entity_type` should be a subclass of Publisher or Subscription")
    kind = "publisher" if issubclass(entity_type, Publisher) else "subscription"
    suffix = "" if options.entity_id is None else f"_{options.entity_id}"
    endpoint = f"for {kind} `{topic_name}` with id `{options.entity_id}`"
    for policy in options.policy_kinds:
        if kind == "subscription" and policy == QoSPolicyKind.LIFESPAN:
            continue
        policy_name = policy.name.lower()
        name = f"qos_overrides.{topic_name}.{kind}{suffix}.{policy_name}"
        descriptor = _ParameterDescriptor(description=f"{policy_name} {endpoint}", read_only=True)
        try:
            parameter = node.declare_parameter(
                name, _get_qos_policy_parameter(qos, policy), descriptor
            )
        except ParameterAlreadyDeclaredException:
            parameter = node.get_parameter(name)
        _override_qos_policy_with_param(qos, policy, parameter)
    if options.callback is not None:
        result = options.callback(qos)
        if not result.successful:
            raise InvalidQosOverridesError(
                f"Provided QoS overrides {endpoint}, are not valid: {result.reason}"
            )


def _get_qos_policy_parameter(qos: QoSProfile, policy: QoSPolicyKind) -> str | int | bool:
    """A policy as the value of a parameter."""
    value = getattr(qos, policy.name.lower())
    if isinstance(value, QoSPolicyEnum):
        if value.name == "UNKNOWN":
            raise ValueError("User provided QoS profile is invalid")
        return str(value.name.lower())
    return value.nanoseconds if isinstance(value, Duration) else value  # type: ignore[no-any-return]


def _override_qos_policy_with_param(qos: QoSProfile, policy: QoSPolicyKind, param: Any) -> None:
    """Write the value of a parameter into the profile."""
    name = policy.name.lower()
    value = param.value
    if policy in _POLICY_ENUMS:
        try:
            value = _POLICY_ENUMS[policy][value.upper()]
        except KeyError as error:
            raise RuntimeError(f"Unexpected QoS override for policy `{name}`: `{value}`") from error
    elif policy in _DURATIONS:
        value = Duration(nanoseconds=value)
    setattr(qos, name, value)
