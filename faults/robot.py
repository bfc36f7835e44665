# SPDX-License-Identifier: Apache-2.0
"""A robot whose messages can be spoiled on their way out. Import it where rclpy is."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CompressedImage, Image, JointState

from faults.policy import JOINTS, PERIOD_S, TOP, WRIST
from faults.witness import Command, Witness

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from rclpy.publisher import Publisher

    Spoil = Callable[[str, Any], Any]


def as_it_is(_: str, message: Any) -> Any:
    """Spoils nothing."""
    return message


class FaultyRobot(Node):
    """Cameras and joints at the contract's rate; the arm is where the last command says.

    spoil: called with "top", "wrist" or "joints" and the message; returns what is sent instead,
    None for nothing. shift_s: added to stamps. times: how often each message is sent in a period,
    with stamps of its own. simulated: publishes /clock, `time_s`, and stamps by it.
    """

    def __init__(self, *, simulated: bool = False) -> None:
        super().__init__("faulty_robot")
        self.witness = Witness(self)
        self.witness.on_command = self._obey
        self.spoil: Spoil = as_it_is
        self.shift_s = 0.0
        self.times = 1
        self.time_s = 1000.0
        self.time_runs = True
        self.last_good_s = 0.0
        self._lock = threading.Lock()
        self._positions = dict.fromkeys(JOINTS, 0.0)
        self._chance = np.random.default_rng(0)
        self._beats = 0
        self._out: dict[str, Publisher[Any]] = {
            "top": self.create_publisher(Image, "/top/image_raw", 5),
            "wrist": self.create_publisher(CompressedImage, "/wrist/image_raw/compressed", 5),
            "joints": self.create_publisher(JointState, "/joint_states", 10),
        }
        self._times_out = self.create_publisher(Clock, "/clock", 10) if simulated else None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Publish from now on, in a thread of its own."""
        self._thread.start()

    def close(self) -> None:
        """Publish nothing more."""
        self._stopped.set()
        self._thread.join(2.0)

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stopped.is_set():
            period = PERIOD_S / self.times
            self._observe()
            due = max(due + period, time.monotonic() - PERIOD_S)
            self._stopped.wait(max(0.0, due - time.monotonic()))

    def _observe(self) -> None:
        self._beats += 1
        now = time.time() if self._times_out is None else self._simulate()
        stamp = now + self.shift_s
        messages: dict[str, Any] = {
            "joints": self._joints(),
            "top": self._top(),
            "wrist": self._wrist(),
        }
        for name, message in messages.items():
            # A stamp has no sign for seconds before 1970.
            whole = max(int(stamp // 1), 0)
            message.header.stamp.sec = whole
            message.header.stamp.nanosec = int((stamp % 1) * 1e9) if stamp > 0 else 0
            sent = self.spoil(name, message)
            if sent is not None:
                self._out[name].publish(sent)

    def _simulate(self) -> float:
        if self.time_runs:
            self.time_s += PERIOD_S / self.times
        clock = Clock()
        clock.clock.sec, clock.clock.nanosec = int(self.time_s), int((self.time_s % 1) * 1e9)
        assert self._times_out is not None
        self._times_out.publish(clock)
        # The clock is to be there before what is stamped by it.
        time.sleep(0.005)
        return self.time_s

    def _joints(self) -> JointState:
        with self._lock:
            positions = dict(self._positions)
        # In another order than the contract's, with a joint that it does not know.
        names = ["lift", "wheel", "pan"]
        return JointState(name=names, position=[positions.get(name, 9.0) for name in names])

    def _top(self) -> Image:
        image = Image(height=TOP[0], width=TOP[1], encoding="rgb8", step=3 * TOP[1])
        image.header.frame_id = "top"
        image.data = self._picture(*TOP).tobytes()
        return image

    def _wrist(self) -> CompressedImage:
        image = CompressedImage(format="rgb8; jpeg compressed bgr8")
        image.header.frame_id = "wrist"
        image.data = cv2.imencode(".jpg", self._picture(*WRIST))[1].tobytes()
        return image

    def _picture(self, height: int, width: int) -> NDArray[Any]:
        """Noise that gets lighter and darker: the policy wants something else at every tick."""
        light = 128 + 100 * np.sin(0.7 * self._beats)
        noise = self._chance.integers(-60, 60, (height, width, 3))
        return np.clip(noise + light, 0, 255).astype(np.uint8)

    def _obey(self, command: Command) -> None:
        with self._lock:
            for name, position in zip(command.names, command.positions, strict=False):
                # A real driver refuses what is no number; the suite's limits then say it.
                if name in self._positions and np.isfinite(position):
                    self._positions[name] = position
