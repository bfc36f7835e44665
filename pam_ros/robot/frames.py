# SPDX-License-Identifier: Apache-2.0
"""Where frames are to each other, from what comes on /tf and /tf_static.

As much of tf2 as drawing needs: the transform that was published nearest to a time, and none
between two. The demo's and robot_state_publisher's have the stamps of the joint states.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.robot.errors import MessageError
from pam_ros.robot.rotations import from_quaternion, inverse
from pam_ros.robot.stamps import stamp_nanoseconds

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from numpy.typing import NDArray

KEPT = 200
"""Transforms of a frame that are kept; at 100 Hz that is 2 s."""
NEAREST_S = 0.5
"""A transform that is further away from the time asked for is none of it."""
MAX_FRAMES = 2000
_DEEPEST = 100
_BACK_NS = 1_000_000_000


@dataclass
class _Frame:
    """A frame in its parent; `moments` are stamps [ns] and (4, 4) matrices, the newest last."""

    parent: str
    static: bool
    moments: deque[tuple[int, NDArray[np.float64]]] = field(
        default_factory=lambda: deque(maxlen=KEPT)
    )


class FrameTree:
    """All frames that were heard of. Not thread-safe."""

    def __init__(self) -> None:
        self._frames: dict[str, _Frame] = {}

    def take(self, transforms: Iterable[Any], *, static: bool) -> None:
        """The transforms of a tf2_msgs/msg/TFMessage; what is no transform is passed over.

        Args:
            transforms: geometry_msgs/msg/TransformStamped.
            static: whether they came on /tf_static, and hold for all times.
        """
        for one in transforms:
            move, turn = one.transform.translation, one.transform.rotation
            place = np.array((move.x, move.y, move.z), np.float64)
            turned = np.array((turn.x, turn.y, turn.z, turn.w), np.float64)
            if not np.isfinite(place).all() or not 0.5 < np.linalg.norm(turned) < 2.0:
                continue
            matrix = from_quaternion(place, turned)
            stamp_ns = stamp_nanoseconds(one.header.stamp)
            names = _bare(one.header.frame_id), _bare(one.child_frame_id)
            self.put(*names, stamp_ns, matrix, static)

    def put(
        self, parent: str, child: str, stamp_ns: int, matrix: NDArray[np.float64], static: bool
    ) -> None:
        """A frame in its parent, (4, 4), at a time [ns]; beyond MAX_FRAMES nothing is taken."""
        frame = self._frames.get(child)
        if frame is None or frame.parent != parent or frame.static != static:
            if frame is None and len(self._frames) >= MAX_FRAMES:
                return
            frame = self._frames[child] = _Frame(parent, static)
        if static or (frame.moments and stamp_ns < frame.moments[-1][0] - _BACK_NS):
            frame.moments.clear()  # the clock began anew
        frame.moments.append((stamp_ns, matrix))

    def between(self, target: str, source: str, stamp_ns: int) -> NDArray[np.float64]:
        """(4, 4), which takes points of the source frame to the target frame at a time [ns].

        Args:
            target: for example "base_link".
            source: for example "top_camera_optical_frame".
            stamp_ns: 0 for the newest.

        Raises:
            MessageError: nothing joins the two, or nothing near that time.
        """
        target, source = _bare(target), _bare(source)
        (to_top, top), (from_top, other) = self._up(target, stamp_ns), self._up(source, stamp_ns)
        for name in (target, source):
            if name not in self._frames and not any(
                f.parent == name for f in self._frames.values()
            ):
                raise MessageError(
                    f"/tf has no frame '{name}': does robot_state_publisher run, and has its robot "
                    "description this link?"
                )
        if top != other:
            raise MessageError(f"nothing on /tf joins '{source}' (below '{other}') to '{target}'")
        return inverse(to_top) @ from_top

    def _up(self, name: str, stamp_ns: int) -> tuple[NDArray[np.float64], str]:
        """The frame in the topmost one above it, and that one's name."""
        found = np.eye(4)
        for _ in range(_DEEPEST):
            frame = self._frames.get(name)
            if frame is None:
                return found, name
            found = self._at(name, frame, stamp_ns) @ found
            name = frame.parent
        raise MessageError(f"the frames on /tf go round in a circle at '{name}'")

    @staticmethod
    def _at(name: str, frame: _Frame, stamp_ns: int) -> NDArray[np.float64]:
        if frame.static or not stamp_ns:
            return frame.moments[-1][1]
        stamp, matrix = min(frame.moments, key=lambda moment: abs(moment[0] - stamp_ns))
        away_s = abs(stamp - stamp_ns) * 1e-9
        if away_s > NEAREST_S:
            raise MessageError(f"/tf says nothing of '{name}' within {away_s:.1f} s of the picture")
        return matrix


def _bare(name: str) -> str:
    """Without the leading slash that older drivers write."""
    return name.removeprefix("/")
