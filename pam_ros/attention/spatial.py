# SPDX-License-Identifier: Apache-2.0
"""The maps of a spatial softmax, which is no attention: where keypoints lie.

For each picture a network makes K maps of scores over its cells. A softmax makes each sum to 1, and
its mean place, two numbers, is all of the map that the rest of the policy sees.

Source: Finn et al., Deep Spatial Autoencoders for Visuomotor Learning, 2016 (arXiv:1509.06113).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.attention.maps import SPATIAL_SOFTMAX, AttentionMaps, weights_maps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pam_ros.attention.layout import TokenLayout


def spatial_maps(
    layer: str,
    weights: NDArray[np.float32],
    layout: TokenLayout,
    keys: tuple[int, int],
    head: int | None = None,
) -> AttentionMaps:
    """The maps of one keypoint, or the mean over all.

    Tokens that are no cells have no part in them: their groups' shares are NaN, not 0.

    Args:
        layer: its label.
        weights: (keypoints, 1, cells), of the newest observation. Each keypoint's sum to 1 over all
            cameras' cells, and to 1 / cameras over each camera's.
        layout: which token is what.
        keys: (start, stop), the cells.
        head: one keypoint, or None for the mean.

    Raises:
        AttentionError: as weights_maps.
    """
    found = weights_maps(SPATIAL_SOFTMAX, layer, weights, layout, head=head, query=0, keys=keys)
    nothing = np.zeros(0, np.float32)
    return replace(
        found,
        groups=tuple(replace(group, share=math.nan, mass=nothing) for group in found.groups),
        latent_share=math.nan,
        joint_state_share=math.nan,
        environment_share=math.nan,
        tokens=keys[1] - keys[0],
        head_latent_share=(),
    )
