# SPDX-License-Identifier: Apache-2.0
"""The sidecar under test in this process, and a peer that plays the attention node."""

import threading
import time
from typing import Any

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from sae_folder import WIDTH

from pam_ros.msg import SaeFeatures, TokenActivations
from pam_ros.nodes.act.token_publisher import TOKEN_QOS
from pam_ros.sae.disk import load_sae
from pam_ros.sae.encoder import TickEncoder
from pam_ros.sae.store.tokens import RowTable

TOKENS = "/act_attention/tokens"
FEATURES_TOPIC = "/sae_recorder/features"


class Sidecar:
    """The node under test in this process, and a peer that plays the attention node."""

    def __init__(self, node, namespace="") -> None:
        self.node = node
        self.peer = rclpy.create_node("peer")
        self.features: list[SaeFeatures] = []
        self.reports: list[tuple[bytes, str, dict[str, str]]] = []
        self.tokens = self.peer.create_publisher(TokenActivations, namespace + TOKENS, TOKEN_QOS)
        features_topic = namespace + FEATURES_TOPIC
        self.peer.create_subscription(SaeFeatures, features_topic, self.features.append, 50)
        self.peer.create_subscription(DiagnosticArray, "/diagnostics", self._on_report, 50)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(node)
        self._executor.add_node(self.peer)
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()
        self.wait(lambda: self.tokens.get_subscription_count() > 0)
        self.wait(lambda: node._features.get_subscription_count() > 0)

    def tick(self, message) -> SaeFeatures:
        """One TokenActivations, and the features that come back."""
        before = len(self.features)
        self.tokens.publish(message)
        self.wait(lambda: len(self.features) > before)
        return self.features[-1]

    def wait(self, condition, seconds=60.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not happen in time"
            time.sleep(0.01)

    def close(self) -> None:
        self._executor.shutdown(timeout_sec=5.0)
        self._thread.join(timeout=5.0)
        self.node.close()
        self.node.destroy_node()
        self.peer.destroy_node()

    def _on_report(self, report) -> None:
        status = report.status[0]
        self.reports.append((status.level, status.message, {v.key: v.value for v in status.values}))

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            return


def offline(sae, message, full_code=False):
    """The same tick encoded without any node."""
    rows = np.array(message.data, np.uint16).view(np.float16).reshape(-1, WIDTH)
    names = ("token", "kind", "camera", "row", "col")
    columns: dict[str, Any] = {name: np.array(getattr(message, name)) for name in names}
    return TickEncoder(load_sae(sae), full_code=full_code).encode(rows, RowTable(**columns))
