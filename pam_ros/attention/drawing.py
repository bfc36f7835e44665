# SPDX-License-Identifier: Apache-2.0
"""How maps are drawn unless somebody says otherwise: the one place where these numbers stand.

The live node's parameters, replay, report, video, Rerun and notebooks take them from here, so that
all of them draw the same picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ScaleName = Literal["tick", "running", "uniform"]
SCALES: tuple[ScaleName, ...] = ("tick", "running", "uniform")


@dataclass(frozen=True)
class Drawing:
    """Colours, opacity and scale of an overlay.

    Attributes:
        colormap: one of OpenCV's, in lower case, see overlay.COLORMAPS.
        alpha: opacity of a cell at full scale, 0 to 1.
        border: width of the joint-state border [pixels].
        scale: what full scale is, one of SCALES; see scale.py.
        percentile: of the scale "running", in percent of the cells.
        window: of the scale "running" [ticks].
        multiple: of the scale "uniform": how many times uniform attention.
        floor: no scale is lower than this many times uniform attention.
    """

    colormap: str = "turbo"
    alpha: float = 0.6
    border: int = 6
    scale: ScaleName = "running"
    percentile: float = 99.0
    window: int = 100
    multiple: float = 10.0
    floor: float = 4.0


AUTO = "auto"
"""In place of a method: the most faithful that there is time for."""
METHOD = AUTO
"""What is shown, live and replayed, where neither a setting nor a recording says it."""
DRAWING = Drawing()
"""The defaults."""
