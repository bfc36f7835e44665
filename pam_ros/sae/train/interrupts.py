# SPDX-License-Identifier: Apache-2.0
"""Lets Ctrl-C and a `kill` wait while something is written that must stay whole."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import TracebackType


class WaitingInterrupts:
    """While entered, SIGINT and SIGTERM raise KeyboardInterrupt; within `whole` only at its end.

    Handlers of the caller's own stay, and outside the main thread nothing is done, for signals do
    not come there.
    """

    def __init__(self) -> None:
        self.whole = _Whole()
        self._replaced: list[int] = []

    def __enter__(self) -> WaitingInterrupts:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                if signal.getsignal(number) is signal.default_int_handler:
                    signal.signal(number, self._handle)
                    self._replaced.append(number)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number in self._replaced:
            signal.signal(number, signal.default_int_handler)
        self._replaced.clear()

    def _handle(self, number: int, frame: Any) -> None:  # noqa: ARG002
        if not self.whole.busy:
            raise KeyboardInterrupt
        self.whole.asked = True


class _Whole:
    """`with interrupts.whole:` is not cut in two."""

    def __init__(self) -> None:
        self.busy = self.asked = False

    def __enter__(self) -> None:
        self.busy = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.busy = False
        if self.asked:
            self.asked = False
            raise KeyboardInterrupt
