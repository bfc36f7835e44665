# SPDX-License-Identifier: Apache-2.0
"""What RViz shows beside the overlays, as markers: heat in space, cameras, the predicted chunk.

A node and process of its own: nothing that commands the robot waits for it. It subscribes to maps,
chunks and transforms only while somebody subscribes to what it makes of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rclpy.node import Node

from pam_ros.attention.drawing import DRAWING
from pam_ros.attention.overlay import COLORMAPS
from pam_ros.nodes.displays.chunk import ChunkInSpace
from pam_ros.nodes.displays.heat import HeatInSpace
from pam_ros.nodes.displays.said import Said
from pam_ros.nodes.kit.parameters import Declared, ParameterError, declare
from pam_ros.nodes.kit.running import run_node
from pam_ros.nodes.kit.steady_clock import steady_clock
from pam_ros.robot import load_contract
from pam_ros.robot.topics import NODE, topics_of
from pam_ros.share.folders import find_contract

if TYPE_CHECKING:
    from collections.abc import Sequence

LOOK_S = 0.25
"""So often it is looked whether somebody subscribes."""
THREADS = 2
"""One draws, the other takes /tf."""
CAMERAS_S = 1.0
"""So often frustums are published."""

TABLE = (
    Declared("contract", "", "The robot's: a YAML file, or the name of one in config/robots."),
    Declared("policy_node", NODE, "Full name of the attention node."),
    Declared("fixed_frame", "base_link", "Frame of the surface; RViz's Fixed Frame."),
    Declared("surface_height", 0.0, "Height of the surface in it [m].", True, -10.0, 10.0),
    Declared("farthest", 3.0, "Heat further from the camera is left out [m].", True, 0.01, 100.0),
    Declared("frustum_length", 0.1, "Of what a camera sees so much is drawn [m].", True, 0.0, 10.0),
    Declared(
        "tip_links", [], "Links whose paths through the chunk are drawn; empty: found by the URDF."
    ),
    Declared("colormap", DRAWING.colormap, "Of the heat.", choices=COLORMAPS),
    Declared("alpha", 0.85, "Opacity of full heat.", True, 0.0, 1.0),
)


class DisplaysNode(Node):
    """Parameters and timers around HeatInSpace and ChunkInSpace."""

    def __init__(self) -> None:
        super().__init__("displays")
        values = declare(self, TABLE)
        if not values["contract"]:
            raise ParameterError("parameter 'contract' is not set: name one with -p contract:=...")
        contract = load_contract(find_contract(values["contract"]))
        topics = topics_of(contract, self.resolve_topic_name(values["policy_node"]))
        said = Said(self)
        self._heat = HeatInSpace(self, topics, values, said)
        self._chunk = ChunkInSpace(self, contract, topics, values["tip_links"], said)
        # Steady: a clock of the simulator may stand still.
        self.create_timer(LOOK_S, self._look, clock=steady_clock())
        self.create_timer(CAMERAS_S, self._heat.show_cameras, clock=steady_clock())

    def _look(self) -> None:
        self._heat.look()
        self._chunk.look()


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `ros2 run pam_ros displays`."""
    return run_node(DisplaysNode, arguments, threads=THREADS)
