# SPDX-License-Identifier: Apache-2.0
"""rclpy.lifecycle.managed_entity: parts of a managed node that follow its transitions."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from .state_machine import TransitionCallbackReturnType as TransitionCallbackReturn

if TYPE_CHECKING:
    from collections.abc import Callable

    from .node import LifecycleState


class ManagedEntity:
    """Is told of each transition with the state before it; here each one succeeds."""

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:  # noqa: ARG002
        """Called between unconfigured and inactive."""
        return TransitionCallbackReturn.SUCCESS

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:  # noqa: ARG002
        """Called between inactive and unconfigured."""
        return TransitionCallbackReturn.SUCCESS

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:  # noqa: ARG002
        """Called on the way to finalized."""
        return TransitionCallbackReturn.SUCCESS

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:  # noqa: ARG002
        """Called between inactive and active."""
        return TransitionCallbackReturn.SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:  # noqa: ARG002
        """Called between active and inactive."""
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:  # noqa: ARG002
        """Called after a callback had an error; success leads back to unconfigured."""
        return TransitionCallbackReturn.SUCCESS


class SimpleManagedEntity(ManagedEntity):
    """Knows whether it is active."""

    def __init__(self) -> None:
        self._enabled = False

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:  # noqa: ARG002
        """Active from here on."""
        self._enabled = True
        return TransitionCallbackReturn.SUCCESS

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:  # noqa: ARG002
        """No longer active."""
        self._enabled = False
        return TransitionCallbackReturn.SUCCESS

    @property
    def is_activated(self) -> bool:
        """Whether the entity is active."""
        return self._enabled

    @staticmethod
    def when_enabled(
        wrapped: Callable[..., None] | None = None,
        *,
        when_not_enabled: Callable[[], None] | None = None,
    ) -> Callable[..., Any]:
        """Decorate a method that does nothing, or calls when_not_enabled, while not active."""

        def decorate(method: Callable[..., None]) -> Callable[..., None]:
            @wraps(method)
            def guarded(self: SimpleManagedEntity, *args: Any, **kwargs: Any) -> None:
                if self._enabled:
                    method(self, *args, **kwargs)
                elif when_not_enabled is not None:
                    when_not_enabled()

            return guarded

        return decorate if wrapped is None else decorate(wrapped)
