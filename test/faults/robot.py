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

from .parts import LEFT, RIGHT, SECONDS, PartsWitness
from .policy import JOINTS, LIMIT_RAD, PERIOD_S, TOP, WRIST
from .witness import Command, Witness

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from rclpy.publisher import Publisher

    Spoil = Callable[[str, Any], Any]

CAMERAS = ("top", "wrist")


def as_it_is(_: str, message: Any) -> Any:
    """Spoils nothing."""
    return message


class FaultyRobot(Node):
    """Cameras and joints at the contract's rate; the arm is where the last command says.

    spoil: called with "top", "wrist" or "joints" and the message; returns what is sent instead,
    None for nothing. shift_s: added to stamps. times: how often each message is sent in a period,
    with stamps of its own. deaf: joints that ignore what they are told. simulated: publishes
    /clock, `time_s`, and stamps by it. second: there are two parts, "joints_left" and
    "joints_right", and the second is commanded so (parts.py). camera_start_s: from here the
    cameras count their stamps.
    """

    def __init__(
        self, *, simulated: bool = False, second: str = "", camera_start_s: float = 0.0
    ) -> None:
        super().__init__("faulty_robot")
        self.witness = PartsWitness(self, second) if second else Witness(self)
        self.witness.on_command = self._obey
        self.spoil: Spoil = as_it_is
        self.shift_s = 0.0
        self.times = 1
        self.deaf: frozenset[str] = frozenset()
        self._camera_start_s = camera_start_s
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
        }
        self._joints_of: dict[str, tuple[str, ...]] = {"joints": JOINTS}
        # Commanded by velocity, or by what moves it alike.
        self._driven = JOINTS[1:] if second and SECONDS[second].rests else ()
        if second:
            sides = zip((LEFT, RIGHT), JOINTS, strict=True)
            self._joints_of = {f"joints_{side}": (name,) for side, name in sides}
        for name in self._joints_of:
            topic = "/".join(["", *name.split("_")[1:], "joint_states"])
            self._out[name] = self.create_publisher(JointState, topic, 10)
        self._times_out = self.create_publisher(Clock, "/clock", 10) if simulated else None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def positions(self) -> dict[str, float]:
        """Where the joints stand [rad]."""
        with self._lock:
            return dict(self._positions)

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
            **{name: self._joints(joints) for name, joints in self._joints_of.items()},
            "top": self._top(),
            "wrist": self._wrist(),
        }
        for name, message in messages.items():
            seconds = stamp - (self._camera_start_s if name in CAMERAS else 0.0)
            # A stamp has no sign for seconds before 1970.
            message.header.stamp.sec = max(int(seconds // 1), 0)
            message.header.stamp.nanosec = int((seconds % 1) * 1e9) if seconds > 0 else 0
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

    def _joints(self, joints: tuple[str, ...]) -> JointState:
        positions = self.positions
        # In another order than the contract's, with a joint that it does not know.
        names = [*joints[1:], "wheel", joints[0]]
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
                if name not in self._positions or not np.isfinite(position):
                    continue
                if name in self.deaf:
                    continue
                if name in self._driven:
                    moved = self._positions[name] + position * PERIOD_S
                    position = float(np.clip(moved, -LIMIT_RAD, LIMIT_RAD))  # noqa: PLW2901
                self._positions[name] = position
