# SPDX-License-Identifier: Apache-2.0
"""diagnostic_updater's tasks about a topic: how often, and with which stamps, it is published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rclpy_cyclone.time.time import Time

from .frequency import FrequencyStatus
from .stamps import TimeStampStatus
from .tasks import CompositeDiagnosticTask

if TYPE_CHECKING:
    from rclpy_cyclone.entities.publisher import Publisher

    from .frequency import FrequencyStatusParam
    from .stamps import TimeStampStatusParam
    from .tasks import DiagnosticTaskVector


class HeaderlessTopicDiagnostic(CompositeDiagnosticTask):
    """How often a topic is published whose messages have no stamp.

    Args:
        name: of the topic.
        diag: the Updater that it is added to.
        freq: what the frequency should be.

    """

    def __init__(self, name: str, diag: DiagnosticTaskVector, freq: FrequencyStatusParam) -> None:
        super().__init__(f"{name} topic status")
        self.diag = diag
        self.freq = FrequencyStatus(freq)
        self.addTask(self.freq)
        diag.add(self)

    def tick(self) -> None:
        """A message was published."""
        self.freq.tick()

    def clear_window(self) -> None:
        """Count anew from now on."""
        self.freq.clear()


class TopicDiagnostic(HeaderlessTopicDiagnostic):
    """How often a topic is published, and whether its stamps are of now.

    Args:
        name: of the topic.
        diag: the Updater that it is added to.
        freq: what the frequency should be.
        stamp: how far stamps may be behind the clock.

    """

    def __init__(
        self,
        name: str,
        diag: DiagnosticTaskVector,
        freq: FrequencyStatusParam,
        stamp: TimeStampStatusParam,
    ) -> None:
        super().__init__(name, diag, freq)
        self.stamp = TimeStampStatus(stamp)
        self.addTask(self.stamp)

    def tick(self, stamp: float | Time) -> None:  # type: ignore[override]  # as upstream
        """A message with this stamp was published: seconds, or a Time."""
        self.stamp.tick(stamp)
        super().tick()


class DiagnosedPublisher(TopicDiagnostic):
    """A publisher whose messages are counted when they go out, with their header's stamp.

    Args:
        pub: the publisher.
        diag: the Updater that it is added to.
        freq: what the frequency should be.
        stamp: how far stamps may be behind the clock.

    """

    def __init__(
        self,
        pub: Publisher[Any],
        diag: DiagnosticTaskVector,
        freq: FrequencyStatusParam,
        stamp: TimeStampStatusParam,
    ) -> None:
        super().__init__(pub.topic_name, diag, freq, stamp)
        self.publisher = pub

    def publish(self, message: Any) -> None:
        """Count a message and send it."""
        self.tick(Time.from_msg(message.header.stamp))
        self.publisher.publish(message)
