# SPDX-License-Identifier: Apache-2.0
"""rclpy.timer: timers on any clock, and rates."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from rclpy_cyclone.errors.exceptions import ROSInterruptException
from rclpy_cyclone.errors.middleware import InvalidHandle, RCLError
from rclpy_cyclone.process.utilities import get_default_context
from rclpy_cyclone.time.clock import Clock, ClockChange, JumpThreshold, ROSClock, TimeJump
from rclpy_cyclone.time.duration import Duration

from .destroyable import Destroyable

if TYPE_CHECKING:
    from collections.abc import Callable

    from rclpy_cyclone.executors.callback_groups import CallbackGroup
    from rclpy_cyclone.process.context import Context


class Timer(Destroyable):
    """Calls back every timer_period_ns of its clock's time, on a fixed grid; a late call skips."""

    def __init__(
        self,
        callback: Callable[[], Any] | None,
        callback_group: CallbackGroup | None,
        timer_period_ns: int,
        clock: Clock,
        *,
        context: Context | None = None,
        autostart: bool = True,
    ) -> None:
        self._context = get_default_context() if context is None else context
        self._clock = clock
        self.callback = callback
        self.callback_group = callback_group
        self._executor_event = False
        self._wake: Callable[[], None] = lambda: None
        self._period = self._checked(timer_period_ns)
        self._canceled = not autostart
        self._destroyed = False
        self._last_call = clock._now_ns()
        self._next_call = self._last_call + self._period
        self._jump_handle = None
        if isinstance(clock, ROSClock):
            threshold = JumpThreshold(
                min_forward=Duration(nanoseconds=1), min_backward=Duration(nanoseconds=-1)
            )
            self._credit = 0
            self._jump_handle = clock.create_jump_callback(
                threshold, pre_callback=self._before_jump, post_callback=self._after_jump
            )

    @staticmethod
    def _checked(period: int) -> int:
        if period < 0:
            raise RCLError("failed to create timer: timer period must be non-negative")
        return int(period)

    def _before_jump(self) -> None:
        self._credit = self._next_call - self._clock._now_ns()

    def _after_jump(self, jump: TimeJump) -> None:
        now = self._clock._now_ns()
        if jump.clock_change in (ClockChange.ROS_TIME_ACTIVATED, ClockChange.ROS_TIME_DEACTIVATED):
            # The two clocks have nothing in common: keep the time that was left.
            self._next_call = now + min(max(self._credit, 0), self._period)
            self._last_call = now
        elif now < self._last_call:
            self._next_call = now + self._period
            self._last_call = now
        self._wake()

    def destroy(self) -> None:
        """Stop for good."""
        self._destroyed = True
        if self._jump_handle is not None:
            self._jump_handle.unregister()
            self._jump_handle = None

    @property
    def clock(self) -> Clock:
        """The clock."""
        return self._clock

    @property
    def timer_period_ns(self) -> int:
        """The period in nanoseconds; a new one counts from the next call on."""
        self._check()
        return self._period

    @timer_period_ns.setter
    def timer_period_ns(self, value: int) -> None:
        self._check()
        self._period = self._checked(int(value))

    def is_ready(self) -> bool:
        """Whether a call is due."""
        self._check()
        return not self._canceled and self._clock._now_ns() >= self._next_call

    def is_canceled(self) -> bool:
        """Whether cancel() was called, and reset() was not."""
        self._check()
        return self._canceled

    def cancel(self) -> None:
        """Stop until reset()."""
        self._check()
        self._canceled = True

    def reset(self) -> None:
        """Start a new period now."""
        self._check()
        self._canceled = False
        self._next_call = self._clock._now_ns() + self._period
        self._wake()

    def time_since_last_call(self) -> int:
        """Nanoseconds since the last call, or since the timer was made."""
        self._check()
        return self._clock._now_ns() - self._last_call

    def time_until_next_call(self) -> int | None:
        """Nanoseconds until the next call, negative when it is late, None when canceled."""
        self._check()
        return None if self._canceled else self._next_call - self._clock._now_ns()

    def _references(self) -> tuple[int, ...]:
        return ()

    def _ready(self) -> bool:
        return not self._destroyed and self.is_ready()

    def _due_in_ns(self) -> int | None:
        """Nanoseconds until the timer is due by itself; None where only others can make it due."""
        simulated = isinstance(self._clock, ROSClock) and self._clock.ros_time_is_active
        if self._destroyed or self._canceled or simulated:
            return None
        return self._next_call - self._clock._now_ns()

    def _take(self) -> Callable[[], Any] | None:
        if self._destroyed or self._canceled:
            return None
        now = self._clock._now_ns()
        self._last_call = now
        self._next_call += self._period
        if self._next_call < now:
            if self._period == 0:
                self._next_call = now
            else:
                self._next_call += ((now - self._next_call) // self._period + 1) * self._period
        return self.callback


class Rate:
    """Sleeps until the next tick of a timer; another thread must spin the node."""

    def __init__(self, timer: Timer, *, context: Context) -> None:
        self._timer = timer
        self._is_shutdown = False
        self._is_destroyed = False
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._num_sleepers = 0
        self._timer.callback = self._event.set
        context.on_shutdown(self._on_shutdown)

    def _on_shutdown(self) -> None:
        self._is_shutdown = True
        self.destroy()

    def destroy(self) -> None:
        """Wake every sleeper for good."""
        self._is_destroyed = True
        self._event.set()

    def sleep(self) -> None:
        """Sleep until the next tick.

        Raises:
            ROSInterruptException: shut down meanwhile.
            RuntimeError: the rate was destroyed before.

        """
        if self._is_shutdown:
            raise ROSInterruptException
        if self._is_destroyed:
            raise RuntimeError("Rate cannot sleep because it has been destroyed")
        if self._timer._destroyed:
            self.destroy()
            raise InvalidHandle("Rate cannot sleep because the timer has been destroyed")
        with self._lock:
            self._num_sleepers += 1
        try:
            self._event.wait()
        finally:
            with self._lock:
                self._num_sleepers -= 1
                if self._num_sleepers == 0:
                    self._event.clear()
        if self._is_shutdown:
            self.destroy()
            raise ROSInterruptException
