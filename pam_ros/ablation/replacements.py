# SPDX-License-Identifier: Apache-2.0
"""What stands in for an input: a blurred picture, a mean, another frame's, the episode's first.

Another frame's value keeps the input's own distribution and breaks its tie with the rest, as in
permutation importance (Breiman, Random Forests, Machine Learning 45, 2001). Blurred and mean
pictures are occlusion (Zeiler and Fergus, ECCV 2014): the policy was never shown such, so it may
also be the strangeness that moves it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.ablation.errors import AblationError
from pam_ros.attention.layout import CameraTokens
from pam_ros.faithfulness.cells import Cells
from pam_ros.faithfulness.perturbation import blurred

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from pam_ros.ablation.inputs import Input
    from pam_ros.ablation.moments import Observation
    from pam_ros.policy.interface import CameraSpec, PolicySpec

BLUR, MEAN, OTHER, FIRST, EMPTY = "blur", "mean", "other", "first", "empty"
REPLACEMENTS = {
    OTHER: "another frame's",
    MEAN: "its mean",
    BLUR: "blurred",
    FIRST: "the episode's first, frozen",
    EMPTY: "no words",
}
"""By the word of an option, what it is; the one that answers the question comes first."""

_FITS = {
    BLUR: {"camera", "cameras"},
    MEAN: {"camera", "cameras", "state", "environment"},
    OTHER: {"camera", "cameras", "state", "environment", "words"},
    FIRST: {"camera", "cameras", "state", "environment"},
    EMPTY: {"words"},
}
_CELLS_ACROSS = 10
"""Cells of a picture whose camera has none: a blur of as much of it as of the demo policy's."""

TRAINING = "training data"
FRAMES = "frames read"


@dataclass(frozen=True)
class Ablation:
    """An input and what replaces it. why_not: why it cannot be made; empty if it can."""

    input: Input
    replacement: str
    why_not: str = ""

    @property
    def key(self) -> str:
        """Its name in files."""
        return f"{self.input.name}:{self.replacement}"


def check_replacements(words: Sequence[str]) -> tuple[str, ...]:
    """The words, each once; all for none.

    Raises:
        AblationError: one is no replacement.
    """
    for word in words:
        if word not in REPLACEMENTS:
            known = ", ".join(REPLACEMENTS)
            raise AblationError(f"--replace {word}: it must be of {known}")
    return tuple(dict.fromkeys(words)) or tuple(REPLACEMENTS)


def makes_sense(one: Input, replacement: str) -> bool:
    """Whether there is such a thing: words cannot be blurred."""
    return one.kind in _FITS[replacement]


@dataclass(frozen=True, eq=False)
class Means:
    """Mean values by feature, and what each is a mean of: TRAINING or FRAMES.

    values: pictures (H, W, 3) uint8, vectors float32.
    """

    values: Mapping[str, NDArray[Any]]
    taken_from: Mapping[str, str]


def means_of(spec: PolicySpec, observations: Iterable[Observation]) -> Means:
    """The training means of the checkpoint's statistics; of the frames read where it has none.

    Of pictures a checkpoint keeps at most one value for each colour, often that of ImageNet: the
    mean picture is that of the frames read, pixel by pixel.
    """
    sums: dict[str, NDArray[np.float64]] = {}
    count = 0
    for observation in observations:
        count += 1
        for feature in spec.features:
            sums[feature] = sums.get(feature, 0.0) + observation[feature].astype(np.float64)
    values: dict[str, NDArray[Any]] = {}
    taken_from = {}
    pictures = {camera.feature for camera in spec.cameras}
    for feature, total in sums.items():
        mean = total / count
        known = spec.statistics.get(feature)
        taken_from[feature] = FRAMES
        if feature in pictures:
            values[feature] = np.rint(mean).astype(np.uint8)
            continue
        if known is not None and known.mean is not None:
            mean = np.broadcast_to(np.array(known.mean), mean.shape)
            taken_from[feature] = TRAINING
        values[feature] = mean.astype(np.float32)
    return Means(values, taken_from)


class Replacer:
    """Makes observations with an input replaced.

    Args:
        spec: of the policy.
        means: of its features.
    """

    def __init__(self, spec: PolicySpec, means: Means) -> None:
        self.means = means
        grids = {grid.feature: grid for grid in spec.layout.cameras}
        self._cells = {
            camera.feature: Cells([grids.get(camera.feature) or _grid(camera)])
            for camera in spec.cameras
        }

    def replaced(
        self,
        ablation: Ablation,
        observation: Observation,
        other: Observation | None,
        first: Observation | None,
    ) -> dict[str, NDArray[Any]]:
        """A new observation; words are no part of one, and leave it as it is.

        Args:
            ablation: which input, and what replaces it.
            observation: whose.
            other: another frame's, for OTHER.
            first: the episode's first, for FIRST; None if this is it.
        """
        result = dict(observation)
        for feature in ablation.input.features:
            if ablation.replacement == BLUR:
                picture = {feature: observation[feature]}
                result[feature] = blurred(picture, self._cells[feature])[feature]
            elif ablation.replacement == MEAN:
                result[feature] = self.means.values[feature]
            elif ablation.replacement == FIRST:
                result[feature] = (observation if first is None else first)[feature]
            elif other is not None:
                result[feature] = other[feature]
        return result


def _grid(camera: CameraSpec) -> CameraTokens:
    """Square cells for a camera whose tokens are not known."""
    step = camera.width / _CELLS_ACROSS
    rows = max(1, round(camera.height / step))
    middle = (step - 1) / 2
    return CameraTokens(
        camera.feature, 0, rows, _CELLS_ACROSS, camera.height, camera.width,
        middle, middle, step, step,
    )  # fmt: skip
