# SPDX-License-Identifier: Apache-2.0
"""The act_attention node's parameters, and what they mean to the core."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pam_ros.attention.attribution import (
    BASELINES,
    CONTRIBUTION_BASELINES,
    GRADIENT_METHODS,
    USUAL_BASELINE,
)
from pam_ros.attention.contribution import CELL
from pam_ros.attention.drawing import DRAWING, METHOD, SCALES, Drawing
from pam_ros.attention.errors import AttentionError
from pam_ros.attention.overlay import Overlay
from pam_ros.attention.scale import Scale, make_scale
from pam_ros.attention.selection import LAST
from pam_ros.nodes.act.attention_selection import CHOICES, Selection, select
from pam_ros.nodes.act.explanation_request import Request, make_request
from pam_ros.nodes.act.further_maps import further_targets
from pam_ros.nodes.kit.parameters import Declared, ParameterError
from pam_ros.policy.engines.names import CHOICES as ENGINES
from pam_ros.policy.engines.names import DTYPES
from pam_ros.tick.contribution import CHECK_EVERY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pam_ros.nodes.act.live_method import AutoShown
    from pam_ros.policy.interface import Policy, PolicySpec
    from pam_ros.tick.contribution import InReserve, ShownContribution

RELIABILITY = ("best_effort", "reliable")
BLOCKING, ASYNC = EXECUTIONS = ("blocking", "async")

TABLE = (
    Declared("policy", "", "LeRobot checkpoint: a folder or a hub repository."),
    Declared("revision", "", "Branch, tag or commit on the hub; empty for its main branch."),
    Declared("contract", "", "Contract: a YAML file, or the name of one in config/robots."),
    Declared("device", "auto", "auto, cpu, cuda, cuda:0, ..."),
    Declared("engine", "auto", "What computes the forward pass.", choices=ENGINES),
    Declared("dtype", "float32", "Of the engine's matrix products.", choices=DTYPES),
    Declared("torch_threads", 0, "Threads of torch on the CPU; 0: torch's choice.", True, 0, 256),
    Declared(
        "n_action_steps",
        0,
        "Above 0: queue mode, so many actions of a chunk before the next. 0: as the checkpoint.",
        True,
        0,
        10000,
    ),
    Declared("temporal_ensemble", False, "True: temporal ensembling, whatever the checkpoint."),
    Declared(
        "temporal_ensemble_coeff",
        0.01,
        "Ensemble: weights are exp(-coeff * i), i = 0 the oldest chunk.",
        True,
        -10.0,
        10.0,
    ),
    Declared(
        "execution",
        BLOCKING,
        "blocking: the robot waits for each chunk. async: the next one is computed meanwhile.",
        choices=EXECUTIONS,
    ),
    Declared("rate_hz", 0.0, "Ticks per second; 0: the contract's.", True, 0.0, 1000.0),
    Declared(
        "instruction",
        "",
        "What a policy that reads words is told; empty: the contract's. ~/instruction sets it too.",
        False,
    ),
    Declared("autostart", True, "Configure and activate at the start, without being asked."),
    Declared("enabled", False, "Whether commands go out. ~/enable sets it too.", False),
    Declared(
        "soft_start_s",
        1.0,
        "After enabling and resets, seconds in which the policy is blended in.",
        True,
        0.0,
        60.0,
    ),
    Declared(
        "command_guard", True, "A process of its own holds the robot while this one stands still."
    ),
    Declared("image_reliability", "best_effort", "QoS of the cameras.", choices=RELIABILITY),
    Declared("image_depth", 2, "Images kept per camera while a tick runs.", True, 1, 100),
    Declared("joint_reliability", "best_effort", "QoS of the joint states.", choices=RELIABILITY),
    Declared("jpeg_quality", 85, "Quality of the /compressed overlays.", False, 1, 100),
    Declared("tokens_layer", "encoder", "Layer of ~/tokens: encoder, encoder_input, ..."),
    Declared("tokens_sampler", "all", "all, uniform(64, seed=0), stride(2) or block(2x2)."),
    Declared(
        "attention_method",
        METHOD,
        "What moves the chunk (contribution), or what is read of tokens; auto: see attention.md.",
        False,
        choices=CHOICES,
    ),
    Declared(
        "attention_layer",
        -1,
        "Of the encoder or (other methods) decoder; -1: the last.",
        False,
        -1,
        1000,
    ),
    Declared("attention_head", "mean", '"mean", or a head\'s number.', False),
    Declared("attention_query", "mean", '"mean", a number ("0": next action), or "a:b".', False),
    Declared("attention_step", LAST, 'Of the denoising: "last", "mean", or a number.', False),
    Declared(
        "contribution_target",
        "chunk",
        '"chunk", "change" or a joint, "gripper", alone or with a step "[3]" or steps "[0:10]".',
        False,
    ),
    Declared(
        "contribution_targets",
        [""],
        "Further targets, each shown on ~/attention_map/<target>; empty texts are none.",
        False,
    ),
    Declared(
        "contribution_baseline",
        USUAL_BASELINE,
        "Of the pictures.",
        False,
        choices=CONTRIBUTION_BASELINES,
    ),
    Declared("contribution_points", 1, "On the way from the baseline.", False, 1, 64),
    Declared("contribution_cell", CELL, "Side of a cell [pixels].", False, 0, 4096),
    Declared(
        "contribution_check_every",
        CHECK_EVERY,
        "Ticks from one on which cameras' and groups' parts are computed to the next; 0: never.",
        False,
        0,
        1000000,
    ),
    Declared("contribution_means", "", "Mean tokens to compare with; empty: the policy's own."),
    Declared(
        "explain_method",
        "integrated_gradients",
        "What ~/explain computes.",
        False,
        choices=GRADIENT_METHODS,
    ),
    Declared("explain_target", "chunk", '"chunk", or "joint[step]".', False),
    Declared(
        "explain_baseline", USUAL_BASELINE, "What it compares with.", False, choices=BASELINES
    ),
    Declared("overlay_alpha", DRAWING.alpha, "Opacity of full heat.", False, 0.0, 1.0),
    Declared("overlay_colormap", DRAWING.colormap, "A colour map of OpenCV, in lower case.", False),
    Declared(
        "overlay_border", DRAWING.border, "Width [pixels] of the joint-state border.", False, 0, 100
    ),
    Declared("overlay_scale", DRAWING.scale, "What full heat means.", False, choices=SCALES),
    Declared(
        "overlay_scale_percentile",
        DRAWING.percentile,
        "running: the percentile.",
        False,
        0.1,
        100.0,
    ),
    Declared("overlay_scale_window", DRAWING.window, "running: ticks.", False, 1, 1000),
    Declared(
        "overlay_scale_multiple", DRAWING.multiple, "uniform: the multiple.", False, 1.0, 1000.0
    ),
)
LIVE = frozenset(entry.name for entry in TABLE if not entry.read_only)
REQUIRED = ("policy", "contract")


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
