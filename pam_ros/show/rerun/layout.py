# SPDX-License-Identifier: Apache-2.0
"""The blueprint of a contract: cameras beside their overlays, curves, features, log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

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
    WORDS,
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


def blueprint(topics: Topics, begin_ns: int | None = None, *, words: bool = False) -> Any:
    """A rerun.blueprint.Blueprint of the topics' cameras and joints.

    Args:
        topics: of the contract.
        begin_ns: the stamp at which a viewer opens [ns]; None leaves it to the viewer.
        words: whether the policy is known to read words: their strip is then below the pictures,
            else in a tab.
    """
    rrb = import_rerun().blueprint
    cameras = [
        rrb.Horizontal(
            rrb.Spatial2DView(origin=camera_entity(c.name), name=c.name),
            rrb.Spatial2DView(origin=attention_entity(c.name), name=f"{c.name}, attention"),
        )
        for c in topics.cameras
    ]
    joints = [
        rrb.TimeSeriesView(origin=f"{JOINTS}/{joint}", name=f"{joint} [{unit}]" if unit else joint)
        for joint, unit in topics.joints.items()
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
            *([] if words else [rrb.Spatial2DView(origin=WORDS, name="Words")]),
            name="More",
        ),
    )
    pictures, heights = list(cameras), [4.0] * len(cameras)
    if words:
        pictures.append(rrb.Spatial2DView(origin=WORDS, name="Words"))
        heights.append(1.0)
    parts = [rrb.Vertical(*pictures, row_shares=heights), curves] if pictures else [curves]
    cursor = None if begin_ns is None else np.datetime64(begin_ns, "ns")
    return rrb.Blueprint(
        rrb.Horizontal(*parts),
        rrb.TimePanel(timeline=STAMP, timestamp_cursor=cursor),
        rrb.SelectionPanel(state="collapsed"),
        rrb.BlueprintPanel(state="collapsed"),
        auto_views=False,
    )


def styles(topics: Topics) -> Iterator[tuple[str, Any]]:
    """What is logged once: entity and archetype of every curve's name and colour."""
    rr = import_rerun()

    def line(name: str, colour: tuple[int, int, int], width: float = 1.5) -> Any:
        return rr.SeriesLines(names=name, colors=[colour], widths=[width])

    def dots(name: str, colour: tuple[int, int, int]) -> Any:
        return rr.SeriesPoints(names=name, colors=[colour], marker_sizes=[2.0])

    for number, camera in enumerate(topics.cameras):
        yield share_entity(camera.name), line(camera.name, PALETTE[number % len(PALETTE)])
    # A dot for each value: a line across ticks without a map would hide which are real.
    for number, camera in enumerate(topics.cameras):
        yield share_entity(camera.name), dots(camera.name, PALETTE[number % len(PALETTE)])
    yield share_entity("joint_state"), dots("joint state", JOINT_STATE_COLOUR)
    yield ENTROPY, dots("entropy", PALETTE[0])
    yield f"{UNUSUAL}/score", dots("score", PALETTE[1])
    yield share_entity("joint_state"), line("joint state", JOINT_STATE_COLOUR)
    yield share_entity("latent"), line("latent", (150, 150, 150))
    yield share_entity("environment"), line("environment", (213, 94, 0))
    yield ENTROPY, line("entropy", PALETTE[0])
    for joint in topics.joints:
        yield joint_entity(joint, MEASURED), line("measured", PALETTE[0])
        yield joint_entity(joint, COMMAND), line("command", PALETTE[1])
        yield joint_entity(joint, PREDICTED), line("predicted", PALETTE[2], 1.0)
    yield f"{UNUSUAL}/score", line("score", PALETTE[1])
    yield f"{UNUSUAL}/threshold", line("threshold", (150, 150, 150))
