# SPDX-License-Identifier: Apache-2.0
"""Who is asked and told when a node's parameters are set."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class ParameterCallbacks:
    """The part of Node that keeps these callbacks; the newest one runs first."""

    def _init_callbacks(self) -> None:
        self._pre_set_parameters_callbacks: list[Callable[..., Any]] = []
        self._on_set_parameters_callbacks: list[Callable[..., Any]] = []
        self._post_set_parameters_callbacks: list[Callable[..., Any]] = []

    def add_pre_set_parameters_callback(self, callback: Callable[..., Any]) -> None:
        """Let a callback change the list of parameters before it is checked."""
        self._pre_set_parameters_callbacks.insert(0, callback)

    def add_on_set_parameters_callback(self, callback: Callable[..., Any]) -> None:
        """Ask a callback, which returns a SetParametersResult, before parameters are set."""
        self._on_set_parameters_callbacks.insert(0, callback)

    def add_post_set_parameters_callback(self, callback: Callable[..., Any]) -> None:
        """Tell a callback which parameters were set."""
        self._post_set_parameters_callbacks.insert(0, callback)

    def remove_pre_set_parameters_callback(self, callback: Callable[..., Any]) -> None:
        """Take back add_pre_set_parameters_callback()."""
        self._pre_set_parameters_callbacks.remove(callback)

    def remove_on_set_parameters_callback(self, callback: Callable[..., Any]) -> None:
        """Take back add_on_set_parameters_callback()."""
        self._on_set_parameters_callbacks.remove(callback)

    def remove_post_set_parameters_callback(self, callback: Callable[..., Any]) -> None:
        """Take back add_post_set_parameters_callback()."""
        self._post_set_parameters_callbacks.remove(callback)
