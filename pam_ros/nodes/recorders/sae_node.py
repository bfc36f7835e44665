# SPDX-License-Identifier: Apache-2.0
"""The sidecar: tokens in, sparse features out, and both beside the maps and commands in a bag.

It listens best effort and works in a thread of its own, so that nothing here can hold up the
policy. Ticks that it misses are counted by their numbers.
"""

from __future__ import annotations

import os
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node
from rclpy.qos import QoSProfile
from rclpy.serialization import serialize_message

from pam_ros.bags.qos import qos_of
from pam_ros.bags.writer import BagWriter
from pam_ros.msg import SaeFeatures, TokenActivations
from pam_ros.nodes.act.token_publisher import TOKEN_QOS
from pam_ros.nodes.kit.messages import RosMessages
from pam_ros.nodes.kit.parameters import ParameterError, declare
from pam_ros.nodes.kit.reports import add_values, make_updater
from pam_ros.nodes.kit.running import run_node
from pam_ros.nodes.kit.said import Said
from pam_ros.nodes.kit.steady_clock import steady_clock
from pam_ros.nodes.recorders.feature_thread import FeatureThread
from pam_ros.nodes.recorders.sae_parameters import TABLE
from pam_ros.nodes.recorders.tick_counts import TickCounts
from pam_ros.nodes.recorders.topic_recorder import (
    TopicRecorder,
    resolved,
)
from pam_ros.robot import load_contract
from pam_ros.robot.latency import RollingLatency
from pam_ros.robot.topics import NODE, topics_of
from pam_ros.share.folders import find_contract
from pam_ros.tick.feature_encoding import FeatureEncoding
from pam_ros.tick.sae_features import SAE_FEATURES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from diagnostic_updater import DiagnosticStatusWrapper


