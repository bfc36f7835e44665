# SPDX-License-Identifier: Apache-2.0
"""rclpy.clock: system, steady and ROS time, and callbacks on jumps of ROS time."""

from __future__ import annotations

import threading
import time as python_time
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from rclpy_cyclone.errors.exceptions import NotInitializedException

from .duration import Duration
from .time import ClockType, Time

if TYPE_CHECKING:
    from collections.abc import Callable


class ClockChange(IntEnum):
    """What changed about a clock when it jumped."""

    ROS_TIME_NO_CHANGE = 1
    ROS_TIME_ACTIVATED = 2
    ROS_TIME_DEACTIVATED = 3
    SYSTEM_TIME_NO_CHANGE = 4


class JumpThreshold:
    """Which jumps are of interest."""

    def __init__(
        self,
        *,
        min_forward: Duration | None,
        min_backward: Duration | None,
        on_clock_change: bool = True,
    ) -> None:
        if min_forward is not None and min_forward.nanoseconds <= 0:
            raise ValueError("min_forward must be a positive non-zero duration")
        if min_backward is not None and min_backward.nanoseconds >= 0:
            raise ValueError("min_backward must be a negative non-zero duration")
        if min_forward is None and min_backward is None and not on_clock_change:
            raise ValueError("At least one jump threshold must be enabled")
        self.min_forward = min_forward
        self.min_backward = min_backward
        self.on_clock_change = on_clock_change

    def passed(self, jump: TimeJump) -> bool:
        """Whether a jump is of interest."""
        if jump.clock_change in (ClockChange.ROS_TIME_ACTIVATED, ClockChange.ROS_TIME_DEACTIVATED):
            return self.on_clock_change
        if self.min_forward is not None and jump.delta >= self.min_forward:
            return True
        return self.min_backward is not None and jump.delta <= self.min_backward


class TimeJump:
    """One jump: what changed, and by how much time."""

    def __init__(self, clock_change: ClockChange, delta: Duration) -> None:
        if not isinstance(clock_change, ClockChange):
            raise TypeError("clock_change must be an instance of rclpy.clock.ClockChange")
        self._clock_change = clock_change
        self._delta = delta

    @property
    def clock_change(self) -> ClockChange:
        """What changed."""
        return self._clock_change

    @property
    def delta(self) -> Duration:
        """By how much time went forward."""
        return self._delta


class JumpHandle:
    """A registered jump callback; also a context manager."""

    def __init__(
        self,
        *,
        clock: Clock,
        threshold: JumpThreshold,
        pre_callback: Callable[[], None] | None,
        post_callback: Callable[[TimeJump], None] | None,
    ) -> None:
        if pre_callback is None and post_callback is None:
            raise ValueError("One of pre_callback or post_callback must be callable")
        if pre_callback is not None and not callable(pre_callback):
            raise ValueError("pre_callback must be callable if given")
        if post_callback is not None and not callable(post_callback):
            raise ValueError("post_callback must be callable if given")
        self._clock: Clock | None = clock
        self.threshold = threshold
        self.pre_callback = pre_callback
        self.post_callback = post_callback
        clock._jump_handles.append(self)

    def unregister(self) -> None:
        """Call back no more."""
        if self._clock is not None:
            self._clock._jump_handles.remove(self)
            self._clock = None

    def __enter__(self) -> JumpHandle:
        return self

    def __exit__(self, *_: object) -> None:
        self.unregister()


