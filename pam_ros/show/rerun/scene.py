# SPDX-License-Identifier: Apache-2.0
"""Messages of a run into a Rerun recording, whether they come from a bag or from a subscription."""

from __future__ import annotations

import logging
import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from pam_ros.attention.errors import AttentionError
from pam_ros.robot.commands import command_type
from pam_ros.robot.contract import COMPRESSED_IMAGE
from pam_ros.robot.errors import MessageError
from pam_ros.robot.images import compressed_to_rgb, image_to_rgb
from pam_ros.robot.stamps import stamp_nanoseconds
from pam_ros.show.rerun.entities import (
    CODE,
    COMMAND,
    ENTROPY,
    FEATURES,
    LOG,
    MEASURED,
    PREDICTED,
    STAMP,
    TICK,
    UNUSUAL,
    attention_entity,
    camera_entity,
    joint_entity,
    peaks_entity,
    share_entity,
)
from pam_ros.show.rerun.heat import Heat
from pam_ros.show.rerun.layout import PALETTE, styles
from pam_ros.show.rerun.sdk import import_rerun

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from pam_ros.message_types import Stamped
    from pam_ros.message_types.diagnostic_msgs import DiagnosticArray
    from pam_ros.message_types.pam_ros import AttentionMap, SaeFeatures
    from pam_ros.message_types.sensor_msgs import JointState
    from pam_ros.message_types.trajectory_msgs import JointTrajectory
    from pam_ros.robot.contract import Contract
    from pam_ros.robot.topics import CameraTopics, Topics

_LOG = logging.getLogger(__name__)
_JPEG_QUALITY = 85
_PEAKS = 5
"""So many of a tick's strongest features are marked in the images."""
_LEVELS = ("INFO", "WARN", "ERROR", "ERROR")