class SaeRecorderNode(Node):
    """Parameters, topics and the reports around FeatureEncoding and a bag."""

    def __init__(self) -> None:
        super().__init__("sae_recorder")
        self._said = Said(self.get_logger())
        values = declare(self, TABLE)
        if not values["sae"]:
            raise ParameterError("parameter 'sae' is not set: name a folder with -p sae:=...")
        if values["torch_threads"]:
            import torch  # noqa: PLC0415  (a setting of this process)

            torch.set_num_threads(values["torch_threads"])
        folder = Path(values["sae"]).expanduser()
        self._encoding = FeatureEncoding(folder, RosMessages(), full_code=values["full_code"])
        self._encode_time = RollingLatency()
        self._counts = TickCounts()
        self._unusual_ticks = 0
        self._unusual_since_report = ""
        self._reported = (0, 0, 0)
        self._missing = 0
        self._last_reason = ""
        topics = self._topics(values)
        annotations = values["annotate_topic"]
        if annotations:
            annotations = resolved(self, annotations, "annotate_topic")
        self._features = self.create_publisher(SaeFeatures, "~/features", 10)
        self._features_topic = self.resolve_topic_name("~/features")
        self._recorder: TopicRecorder | None = None
        self._writer: BagWriter | None = None
        if values["bag"]:
            self._writer = BagWriter(
                values["bag"],
                values["storage"],
                compression=values["compression"],
                split_seconds=values["split_seconds"],
                split_bytes=values["split_megabytes"] * 1_000_000,
                metadata_version=values["metadata_version"],
            )
            offered = qos_of(self._features.qos_profile)
            self._writer.add_topic(self._features_topic, SAE_FEATURES, offered)
            self._recorder = TopicRecorder(self, self._writer, topics.__contains__, reliable=False)
            if annotations:
                self._recorder.expect(annotations, "std_msgs/msg/String")
        updater = make_updater(self)
        self._thread = FeatureThread(self._work, values["queue"])
        # What comes while this process as a whole stands still waits in the middleware.
        waiting = QoSProfile(depth=values["queue"], reliability=TOKEN_QOS.reliability)
        self.create_subscription(
            TokenActivations, values["tokens_topic"], self._thread.put, waiting
        )
        updater.add("features", self._report)
        self.create_timer(updater.period, updater.update, clock=steady_clock())
        self.get_logger().info(
            f"SAE {self._encoding.name}: {self._encoding.dictionary_size} features, "
            + (f"recording into {values['bag']}" if values["bag"] else "recording nothing")
        )

    def _topics(self, values: dict[str, Any]) -> frozenset[str]:
        """Full names of what is recorded beside the features.

        Raises:
            ParameterError: images are asked for without a contract, or a topic has no name.
            ContractError, FileNotFoundError: of the contract.
        """
        topics = {resolved(self, topic, "topics") for topic in values["topics"] if topic}
        if not values["contract"]:
            if values["images"]:
                raise ParameterError(
                    "parameter 'images' is true without a 'contract' to name cameras"
                )
            return frozenset(topics)
        contract = load_contract(find_contract(values["contract"]))
        named = topics_of(contract, f"{self.get_namespace().rstrip('/')}{NODE}")
        of_contract = [each.topic for each in (*named.commands, *named.states)]
        if values["images"]:
            of_contract += [camera.image for camera in named.cameras]
        return frozenset(topics | {resolved(self, topic, "contract") for topic in of_contract})

    def close(self) -> None:
        """Encode what has arrived and finish the bag."""
        left = self._thread.close()
        if left:
            self.get_logger().warning(f"{left} ticks still waited at the end: not encoded")
        if self._recorder is not None:
            self._recorder.close()
        self.get_logger().info(self._counts.sentence(self._encoding.lost.total))

    def _work(self, tokens: TokenActivations) -> None:
        begin = perf_counter()
        try:
            message = self._encoding.encode(tokens)
            self._features.publish(message)
            if self._recorder is not None:
                self._recorder.write(self._features_topic, serialize_message(message))
        except Exception as error:  # noqa: BLE001
            # Nobody would see this thread end. While the node shuts down publishing may fail.
            self._note_problem(f"tick {tokens.tick} failed: {type(error).__name__}: {error}")
            return
        if not message.valid:
            self._note_problem(message.invalid_reason or "no reason is given")
            return
        self._counts.note()
        self._encode_time.add(perf_counter() - begin)
        if message.out_of_distribution:
            self._unusual_ticks += 1
            self._unusual_since_report = self._encoding.unusual

    def _note_problem(self, sentence: str) -> None:
        self._counts.note(sentence)
        self._last_reason = sentence
        self._said.warning(sentence)

    def _report(self, status: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        lost = self._encoding.lost.total
        not_recorded = self._recorder.not_recorded if self._recorder else 0
        # A tick whose pass takes its time comes late: one that is missing since the last report is.
        gone, self._missing = min(lost, self._missing), lost
        now = (self._counts.encoded, self._counts.missing, gone)
        encoded, missing, lost_now = (
            now[0] - self._reported[0],
            now[1] - self._reported[1],
            now[2] - self._reported[2],
        )
        self._reported = now
        unusual, self._unusual_since_report = self._unusual_since_report, ""
        status.summary(*self._judge(encoded, missing, lost_now, unusual))
        shown: dict[str, Any] = {
            "ticks": now[0] + now[1],  # as judged above: ticks are encoded meanwhile
            "ticks_with_features": now[0],
            "lost_ticks": lost,
            "invalid_ticks": now[1],
            "dropped_from_queue": self._thread.dropped,
            "waiting": self._thread.waiting(),
            "longest_queue": self._thread.longest,
            "encode_ms_p50": f"{self._encode_time.p50 * 1e3:.1f}",
            "encode_ms_p99": f"{self._encode_time.p99 * 1e3:.1f}",
            "not_recorded": not_recorded,
            "out_of_distribution_ticks": self._unusual_ticks,
            "sae_sha256": self._encoding.sha256,
        }
        if self._writer is not None:
            shown["recorded"] = sum(self._writer.counts.values())
            shown["bag"] = self._writer.path
        if self._encoding.no_score:
            shown["no_out_of_distribution_score"] = self._encoding.no_score
        if self._last_reason:
            shown["last_invalid_reason"] = self._last_reason
        for reason, count in self._counts.without.most_common():
            shown[f"without_features: {reason}"] = count
        add_values(status, shown)
        return status

    def _judge(self, encoded: int, missing: int, lost: int, unusual: str) -> tuple[bytes, str]:
        """Level and message of the time since the last report."""
        if self._writer is not None and self._writer.trouble:
            return DiagnosticStatus.ERROR, self._writer.trouble
        if self._encoding.refusal:
            return DiagnosticStatus.ERROR, self._encoding.refusal
        if lost > 0:
            return DiagnosticStatus.WARN, f"{lost} ticks lost"
        if unusual:
            return DiagnosticStatus.WARN, f"unlike the training set: {unusual}"
        if not encoded + missing:
            return DiagnosticStatus.WARN, "no tokens"
        told = f"{encoded} ticks encoded"
        if missing:
            told += f", {missing} without features: {self._last_reason}"
        return DiagnosticStatus.OK, told


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `ros2 run pam_ros sae_recorder`."""
    # Read when torch is loaded: its threads wait asleep, and leave the cores to the policy.
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    return run_node(SaeRecorderNode, arguments, threads=1)
