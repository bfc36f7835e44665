# SPDX-License-Identifier: Apache-2.0
"""rclpy.callback_groups: which callbacks may run at the same time."""

from __future__ import annotations

import weakref
from threading import Lock
from typing import Any


class CallbackGroup:
    """A set of entities with a rule for running their callbacks together."""

    def __init__(self) -> None:
        self.entities: set[weakref.ref[Any]] = set()

    def add_entity(self, entity: Any) -> None:
        """Add a subscription, timer, service, client or guard condition."""
        self.entities.add(weakref.ref(entity))

    def has_entity(self, entity: Any) -> bool:
        """Whether the entity is in this group."""
        return weakref.ref(entity) in self.entities

    def can_execute(self, entity: Any) -> bool:
        """Whether the entity's callback may start now."""
        raise NotImplementedError

    def beginning_execution(self, entity: Any) -> bool:
        """Take the right to run; False where it is taken."""
        raise NotImplementedError

    def ending_execution(self, entity: Any) -> None:
        """Give the right back."""
        raise NotImplementedError


class ReentrantCallbackGroup(CallbackGroup):
    """Any number of callbacks at once."""

    def can_execute(self, entity: Any) -> bool:  # noqa: ARG002
        """Whether the entity's callback may start now."""
        return True

    def beginning_execution(self, entity: Any) -> bool:  # noqa: ARG002
        """Take the right to run."""
        return True

    def ending_execution(self, entity: Any) -> None:
        """Give the right back."""


class MutuallyExclusiveCallbackGroup(CallbackGroup):
    """One callback at a time."""

    def __init__(self) -> None:
        super().__init__()
        self._active_entity: Any = None
        self._lock = Lock()

    def can_execute(self, entity: Any) -> bool:  # noqa: ARG002
        """Whether the entity's callback may start now."""
        with self._lock:
            return self._active_entity is None

    def beginning_execution(self, entity: Any) -> bool:
        """Take the right to run; False where it is taken."""
        with self._lock:
            if self._active_entity is None:
                self._active_entity = entity
                return True
        return False

    def ending_execution(self, entity: Any) -> None:
        """Give the right back."""
        with self._lock:
            assert self._active_entity is entity
            self._active_entity = None
