# SPDX-License-Identifier: Apache-2.0
"""How well a detector tells normal episodes from others, beside two baselines.

The baselines are scored over the same window: the mean Mahalanobis distance of the tokens, under
the mean and covariance of the SAE's training tokens, and that of the pictures' statistics (each
camera's mean and standard deviation of red, green and blue), under those of one half of the
calibration episodes. Both get their threshold as the detector does, from the other half.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.sae.errors import SaeError
from pam_ros.sae.ood.detector import OodWindow, conformal_threshold
from pam_ros.sae.ood.fit import first_half, part_scales, stored_ticks, tick_scores, windowed_parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from pam_ros.sae.arch.model import SAE
    from pam_ros.sae.ood.detector import OodModel
    from pam_ros.sae.store.stats import TokenStats
    from pam_ros.sae.store.token_store import TokenStore

DETECTOR, TOKENS, PICTURES = "detector", "tokens", "pictures"


@dataclass(frozen=True, eq=False)
class Scores:
    """Of a store's ticks, (n,) each; NaN until the window is full.

    by_method: scores by the names above; PICTURES only where the store keeps observations. parts:
    (n, P) of the detector.
    """

    episode: NDArray[np.int64]
    by_method: Mapping[str, NDArray[np.float64]]
    parts: NDArray[np.float64]


@dataclass(frozen=True)
class Result:
    """One method on one store.

    flagged: share of the ticks above the threshold. auroc: probability that one of them scores
    higher than a normal tick.
    """

    ticks: int
    flagged: float
    auroc: float


class PictureStatistics:
    """Mahalanobis distance of a tick's picture statistics, under those of normal observations.

    store: of the calibration; every second of its episodes is looked at.
    """

    def __init__(self, store: TokenStore) -> None:
        episode = np.array([tick.episode for tick in stored_ticks(store)], np.int64)
        chosen = set(np.flatnonzero(first_half(episode)).tolist())
        rows = np.array([picture_numbers(f.observation) for f in store.observations(chosen)])
        if not len(rows) or len(rows) <= rows.shape[1]:
            raise SaeError(f"{store.folder} has too few frames for picture statistics")
        self._mean = rows.mean(axis=0)
        covariance = np.cov(rows.T)
        ridge = 1e-6 * np.trace(covariance) / len(covariance) + 1e-12
        self._inverse = np.linalg.inv(covariance + ridge * np.eye(len(covariance)))

    def distance(self, observation: Mapping[str, NDArray[np.generic]]) -> float:
        """Of one observation."""
        gap = picture_numbers(observation) - self._mean
        return float(np.sqrt(gap @ self._inverse @ gap))


def picture_numbers(observation: Mapping[str, NDArray[np.generic]]) -> NDArray[np.float64]:
    """Mean and standard deviation of each channel of each image, in the order of their names."""
    numbers: list[NDArray[np.float64]] = []
    for name in sorted(observation):
        image = observation[name]
        if image.ndim == 3:
            pixels = image.reshape(-1, image.shape[-1]).astype(np.float64)
            numbers += [pixels.mean(axis=0), pixels.std(axis=0)]
    return np.concatenate(numbers)


def score_store(
    model: OodModel, sae: SAE, store: TokenStore, pictures: PictureStatistics | None = None
) -> Scores:
    """Every tick's score by each method.

    Raises:
        SaeError: the store is of another policy, layer or sampler.
    """
    info = store.info
    model.identity.check(info.policy_sha256, info.layer, info.sampler)
    window = OodWindow(sae, model.usual, len(model.camera_names), model.window)
    parts, episode = windowed_parts(sae, stored_ticks(store), window)
    methods = {DETECTOR: tick_scores(parts, model)}
    if sae.stats is not None:
        distance = token_distance(sae.stats)
        single = (distance(tick.rows) for tick in stored_ticks(store))
        methods[TOKENS] = windowed_means(single, episode, model.window)
    if pictures is not None and info.keeps_observations:
        single = (pictures.distance(f.observation) for f in store.observations())
        methods[PICTURES] = windowed_means(single, episode, model.window)
    return Scores(episode, methods, parts)


def token_distance(stats: TokenStats) -> _TokenDistance:
    """The mean Mahalanobis distance of rows (R, D) under the training tokens' statistics."""
    return _TokenDistance(stats)


