# SPDX-License-Identifier: Apache-2.0
"""What each feature fires on, from a store, one shard in memory at a time.

A feature's value in a tick is its maximum over the tick's tokens. Memory goes with features times
(tokens of a tick + frames kept), however long the store.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from pam_ros.sae.describe.top_frames import TopFrames
from pam_ros.sae.errors import SaeError
from pam_ros.sae.store.tokens import check_same_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from pam_ros.sae.arch.model import SAE
    from pam_ros.sae.store.token_store import Shard, TokenStore

PHASES = 10
"""Equal parts of an episode."""

HISTOGRAM_EDGES = np.logspace(-3, 3, 37)
"""Of activations: six to a decade; the first and last bin take what lies outside."""

_ROWS_AT_ONCE = 4096


@dataclass(frozen=True, eq=False)
class Signals:
    """What the features of a shard's ticks are correlated with.

    names: (S,). values: (ticks, S) float64, in the ticks' order, NaN where unknown.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Descriptions:
    """Of F features over a store of T tokens per tick.

    rows, ticks: how many were seen. density: (F,) share of rows in which a feature is active;
    tick_density: of ticks. mean, maximum: (F,) of its activation where active. histogram: (F, B)
    int64 over HISTOGRAM_EDGES. phase: (F, PHASES), its mean value by the part of the episode.
    heat: (F, T), its mean activation at each position. correlation: (F, S) with `signals`, NaN
    where one of them does not vary. top, per_episode: the strongest ticks, and the strongest of
    different episodes.
    """

    rows: int
    ticks: int
    density: NDArray[np.float64]
    tick_density: NDArray[np.float64]
    mean: NDArray[np.float64]
    maximum: NDArray[np.float32]
    histogram: NDArray[np.int64]
    phase: NDArray[np.float64]
    heat: NDArray[np.float64]
    signals: tuple[str, ...]
    correlation: NDArray[np.float64]
    top: TopFrames
    per_episode: TopFrames


def describe(
    sae: SAE,
    store: TokenStore,
    *,
    frames: int = 16,
    signals: Callable[[int], Signals] | None = None,
) -> Descriptions:
    """Describe every feature.

    Args:
        sae: of the store's layer and sampler.
        store: of tokens.
        frames: to keep per feature.
        signals: gives a shard's signals by its number; None for no correlations.

    Raises:
        SaeError: SAE and store do not belong together.
    """
    _check(sae, store)
    features, positions = sae.cfg.d_sae, store.info.tokens
    lengths = episode_lengths(store)
    active = np.zeros(features, np.int64)
    total = np.zeros(features)
    histogram = np.zeros((features, len(HISTOGRAM_EDGES) - 1), np.int64)
    heat = np.zeros((features, positions))
    heat_rows = np.zeros(positions, np.int64)
    phase, phase_ticks = np.zeros((features, PHASES)), np.zeros(PHASES, np.int64)
    fires = np.zeros(features, np.int64)
    maximum = np.zeros(features, np.float32)
    top = TopFrames(features, frames)
    per_episode = TopFrames(features, frames, one_per_episode=True)
    correlation: _Correlation | None = None
    rows = ticks = 0
    for index in range(len(store.shards)):
        shard = store.read(index)
        starts = tick_starts(shard)
        given = signals(index) if signals is not None else None
        if given is not None:
            correlation = correlation or _Correlation(features, given.names)
        for first, last in _groups(starts, len(shard.token)):
            part = slice(starts[first], len(shard.token) if last == len(starts) else starts[last])
            code = sae.encode(torch.from_numpy(shard.tokens[part].astype(np.float32))).numpy()
            row, feature = np.nonzero(code)
            value = code[row, feature]
            token = shard.token[part]
            active += np.bincount(feature, minlength=features)
            total += np.bincount(feature, value, minlength=features)
            bins = np.clip(np.digitize(value, HISTOGRAM_EDGES) - 1, 0, histogram.shape[1] - 1)
            np.add.at(histogram, (feature, bins), 1)
            np.add.at(heat, (feature, token[row]), value)
            heat_rows += np.bincount(token, minlength=positions)
            begin = starts[first:last] - part.start
            peak = np.maximum.reduceat(code, begin, axis=0)
            episode, frame = shard.episode[starts[first:last]], shard.frame[starts[first:last]]
            where = token[_peak_rows(code, begin, peak)]
            top.add(peak, episode, frame, where)
            per_episode.add(peak, episode, frame, where)
            fires += (peak > 0).sum(axis=0)
            maximum = np.maximum(maximum, peak.max(axis=0))
            bin_of = np.array(
                [
                    min(int(PHASES * f / lengths[int(e)]), PHASES - 1)
                    for e, f in zip(episode, frame, strict=True)
                ]
            )
            for number in np.unique(bin_of):
                phase[:, number] += peak[bin_of == number].sum(axis=0)
            phase_ticks += np.bincount(bin_of, minlength=PHASES)
            if given is not None and correlation is not None:
                correlation.add(peak, given.values[first:last])
            rows += len(code)
            ticks += len(peak)
    with np.errstate(invalid="ignore"):
        return Descriptions(
            rows,
            ticks,
            active / rows,
            fires / ticks,
            total / np.maximum(active, 1),
            maximum,
            histogram,
            phase / np.maximum(phase_ticks, 1),
            heat / np.maximum(heat_rows, 1),
            correlation.names if correlation else (),
            correlation.finish() if correlation else np.zeros((features, 0)),
            top.finish(),
            per_episode.finish(),
        )


