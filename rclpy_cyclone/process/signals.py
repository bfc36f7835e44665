# SPDX-License-Identifier: Apache-2.0
"""rclpy.signals: SIGINT and SIGTERM make every context invalid and wake every spin.

Python runs its handlers between two bytecodes of the main thread, which may be waiting inside
Cyclone DDS. So Python's C handler also writes the signal's number to a socket, and a thread that
reads it wakes the main thread.
"""

from __future__ import annotations

import atexit
import signal
import socket
import threading
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from rclpy_cyclone.logging import loggers

from .context import open_contexts

if TYPE_CHECKING:
    from types import FrameType


class SignalHandlerOptions(IntEnum):
    """Which signals rclpy handles."""

    NO = 0
    SIGINT = 1
    SIGTERM = 2
    ALL = 3


class _Handlers:
    """The installed handlers of the process."""

    def __init__(self) -> None:
        self.options = SignalHandlerOptions.NO
        self._previous: dict[int, Any] = {}
        self._previous_fd = -1
        self._writer: socket.socket | None = None

    def install(self, options: SignalHandlerOptions) -> None:
        if threading.current_thread() is not threading.main_thread():
            if options:
                loggers.get_logger("rclpy").warning(
                    "SIGINT and SIGTERM will not end spin(): rclpy.init() was called outside the "
                    "main thread, where Python allows no signal handlers"
                )
            return
        self._watch()
        wanted = {
            signal.SIGINT: options & SignalHandlerOptions.SIGINT,
            signal.SIGTERM: options & SignalHandlerOptions.SIGTERM,
        }
        for number, want in wanted.items():
            if want and number not in self._previous:
                self._previous[number] = signal.signal(number, self._handle)
            elif not want:
                self._restore(number)
        self.options = options

    def uninstall(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        for number in list(self._previous):
            self._restore(number)
        if self._writer is not None:
            signal.set_wakeup_fd(self._previous_fd)
            self._writer.close()
            self._writer = None
        self.options = SignalHandlerOptions.NO

    def _restore(self, number: int) -> None:
        if number in self._previous and signal.getsignal(number) == self._handle:
            signal.signal(number, self._previous[number])
        self._previous.pop(number, None)

    def _watch(self) -> None:
        if self._writer is not None:
            return
        reader, self._writer = socket.socketpair()
        self._writer.setblocking(False)
        self._previous_fd = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        threading.Thread(target=self._serve, args=(reader,), name="signals", daemon=True).start()

    def _serve(self, reader: socket.socket) -> None:
        with reader:
            while numbers := reader.recv(64):
                for number in numbers:
                    if number in self._previous:
                        for context in open_contexts():
                            context.interrupt()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        for context in open_contexts():
            context.interrupt()
        previous = self._previous.get(number)
        if callable(previous):
            previous(number, frame)


_handlers = _Handlers()


def install_signal_handlers(options: SignalHandlerOptions = SignalHandlerOptions.ALL) -> None:
    """Handle these signals from now on, and no others."""
    _handlers.install(options)


def uninstall_signal_handlers() -> None:
    """Put the previous handlers back."""
    _handlers.uninstall()


def get_current_signal_handlers_options() -> SignalHandlerOptions:
    """Which signals are handled."""
    return _handlers.options


def _leave() -> None:
    for context in open_contexts():
        context.shutdown_now()


# A process that ends without shutdown() leaves the graph at once, not when its lease expires.
atexit.register(_leave)