class Clock:
    """A clock; Clock(clock_type=ClockType.ROS_TIME) is a ROSClock."""

    _clock_type: ClockType
    _jump_handles: list[JumpHandle]

    def __new__(cls, *, clock_type: ClockType = ClockType.SYSTEM_TIME) -> Clock:
        """A clock of a type."""
        if not isinstance(clock_type, ClockType):
            raise TypeError("Clock type must be a ClockType enum")
        self = super().__new__(ROSClock if clock_type is ClockType.ROS_TIME else cls)
        self._clock_type = clock_type
        self._jump_handles = []
        if isinstance(self, ROSClock):
            self._override = 0
            self._active = False
        return self

    @property
    def clock_type(self) -> ClockType:
        """The kind of clock."""
        return self._clock_type

    def __repr__(self) -> str:
        return f"Clock(clock_type={self._clock_type.name})"

    def _now_ns(self) -> int:
        if self._clock_type is ClockType.STEADY_TIME:
            return python_time.monotonic_ns()
        return python_time.time_ns()

    def now(self) -> Time:
        """The present time."""
        return Time(nanoseconds=self._now_ns(), clock_type=self._clock_type)

    def create_jump_callback(
        self,
        threshold: JumpThreshold,
        *,
        pre_callback: Callable[[], None] | None = None,
        post_callback: Callable[[TimeJump], None] | None = None,
    ) -> JumpHandle:
        """Call back before and after jumps of this clock that pass the threshold."""
        return JumpHandle(
            clock=self, threshold=threshold, pre_callback=pre_callback, post_callback=post_callback
        )

    def sleep_until(self, until: Time, context: Any = None) -> bool:
        """Sleep until this clock shows a time.

        Returns:
            False where the context shut down or the time source changed meanwhile.

        """
        if context is None:
            from rclpy_cyclone.process.utilities import get_default_context

            context = get_default_context()
        if not context.ok():
            raise NotInitializedException
        if until.clock_type != self._clock_type:
            raise ValueError("until's clock type does not match this clock's type")
        event = threading.Event()
        changed = False

        def on_jump(jump: TimeJump) -> None:
            nonlocal changed
            changed = changed or jump.clock_change in (
                ClockChange.ROS_TIME_ACTIVATED,
                ClockChange.ROS_TIME_DEACTIVATED,
            )
            if changed or self.now() >= until:
                event.set()

        context.on_shutdown(event.set)
        threshold = JumpThreshold(min_forward=Duration(nanoseconds=1), min_backward=None)
        with self.create_jump_callback(threshold, post_callback=on_jump):
            while context.ok() and not changed:
                left = until.nanoseconds - self._now_ns()
                if left <= 0:
                    break
                simulated = isinstance(self, ROSClock) and self.ros_time_is_active
                if event.wait(None if simulated else left / 1e9):
                    break
        if changed or not context.ok():
            return False
        return bool(self.now() >= until)

    def sleep_for(self, rel_time: Duration, context: Any = None) -> bool:
        """Sleep for a span of this clock's time."""
        return self.sleep_until(self.now() + rel_time, context)


class ROSClock(Clock):
    """System time, or the time set by set_ros_time_override where that is active."""

    _override: int
    _active: bool

    def __new__(cls) -> ROSClock:
        """A clock that shows system time, until its time is overridden."""
        self = super().__new__(Clock, clock_type=ClockType.ROS_TIME)
        assert isinstance(self, ROSClock)
        return self

    def _now_ns(self) -> int:
        return self._override if self._active else python_time.time_ns()

    @property
    def ros_time_is_active(self) -> bool:
        """Whether the time is simulated."""
        return self._active

    def _jump(self, jump: TimeJump, change: Callable[[], None]) -> None:
        handles = [handle for handle in self._jump_handles if handle.threshold.passed(jump)]
        for handle in handles:
            if handle.pre_callback is not None:
                handle.pre_callback()
        change()
        for handle in handles:
            if handle.post_callback is not None:
                handle.post_callback(jump)

    def _set_ros_time_is_active(self, enabled: bool) -> None:
        if enabled == self._active:
            return
        change = ClockChange.ROS_TIME_ACTIVATED if enabled else ClockChange.ROS_TIME_DEACTIVATED
        delta = self._override - python_time.time_ns()
        jump = TimeJump(change, Duration(nanoseconds=delta if enabled else -delta))

        def apply() -> None:
            self._active = enabled

        self._jump(jump, apply)

    def set_ros_time_override(self, time: Time) -> None:
        """Set the simulated time."""
        if not isinstance(time, Time):
            raise TypeError(
                f"Time must be specified as rclpy.time.Time. Received type: {type(time)}"
            )

        def apply() -> None:
            self._override = time.nanoseconds

        if self._active:
            delta = Duration(nanoseconds=time.nanoseconds - self._override)
            self._jump(TimeJump(ClockChange.ROS_TIME_NO_CHANGE, delta), apply)
        else:
            apply()
