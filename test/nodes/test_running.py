# SPDX-License-Identifier: Apache-2.0
"""What the main functions of all nodes do about errors of rclpy itself."""

from __future__ import annotations

import pytest
import rclpy
from rclpy._rclpy_pybind11 import RCLError
from rclpy.node import Node

from pam_ros.nodes.running import run_node


class Shaky(Node):
    """Its first callbacks fail as those of rclpy do."""

    def __init__(self) -> None:
        super().__init__("shaky")
        self.calls = 0
        self.create_timer(0.01, self._on_timer)

    def _on_timer(self) -> None:
        self.calls += 1
        if self.calls <= 2:
            raise RCLError("failed to take a message")
        rclpy.shutdown()


@pytest.mark.parametrize("threads", [1, 3])
def test_a_node_stays_where_rclpy_cannot_take_a_message(domain, capfd, threads):
    made = []

    def make() -> Shaky:
        made.append(Shaky())
        return made[0]

    assert run_node(make, [], threads) == 0
    assert made[0].calls == 3
    assert capfd.readouterr().err.count("failed to take a message") == 1  # throttled


def test_an_error_of_ours_ends_the_node(domain):
    class Broken(Node):
        def __init__(self) -> None:
            super().__init__("broken")
            self.create_timer(0.01, self._on_timer)

        def _on_timer(self) -> None:
            raise KeyError("ours")

    with pytest.raises(KeyError, match="ours"):
        run_node(Broken, [], 1)
    assert not rclpy.ok()
