# SPDX-License-Identifier: Apache-2.0
"""rclpy.guard_condition: a callback that any thread can ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rclpy_cyclone.process.utilities import get_default_context

from .destroyable import Destroyable

if TYPE_CHECKING:
    from collections.abc import Callable

    from rclpy_cyclone.executors.callback_groups import CallbackGroup
    from rclpy_cyclone.process.context import Context


class GuardCondition(Destroyable):
    """Its callback runs once in the executor after any number of triggers."""

    def __init__(
        self,
        callback: Callable[[], Any] | None,
        callback_group: CallbackGroup | None,
        context: Context | None = None,
    ) -> None:
        self._context = get_default_context() if context is None else context
        self.callback = callback
        self.callback_group = callback_group
        self._executor_event = False
        self._triggered = False
        self._destroyed = False
        self._wake: Callable[[], None] = lambda: None

    def trigger(self) -> None:
        """Ask for the callback."""
        self._check()
        self._triggered = True
        self._wake()

    def destroy(self) -> None:
        """Trigger no more."""
        self._destroyed = True

    def _references(self) -> tuple[int, ...]:
        return ()

    def _ready(self) -> bool:
        return self._triggered and not self._destroyed

    def _take(self) -> Callable[[], Any] | None:
        self._triggered = False
        return self.callback