class _TokenDistance:
    def __init__(self, stats: TokenStats) -> None:
        width = len(stats.mean)
        ridge = 1e-6 * np.trace(stats.covariance) / width
        values, vectors = np.linalg.eigh(stats.covariance + ridge * np.eye(width))
        self._mean = stats.mean
        self._whiten = vectors / np.sqrt(values)

    def __call__(self, rows: NDArray[np.float16]) -> float:
        white = (rows.astype(np.float64) - self._mean) @ self._whiten
        return float(np.sqrt(np.square(white).sum(axis=1)).mean())


def windowed_means(
    values: Iterable[float], episode: NDArray[np.int64], window: int
) -> NDArray[np.float64]:
    """The mean of each tick's value and those before it in its window; NaN until that is full."""
    recent: deque[float] = deque(maxlen=window)
    last: int | None = None
    found = []
    for value, number in zip(values, episode.tolist(), strict=True):
        if number != last:
            recent.clear()
            last = number
        recent.append(value)
        found.append(float(np.mean(recent)) if len(recent) == window else float("nan"))
    return np.array(found)


def thresholds(model: OodModel, calibration: Scores) -> dict[str, float]:
    """The detector's own threshold, and the baselines' from the calibration's second half."""
    found = {DETECTOR: model.threshold}
    second = ~first_half(calibration.episode)
    for method, scores in calibration.by_method.items():
        if method != DETECTOR:
            found[method] = conformal_threshold(scores[second], model.rate)
    return found


def results(scores: Scores, normal: Scores, limits: Mapping[str, float]) -> dict[str, Result]:
    """Each method's result on a store, against normal episodes; ticks without a score are left out.

    Raises:
        SaeError: no tick has a score.
    """
    found = {}
    for method, values in scores.by_method.items():
        if method not in limits or method not in normal.by_method:
            continue
        full = values[~np.isnan(values)]
        if not len(full):
            raise SaeError("no tick has a score: every episode is shorter than the window")
        share = float((full > limits[method]).mean())
        found[method] = Result(len(full), share, auroc(normal.by_method[method], full))
    return found


def flagged_by_episode(scores: Scores, threshold: float) -> dict[int, float]:
    """The detector's share of flagged ticks in each episode; those without a score are left out."""
    values = scores.by_method[DETECTOR]
    known = ~np.isnan(values)
    return {
        episode: float((values[known & (scores.episode == episode)] > threshold).mean())
        for episode in np.unique(scores.episode[known]).tolist()
    }


def redrawn_alarms(
    model: OodModel, calibration: Scores, normal: Scores, draws: int
) -> NDArray[np.float64]:
    """False alarms (draws,) of detectors whose calibration episodes are drawn from both stores.

    As many as there were; each detector is scored on the episodes that are left. How far one
    detector's false alarms may be from the stated rate by luck.
    """
    parts = np.concatenate([calibration.parts, normal.parts])
    known = ~np.isnan(parts).all(axis=1)
    # The stores may number their episodes alike.
    number = np.concatenate([calibration.episode, normal.episode + calibration.episode.max() + 1])
    parts, number = parts[known], number[known]
    episodes, wanted = np.unique(number), len(np.unique(calibration.episode))
    rng = np.random.default_rng(0)
    found = []
    for _ in range(draws):
        order = rng.permutation(episodes)
        first, second, others = (
            parts[np.isin(number, chosen)]
            for chosen in (order[: wanted // 2], order[wanted // 2 : wanted], order[wanted:])
        )
        centre, spread = part_scales(first, model.parts, model.rate)
        drawn = replace(model, centre=centre, spread=spread)
        limit = conformal_threshold(tick_scores(second, drawn), model.rate)
        found.append(float((tick_scores(others, drawn) > limit).mean()))
    return np.array(found)


def auroc(normal: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """The probability that one of `other` is larger than one of `normal`; ties count half."""
    ordered = np.sort(normal[~np.isnan(normal)])
    values = other[~np.isnan(other)]
    if not len(ordered) or not len(values):
        return float("nan")
    below = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
    return float(below.mean() / 2 / len(ordered))
