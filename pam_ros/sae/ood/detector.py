# SPDX-License-Identifier: Apache-2.0
"""Is what the policy sees unlike its training set? A score per tick over the last few ticks.

Each tick gives the numbers of ood_parts, averaged over the window, and those of ood_still. Every
one of these parts is measured from its median, in units of the way from there to its own limit,
which a share rate / parts of the ticks of normal episodes exceeds; the score is the largest of
them. So each part has an equal share in the false alarms, and one with odd normal episodes makes
only itself less sensitive. The threshold is the split-conformal quantile of the scores of other
normal episodes, which had no say in all this: a share of at most the stated rate of normal ticks
lies above it, on average over such sets.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.observations.names import short_names
from pam_ros.sae.errors import SaeError
from pam_ros.sae.ood.file import OodIdentity, read_detector, write_detector
from pam_ros.sae.ood.parts import TickNumbers, tick_numbers
from pam_ros.sae.ood.still import StillCameras

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pam_ros.sae.arch.model import SAE
    from pam_ros.sae.encoder import TickFeatures
    from pam_ros.sae.ood.parts import TrainingNorms
    from pam_ros.sae.store.tokens import RowTable


@dataclass(frozen=True)
class OodState:
    """After a tick. flagged: score above threshold. reason: the part that is largest, in words.

    score: NaN, and nothing is flagged, until the window is full.
    """

    score: float
    flagged: bool
    threshold: float
    reason: str


@dataclass(frozen=True, eq=False)
class OodModel:
    """All that is fitted.

    window: ticks. parts: names, such as "top error". centre, spread: (P,) float64, NaN for a part
    that no tick had. threshold: NaN before it is calibrated. rate: of false alarms, stated. normal:
    what it was fitted and calibrated on, in words.
    """

    identity: OodIdentity
    camera_names: tuple[str, ...]
    usual: TrainingNorms
    window: int
    parts: tuple[str, ...]
    centre: NDArray[np.float64]
    spread: NDArray[np.float64]
    threshold: float
    rate: float
    normal: str


class OodWindow:
    """The windowed parts of a run of ticks; one episode, or one robot, at a time."""

    def __init__(self, sae: SAE, usual: TrainingNorms, cameras: int, window: int) -> None:
        self._sae, self._usual, self._cameras = sae, usual, cameras
        self._ticks: deque[TickNumbers] = deque(maxlen=window)
        self._still = StillCameras(cameras, usual.spread)

    def reset(self) -> None:
        """Forget the ticks: an episode begins."""
        self._ticks.clear()
        self._still.reset()

    def update(
        self, rows: NDArray[np.float16], table: RowTable, features: TickFeatures
    ) -> NDArray[np.float64]:
        """The parts (P,) after a tick, as part_names has them.

        NaN where one is not known, and all of them until the window is full: fewer ticks vary more.

        Raises:
            SaeError: features without their code, or tokens of another policy.
        """
        if features.code is None:
            raise SaeError("the score needs the whole code: TickEncoder(sae, full_code=True)")
        values = np.asarray(rows, np.float16).astype(np.float32)
        numbers = tick_numbers(self._sae, self._usual, values, table, features.code, self._cameras)
        self._ticks.append(numbers)
        means = [
            np.mean([getattr(tick, part) for tick in self._ticks], axis=0)
            for part in ("error", "rarity", "missing")
        ]
        parts = np.concatenate([*means, self._still.update(values, table)])
        return parts if len(self._ticks) == self._ticks.maxlen else np.full_like(parts, np.nan)


class OodDetector:
    """Scores ticks. Not thread-safe.

    Args:
        model: fitted; see ood_fit.fit and load.
        sae: the one that it was fitted with.

    Raises:
        SaeError: another SAE.
    """

    def __init__(self, model: OodModel, sae: SAE) -> None:
        if sae.sha256 != model.identity.sae_sha256:
            raise SaeError(
                "the out-of-distribution detector was fitted with the SAE "
                f"{model.identity.sae_sha256}, not {sae.sha256}"
            )
        known = model.usual.rate.shape[1] == sae.cfg.d_sae
        if not known or model.parts != part_names(model.camera_names):
            raise SaeError("the out-of-distribution detector is damaged: its parts do not fit")
        self.model = model
        self._window = OodWindow(sae, model.usual, len(model.camera_names), model.window)

    @property
    def threshold(self) -> float:
        """Scores above it are flagged."""
        return self.model.threshold

    @classmethod
    def load(
        cls,
        folder: str | Path,
        sae: SAE,
        *,
        policy_sha256: str | None = None,
        layer: str | None = None,
        sampler: str | None = None,
    ) -> OodDetector:
        """The detector beside an SAE.

        Args:
            folder: of the SAE, with ood.json and ood.safetensors.
            sae: as load_sae gives it from there.
            policy_sha256: of the tokens that it is to score; None not to check.
            layer: theirs.
            sampler: theirs, in its canonical text.

        Raises:
            SaeError: there is none, it is damaged, or it was fitted on other tokens or another SAE.
        """
        model = OodModel(**read_detector(folder))
        model.identity.check(policy_sha256, layer, sampler)
        return cls(model, sae)

    def save(self, folder: str | Path) -> None:
        """Write it beside its SAE.

        Raises:
            SaeError: the folder cannot be written.
        """
        write_detector(folder, self.model)

    def reset(self) -> None:
        """Forget the window: an episode begins."""
        self._window.reset()

    def update(
        self, rows: NDArray[np.float16], table: RowTable, features: TickFeatures
    ) -> OodState:
        """Take the next tick.

        Args:
            rows: (R, D) float16, of the sampler that it was fitted on.
            table: theirs.
            features: of TickEncoder(sae, full_code=True).

        Raises:
            SaeError: features without their code, or tokens of another policy.
        """
        return self.state(self._window.update(rows, table, features))

    def state(self, parts: NDArray[np.float64]) -> OodState:
        """The state for windowed parts (P,)."""
        scores = standardised(parts, self.model.centre, self.model.spread)
        if np.isnan(scores).all():
            return OodState(math.nan, False, self.threshold, "the window is not full")
        largest = int(np.nanargmax(scores))
        score = float(scores[largest])
        return OodState(score, score > self.threshold, self.threshold, self.model.parts[largest])


def part_names(camera_names: Sequence[str]) -> tuple[str, ...]:
    """The names of the windowed parts, in their order."""
    short = short_names(camera_names)
    groups = {"error": [*short, "other"], "rarity": [*short, "other"]}
    groups |= {"missing": short, "still": short}
    return tuple(f"{name} {part}" for part, names in groups.items() for name in names)


def standardised(
    parts: NDArray[np.float64], centre: NDArray[np.float64], spread: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(..., P) from the median, in units of the way to each part's limit."""
    result: NDArray[np.float64] = (parts - centre) / spread
    return result


def conformal_threshold(scores: NDArray[np.float64], rate: float) -> float:
    """The split-conformal quantile of n normal scores for a rate of false alarms.

    The ceil((n + 1) (1 - rate))-th smallest: a further score, exchangeable with them, lies above it
    with a probability of at most `rate` (Vovk et al. 2005; Papadopoulos et al. 2002).

    Raises:
        SaeError: a rate that is not between 0 and 1, or too few scores for it.
    """
    if not 0 < rate < 1:
        raise SaeError(f"the rate of false alarms must lie between 0 and 1, not {rate}")
    known = np.sort(scores[~np.isnan(scores)])
    rank = math.ceil((len(known) + 1) * (1 - rate))
    if rank > len(known):
        raise SaeError(
            f"{len(known)} normal ticks are too few for a rate of {rate:g}: at least "
            f"{math.ceil(1 / rate) - 1} are needed"
        )
    return float(known[rank - 1])
