# SPDX-License-Identifier: Apache-2.0
"""The blueprint of a contract: cameras beside their overlays, curves, features, log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pam_ros.show.rerun.entities import (
    CODE,
    COMMAND,
    ENTROPY,
    JOINTS,
    LOG,
    MEASURED,
    PREDICTED,
    SHARES,
    STAMP,
    UNUSUAL,
    attention_entity,
    camera_entity,
    joint_entity,
    share_entity,
)
from pam_ros.show.rerun.sdk import import_rerun

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pam_ros.robot.topics import Topics

# Told apart also by the colour-blind (Okabe and Ito 2008).
PALETTE = ((0, 114, 178), (230, 159, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233))
JOINT_STATE_COLOUR = (255, 0, 255)
"""That of the border in the overlays."""


def blueprint(topics: Topics) -> Any:
    """A rerun.blueprint.Blueprint of the topics' cameras and joints."""
    rrb = import_rerun().blueprint
    cameras = [
        rrb.Horizontal(
            rrb.Spatial2DView(origin=camera_entity(c.name), name=c.name),
            rrb.Spatial2DView(origin=attention_entity(c.name), name=f"{c.name}, attention"),
        )
        for c in topics.cameras
    ]
    joints = [
        rrb.TimeSeriesView(origin=f"{JOINTS}/{joint}", name=f"{joint} [rad]")
        for joint in dict.fromkeys((*topics.command_joints, *topics.state_joints))
    ]
    curves = rrb.Vertical(
        rrb.TimeSeriesView(
            origin=SHARES, name="Attention shares", axis_y=rrb.ScalarAxis(range=(0.0, 1.0))
        ),
        rrb.TimeSeriesView(origin=ENTROPY, name="Entropy [nats]"),
        rrb.Tabs(*joints, name="Joints") if joints else rrb.TimeSeriesView(origin=JOINTS),
        rrb.Tabs(
            rrb.BarChartView(origin=CODE, name="Features"),
            rrb.TimeSeriesView(origin=UNUSUAL, name="Unlike the training set"),
            rrb.TextLogView(origin=LOG, name="Log"),
            name="More",
        ),
    )
    parts = [rrb.Vertical(*cameras), curves] if cameras else [curves]
    return rrb.Blueprint(
        rrb.Horizontal(*parts),
        rrb.TimePanel(timeline=STAMP),
        rrb.SelectionPanel(state="collapsed"),
        rrb.BlueprintPanel(state="collapsed"),
        auto_views=False,
    )


def styles(topics: Topics) -> Iterator[tuple[str, Any]]:
    """What is logged once: entity and archetype of every curve's name and colour."""
    rr = import_rerun()

    def line(name: str, colour: tuple[int, int, int], width: float = 1.5) -> Any:
        return rr.SeriesLines(names=name, colors=[colour], widths=[width])

    for number, camera in enumerate(topics.cameras):
        yield share_entity(camera.name), line(camera.name, PALETTE[number % len(PALETTE)])
    yield share_entity("joint_state"), line("joint state", JOINT_STATE_COLOUR)
    yield share_entity("latent"), line("latent", (150, 150, 150))
    yield share_entity("environment"), line("environment", (213, 94, 0))
    yield ENTROPY, line("entropy", PALETTE[0])
    for joint in dict.fromkeys((*topics.command_joints, *topics.state_joints)):
        yield joint_entity(joint, MEASURED), line("measured", PALETTE[0])
        yield joint_entity(joint, COMMAND), line("command", PALETTE[1])
        yield joint_entity(joint, PREDICTED), line("predicted", PALETTE[2], 1.0)
    yield f"{UNUSUAL}/score", line("score", PALETTE[1])
    yield f"{UNUSUAL}/threshold", line("threshold", (150, 150, 150))