def tick_starts(shard: Shard) -> NDArray[np.intp]:
    """The first row of each tick of a shard."""
    new = (np.diff(shard.frame) != 0) | (np.diff(shard.episode) != 0)
    return np.flatnonzero(np.concatenate([[True], new]))


def episode_lengths(store: TokenStore) -> dict[int, int]:
    """Ticks of each episode, up to its last one in the store."""
    lengths: dict[int, int] = {}
    for index in range(len(store.shards)):
        shard = store.read(index)
        starts = tick_starts(shard)
        for episode, frame in zip(
            shard.episode[starts].tolist(), shard.frame[starts].tolist(), strict=True
        ):
            lengths[episode] = max(lengths.get(episode, 0), frame + 1)
    return lengths


def matches(sae: SAE, other: SAE) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Each feature's closest one in another SAE, (F,), and the cosine of their decoder rows, (F,).

    Raises:
        SaeError: the SAEs are of different widths.
    """
    if other.cfg.d_in != sae.cfg.d_in:
        raise SaeError(f"one SAE is {sae.cfg.d_in} wide, the other {other.cfg.d_in}")
    theirs = torch.nn.functional.normalize(other.W_dec, dim=1).T
    found, cosine = [], []
    for rows in torch.split(torch.nn.functional.normalize(sae.W_dec, dim=1), 1024):
        value, index = (rows @ theirs).max(dim=1)
        found.append(index)
        cosine.append(value)
    return torch.cat(found).numpy(), torch.cat(cosine).numpy()


def _peak_rows(
    code: NDArray[np.float32], begin: NDArray[np.intp], peak: NDArray[np.float32]
) -> NDArray[np.intp]:
    """The row of each tick's peaks, (ticks, F)."""
    ends = np.append(begin[1:], len(code))
    result = np.empty(peak.shape, np.intp)
    for tick, (start, end) in enumerate(zip(begin, ends, strict=True)):
        result[tick] = start + code[start:end].argmax(axis=0)
    return result


def _groups(starts: NDArray[np.intp], rows: int) -> Iterator[tuple[int, int]]:
    """Runs of whole ticks of about _ROWS_AT_ONCE rows, as (first, last + 1)."""
    first = 0
    while first < len(starts):
        last = int(np.searchsorted(starts, starts[first] + _ROWS_AT_ONCE))
        if last < len(starts) or rows - starts[first] > 2 * _ROWS_AT_ONCE:
            last = max(first + 1, min(last, len(starts)))
        else:
            last = len(starts)
        yield first, last
        first = last


def _check(sae: SAE, store: TokenStore) -> None:
    if store.info.width != sae.cfg.d_in:
        raise SaeError(
            f"{store.folder} has tokens of {store.info.width} values: the SAE takes {sae.cfg.d_in}"
        )
    provenance = sae.cfg.provenance
    if provenance is None:
        return
    for name in ("policy_sha256", "layer"):
        ours, theirs = getattr(provenance, name), getattr(store.info, name)
        if ours != theirs:
            raise SaeError(f"{store.folder} has {name} {theirs}, but the SAE has {ours}")
    try:
        check_same_rows(provenance.sampler, store.info.sampler)
    except SaeError as error:
        raise SaeError(f"{store.folder}: {error}") from None


class _Correlation:
    """Sums for Pearson's correlation of F values with S signals."""

    def __init__(self, features: int, names: tuple[str, ...]) -> None:
        self.names = names
        size = len(names)
        self._count = np.zeros(size)
        self._signal, self._signal_square = np.zeros(size), np.zeros(size)
        # Per signal: its unknown ticks do not count for the features either.
        self._value, self._square, self._product = (np.zeros((features, size)) for _ in range(3))

    def add(self, values: NDArray[np.float32], signals: NDArray[np.float64]) -> None:
        """(ticks, F) and (ticks, S)."""
        known = ~np.isnan(signals)
        filled = np.where(known, signals, 0.0)
        weights = known.astype(np.float64)
        wide = values.astype(np.float64)
        self._count += weights.sum(axis=0)
        self._signal += filled.sum(axis=0)
        self._signal_square += np.square(filled).sum(axis=0)
        self._value += wide.T @ weights
        self._square += np.square(wide).T @ weights
        self._product += wide.T @ filled

    def finish(self) -> NDArray[np.float64]:
        """(F, S)."""
        n = np.maximum(self._count, 1)
        covariance = self._product / n - (self._value / n) * (self._signal / n)
        variance = self._square / n - np.square(self._value / n)
        signal = self._signal_square / n - np.square(self._signal / n)
        scale = np.sqrt(np.maximum(variance, 0) * np.maximum(signal, 0))
        small = scale <= 1e-9 * np.sqrt(np.maximum(self._square / n * self._signal_square / n, 0))
        result: NDArray[np.float64] = np.where(
            small, np.nan, covariance / np.where(small, 1.0, scale)
        )
        return result
