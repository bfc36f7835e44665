# SPDX-License-Identifier: Apache-2.0
"""What the act_attention node's parameters mean to the core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pam_ros.attention.drawing import Drawing
from pam_ros.attention.errors import AttentionError
from pam_ros.attention.overlay import Overlay
from pam_ros.attention.scale import Scale, make_scale
from pam_ros.nodes.act.attention_selection import Selection, select
from pam_ros.nodes.act.explanation_request import Request, make_request
from pam_ros.nodes.act.further_maps import further_targets
from pam_ros.nodes.act.parameter_table import REQUIRED
from pam_ros.nodes.kit.parameters import ParameterError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pam_ros.nodes.act.live_method import AutoShown
    from pam_ros.policy.interface import Policy, PolicySpec
    from pam_ros.tick.contribution import InReserve, ShownContribution


@dataclass(frozen=True, eq=False)
class DrawnLook:
    """What is shown and how: everything that may change between two ticks.

    further: the topics of further targets, by their last word.
    """

    selection: Selection | ShownContribution | InReserve | AutoShown
    overlay: Overlay
    scale: Scale
    jpeg_quality: int
    request: Request
    further: tuple[str, ...] = ()


def check_required(values: Mapping[str, Any]) -> None:
    """Raise ParameterError where a parameter without a default is not given."""
    for name in REQUIRED:
        if not values[name]:
            raise ParameterError(
                f"parameter '{name}' is not set: give it with --ros-args -p {name}:=... or in the "
                "parameter file"
            )


def make_look(
    values: Mapping[str, Any],
    spec: PolicySpec,
    joints: Sequence[str],
    no_mean: str = "",
    policy: Policy | None = None,
) -> DrawnLook:
    """The look that the parameters ask for; joints and no_mean as make_request takes them.

    policy: that is asked for contributions.

    Raises:
        ParameterError: a value that cannot be taken; the sentence names the valid ones.
    """
    drawing = _drawing(values)
    try:
        overlay = Overlay(drawing.colormap, drawing.alpha, drawing.border)
        scale = make_scale(drawing)
    except AttentionError as error:
        raise ParameterError(f"overlay parameters: {error}") from error
    request = make_request(values, spec, joints, no_mean)
    further = tuple(further_targets(values, spec, joints))
    selection = select(values, spec, policy, joints)
    return DrawnLook(selection, overlay, scale, values["jpeg_quality"], request, further)


def _drawing(values: Mapping[str, Any]) -> Drawing:
    return Drawing(
        colormap=values["overlay_colormap"],
        alpha=values["overlay_alpha"],
        border=values["overlay_border"],
        scale=values["overlay_scale"],
        percentile=values["overlay_scale_percentile"],
        window=values["overlay_scale_window"],
        multiple=values["overlay_scale_multiple"],
    )
