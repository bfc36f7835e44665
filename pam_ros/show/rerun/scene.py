# SPDX-License-Identifier: Apache-2.0
"""Messages of a run into a Rerun recording, whether they come from a bag or from a subscription."""

from __future__ import annotations

import logging
import math
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from pam_ros.attention.errors import AttentionError
from pam_ros.robot.contract import COMPRESSED_IMAGE, VIDEO_TYPES
from pam_ros.robot.errors import MessageError
from pam_ros.robot.images import any_image_to_rgb, compressed_to_rgb
from pam_ros.robot.stamps import stamp_nanoseconds
from pam_ros.robot.values.registry import VALUE_TYPES
from pam_ros.robot.video import VideoDecoder, read_packet
from pam_ros.show.groups import camera_share, shares
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
    WORDS,
    attention_entity,
    camera_entity,
    joint_entity,
    peaks_entity,
    share_entity,
)
from pam_ros.show.rerun.heat import HeatDrawing
from pam_ros.show.rerun.layout import PALETTE, styles
from pam_ros.show.rerun.sdk import import_rerun
from pam_ros.tick.attention_map import cell_in_message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from pam_ros.message_types import Stamped
    from pam_ros.message_types.diagnostic_msgs import DiagnosticArray
    from pam_ros.message_types.pam_ros import AttentionMap, CameraAttention, SaeFeatures
    from pam_ros.message_types.trajectory_msgs import JointTrajectory
    from pam_ros.robot.contract import Contract
    from pam_ros.robot.topics import CameraTopics, Topics, ValueTopic

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
        self._features = {camera.feature: camera.name for camera in contract.cameras}
        self._encodings = {camera.name: camera.encoding for camera in contract.cameras}
        self._drawn = frozenset(drawn)
        self._heat = HeatDrawing()
        # Per camera, the last map: it says where a feature's cell lies in the image.
        self._maps: dict[str, CameraAttention] = {}
        self._last_log: dict[str, tuple[int, str]] = {}
        self.counts: Counter[str] = Counter()
        self.bad: Counter[str] = Counter()
        self._takers: dict[str, Callable[[Any, int], None]] = {
            topics.attention: self._take_attention,
            **self._value_takers(topics.states, MEASURED),
            **self._value_takers(topics.commands, COMMAND),
            topics.chunk: self._take_chunk,
            topics.features: self._take_features,
            topics.diagnostics: self._take_diagnostics,
        }
        for camera in topics.cameras:
            sharing = [other for other in topics.cameras if other.image == camera.image]
            self._takers[camera.image] = self._image_taker(sharing)
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

    def _image_taker(self, cameras: Sequence[CameraTopics]) -> Callable[[Any, int], None]:
        kind, encoding = cameras[0].type, self._encodings[cameras[0].name]
        decoder: VideoDecoder[int] = VideoDecoder()

        def show(stamp_ns: int, rgb: NDArray[np.uint8]) -> None:
            self._at(stamp_ns)
            for camera in cameras:
                if camera.name not in self._drawn:
                    self._heat.keep(camera.name, stamp_ns, rgb)
                self._log_image(camera_entity(camera.name), rgb)

        def take(message: Any, _: int) -> None:
            if kind not in VIDEO_TYPES:
                show(_stamp(message), _rgb(kind, message, encoding))
                return
            packet = read_packet(kind, message)
            for stamp_ns, rgb in decoder.take(packet, packet.stamp_ns):
                if rgb is not None:
                    show(stamp_ns, rgb)
                else:
                    self.bad[cameras[0].image] += 1

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
            # Recorded overlays are shown as they are: no image of such a camera is kept.
            self._log_overlays(self._heat.draw_held(message), tick)
            return
        of_cameras = {camera.name: camera_share(message, camera) for camera in message.cameras}
        for name, share in (of_cameras | shares(message)).items():
            self._number(share_entity(name), share)
        self._number(ENTROPY, float(message.entropy))
        # An attribution has a unit, and its grid need not be the tokens'.
        if not message.unit:
            self._maps |= {str(camera.name): camera for camera in message.cameras}
        self._log_overlays(self._heat.draw(message, self._drawn), tick)
        strip = self._heat.draw_words(message)
        if strip is not None:
            self._at(stamp_ns, tick)
            self._log_image(WORDS, strip)

    def _log_overlays(
        self, overlays: Iterable[tuple[str, int, NDArray[np.uint8]]], tick: int
    ) -> None:
        for name, image_ns, picture in overlays:
            self._at(image_ns, tick)
            self._log_image(attention_entity(name), picture)

    def _value_takers(
        self, parts: Iterable[ValueTopic], what: str
    ) -> dict[str, Callable[[Any, int], None]]:
        """What shows the numbers of each topic; several parts may be on one."""
        by_topic: dict[str, list[ValueTopic]] = {}
        for part in parts:
            by_topic.setdefault(part.topic, []).append(part)
        return {topic: partial(self._take_values, here, what) for topic, here in by_topic.items()}

    def _take_values(
        self, parts: list[ValueTopic], what: str, message: Any, received_ns: int
    ) -> None:
        known = VALUE_TYPES[parts[0].type]
        # A trajectory's stamp is 0, "on arrival"; an array has none.
        self._at(_stamp(message) if known.stamped else received_ns)
        if not known.state:
            # A trajectory: where it goes first.
            found = known.points(message)
            labels = dict(zip(parts[0].names, parts[0].labels, strict=True))
            for name, value in zip(found.names or (), found.rows[0], strict=True):
                if name in labels:
                    self._number(joint_entity(labels[name], what), float(value))
            return
        for part in parts:
            for label, seen in zip(part.labels, known.find(message, part.addresses), strict=True):
                # A driver may name some of its joints in one message, and others in the next.
                if seen is not None:
                    self._number(joint_entity(label, what), seen)

    def _take_chunk(self, message: JointTrajectory, _: int) -> None:
        self._at(_stamp(message))
        known = self._topics.joints
        for name, position in zip(message.joint_names, message.points[0].positions, strict=True):
            if name in known:
                self._number(joint_entity(str(name), PREDICTED), float(position))

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
        marks: dict[str, list[tuple[float, float, str]]] = {name: [] for name in self._maps}
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
            shown = self._maps.get(name)
            cell = None if shown is None else cell_in_message(shown, int(row), int(col))
            if shown is not None and cell is not None:
                x, y = shown.x0 + cell[1] * shown.dx, shown.y0 + cell[0] * shown.dy
                marks[name].append((float(x), float(y), f"#{int(feature)}"))
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


def _rgb(kind: str, message: Any, encoding: str | None = None) -> NDArray[np.uint8]:
    if kind == COMPRESSED_IMAGE:
        return compressed_to_rgb(message)
    return any_image_to_rgb(message, encoding)
