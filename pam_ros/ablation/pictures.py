# SPDX-License-Identifier: Apache-2.0
"""What the policy saw instead, at one moment, for the page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2

from pam_ros.ablation.replacements import REPLACEMENTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.ablation.moments import Moment
    from pam_ros.ablation.replacements import Ablation, Replacer

_WIDTH = 240


@dataclass(frozen=True)
class Picture:
    """A picture of the page. input: its name. what: in words. jpeg: a whole file."""

    input: str
    what: str
    jpeg: bytes


def pictures_of(
    moments: Sequence[Moment],
    others: Sequence[Moment | None],
    ablations: Sequence[Ablation],
    replacer: Replacer,
) -> list[Picture]:
    """Each camera at the middle moment as it was and under each of its ablations."""
    place = len(moments) // 2
    moment, other = moments[place], others[place]
    stand_in = None if other is None else other.observation
    found: list[Picture] = []
    for ablation in ablations:
        one = ablation.input
        if one.kind != "camera" or ablation.why_not:
            continue
        (feature,) = one.features
        if not any(picture.input == one.name for picture in found):
            what = f"as it was (episode {moment.episode}, frame {moment.frame})"
            found.append(Picture(one.name, what, _jpeg(moment.observation[feature])))
        spoilt = replacer.replaced(ablation, moment.observation, stand_in, moment.first)
        what = REPLACEMENTS[ablation.replacement]
        found.append(Picture(one.name, what, _jpeg(spoilt[feature])))
    return found


def _jpeg(picture: NDArray[np.uint8]) -> bytes:
    height, width = picture.shape[:2]
    if width > _WIDTH:
        size = (_WIDTH, max(1, round(height * _WIDTH / width)))
        picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    return bytes(cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])[1])