class Scene:
    """What a recording shows.

    Overlays come from the messages of overlay topics where `drawn` names the camera, and are drawn
    here from maps and images where it does not.

    counts: messages taken, by topic. bad: those that could not be read, by topic.
    """

    def __init__(
        self, recording: Any, contract: Contract, topics: Topics, drawn: Iterable[str] = ()
    ) -> None:
        self._rr = import_rerun()
        self._recording = recording
        self._topics = topics
        self._command = command_type(topics.command_type)
        self._features = {camera.feature: camera.name for camera in contract.cameras}
        self._drawn = frozenset(drawn)
        self._heat = Heat()
        # Per camera, the last map's placement: where a feature's cell lies in the image.
        self._grids: dict[str, tuple[float, float, float, float]] = {}
        self._last_log: dict[str, tuple[int, str]] = {}
        self.counts: Counter[str] = Counter()
        self.bad: Counter[str] = Counter()
        self._takers: dict[str, Callable[[Any, int], None]] = {
            topics.attention: self._take_attention,
            topics.state: self._take_joint_state,
            topics.command: self._take_command,
            topics.chunk: self._take_chunk,
            topics.features: self._take_features,
            topics.diagnostics: self._take_diagnostics,
        }
        for camera in topics.cameras:
            self._takers[camera.image] = self._image_taker(camera)
            for topic in (camera.overlay, camera.compressed_overlay):
                self._takers[topic] = self._overlay_taker(camera)
        for entity, style in styles(topics):
            recording.log(entity, style, static=True)

    @property
    def without_image(self) -> int:
        """Maps of one camera whose image did not come."""
        return self._heat.without_image

    def take(self, topic: str, message: Any, received_ns: int) -> None:
        """Show one message; one that cannot be read is counted, and said once per topic.

        Args:
            topic: its full name; others than the contract's are passed over.
            message: anything with the fields of the topic's type.
            received_ns: stands in for a stamp where the type has none.
        """
        taker = self._takers.get(topic)
        if taker is None:
            return
        try:
            taker(message, received_ns)
        except (MessageError, AttentionError, ValueError, IndexError) as error:
            self.bad[topic] += 1
            if self.bad[topic] == 1:
                _LOG.warning("%s: %s", topic, error)
            return
        self.counts[topic] += 1

    def _at(self, stamp_ns: int, tick: int | None = None) -> None:
        self._recording.reset_time()
        self._recording.set_time(STAMP, timestamp=np.datetime64(stamp_ns, "ns"))
        if tick is not None:
            self._recording.set_time(TICK, sequence=tick)

    def _image_taker(self, camera: CameraTopics) -> Callable[[Any, int], None]:
        def take(message: Any, _: int) -> None:
            stamp_ns = _stamp(message)
            rgb = _rgb(camera.type, message)
            if camera.name not in self._drawn:
                self._heat.keep(camera.name, stamp_ns, rgb)
            self._at(stamp_ns)
            self._log_image(camera_entity(camera.name), rgb)

        return take

    def _overlay_taker(self, camera: CameraTopics) -> Callable[[Any, int], None]:
        def take(message: Any, _: int) -> None:
            if camera.name in self._drawn:
                kind = COMPRESSED_IMAGE if hasattr(message, "format") else ""
                self._at(_stamp(message))
                self._log_image(attention_entity(camera.name), _rgb(kind, message))

        return take

    def _log_image(self, entity: str, rgb: NDArray[np.uint8]) -> None:
        done, data = cv2.imencode(
            ".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
        )
        if not done:
            raise MessageError(f"picture of shape {rgb.shape} cannot be written as JPEG")
        picture = self._rr.EncodedImage(contents=data.tobytes(), media_type="image/jpeg")
        self._recording.log(entity, picture)

    def _take_attention(self, message: AttentionMap, _: int) -> None:
        stamp_ns, tick = _stamp(message), int(message.tick)
        self._at(stamp_ns, tick)
        if not message.valid:
            if message.invalid_reason:
                self._say("attention", "WARN", str(message.invalid_reason))
            return
        shares = {camera.name: float(camera.share) for camera in message.cameras}
        for kind in ("joint_state", "latent", "environment"):
            shares[kind] = float(getattr(message, f"{kind}_share"))
        for name, share in shares.items():
            self._number(share_entity(name), share)
        self._number(ENTROPY, float(message.entropy))
        for camera in message.cameras:
            grid = (float(camera.x0), float(camera.y0), float(camera.dx), float(camera.dy))
            self._grids[camera.name] = grid
        for name, image_ns, picture in self._heat.draw(message, self._drawn):
            self._at(image_ns, tick)
            self._log_image(attention_entity(name), picture)

    def _take_joint_state(self, message: JointState, _: int) -> None:
        self._at(_stamp(message))
        self._positions(message.name, message.position, MEASURED)

    def _take_command(self, message: Any, received_ns: int) -> None:
        # A trajectory's stamp is 0, "on arrival"; an array has none.
        self._at(_stamp(message) if self._command.stamped else received_ns)
        found = self._command.read(message)
        names = self._topics.command_joints if found.names is None else found.names
        self._positions(names, found.positions[0], COMMAND)

    def _take_chunk(self, message: JointTrajectory, _: int) -> None:
        self._at(_stamp(message))
        self._positions(message.joint_names, message.points[0].positions, PREDICTED)

    def _positions(self, names: Iterable[str], positions: Iterable[float], what: str) -> None:
        """Those of the contract's joints; a driver's messages may have others too."""
        known = {*self._topics.state_joints, *self._topics.command_joints}
        for name, position in zip(names, positions, strict=True):
            if name in known:
                self._number(joint_entity(str(name), what), float(position))

    def _take_features(self, message: SaeFeatures, _: int) -> None:
        self._at(_stamp(message), int(message.tick))
        if not message.valid:
            if message.invalid_reason:
                self._say("features", "WARN", str(message.invalid_reason))
            return
        code = np.zeros(int(message.dictionary_size), np.float32)
        code[np.asarray(message.feature, np.int64)] = np.asarray(message.maximum, np.float32)
        self._recording.log(CODE, self._rr.BarChart(code))
        self._number(f"{FEATURES}/explained_variance", float(message.explained_variance))
        self._number(f"{FEATURES}/l0", float(message.l0))
        self._number(f"{UNUSUAL}/score", float(message.ood_score))
        self._number(f"{UNUSUAL}/threshold", float(message.ood_threshold))
        self._mark_peaks(message)

    def _mark_peaks(self, message: SaeFeatures) -> None:
        """The strongest features at the centres of their cells; a camera without one is cleared."""
        marks: dict[str, list[tuple[float, float, str]]] = {name: [] for name in self._grids}
        strongest = list(
            zip(
                message.feature,
                message.peak_camera,
                message.peak_row,
                message.peak_col,
                strict=True,
            )
        )[:_PEAKS]
        for feature, camera, row, col in strongest:
            if camera < 0:
                continue
            source = str(message.camera_names[camera])
            name = self._features.get(source, source)
            if name in self._grids:
                x0, y0, dx, dy = self._grids[name]
                marks[name].append((x0 + int(col) * dx, y0 + int(row) * dy, f"#{int(feature)}"))
        for name, points in marks.items():
            if not points:
                self._recording.log(peaks_entity(name), self._rr.Clear(recursive=False))
                continue
            self._recording.log(
                peaks_entity(name),
                self._rr.Points2D(
                    [(x, y) for x, y, _ in points],
                    labels=[label for _, _, label in points],
                    radii=self._rr.Radius.ui_points(5.0),
                    colors=[PALETTE[number % len(PALETTE)] for number in range(len(points))],
                ),
            )

    def _take_diagnostics(self, message: DiagnosticArray, _: int) -> None:
        self._at(_stamp(message))
        for status in message.status:
            level = status.level[0] if isinstance(status.level, bytes) else int(status.level)
            self._say(str(status.name), _LEVELS[min(level, 3)], str(status.message))

    def _say(self, source: str, level: str, text: str) -> None:
        """A line in the log where it says something new."""
        said = (_LEVELS.index(level), text)
        if self._last_log.get(source) != said:
            self._last_log[source] = said
            self._recording.log(LOG, self._rr.TextLog(f"{source}: {text}", level=level))

    def _number(self, entity: str, value: float) -> None:
        if math.isfinite(value):
            self._recording.log(entity, self._rr.Scalars(value))


def _stamp(message: Stamped) -> int:
    return stamp_nanoseconds(message.header.stamp)


def _rgb(kind: str, message: Any) -> NDArray[np.uint8]:
    return compressed_to_rgb(message) if kind == COMPRESSED_IMAGE else image_to_rgb(message)
