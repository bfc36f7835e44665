# SPDX-License-Identifier: Apache-2.0
"""Fits an out-of-distribution detector on training episodes, and its threshold on others.

Three quarters of the training ticks say what is usual, the last quarter how much each part varies
on ticks that it was not fitted on; the threshold comes from the calibration store alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.sae.encoder import TickEncoder
from pam_ros.sae.errors import SaeError
from pam_ros.sae.ood import (
    OodDetector,
    OodModel,
    OodWindow,
    conformal_threshold,
    part_names,
    standardised,
)
from pam_ros.sae.ood_file import OodIdentity
from pam_ros.sae.ood_parts import Usual, squared_errors
from pam_ros.sae.ood_pose import fit_pose
from pam_ros.sae.provenance import pam_ros_version
from pam_ros.sae.tokens import Block, RowTable, parse_sampler

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    from pam_ros.sae.encoder import TickFeatures
    from pam_ros.sae.model import SAE
    from pam_ros.sae.store import TokenStore

WINDOW = 4
RATE = 0.01
TICKS = 2000

_SCALE_SHARE = 0.25


@dataclass(frozen=True, eq=False)
class StoredTick:
    """One tick of a store: rows (R, D) float16 and their table."""

    episode: int
    frame: int
    rows: NDArray[np.float16]
    table: RowTable


def stored_ticks(store: TokenStore, limit: int | None = None) -> Iterator[StoredTick]:
    """The ticks of a store in its order, one shard in memory at a time.

    Args:
        store: of tokens.
        limit: about how many at most, from shards spread over the store; None for all.
    """
    sampler = parse_sampler(store.info.sampler)
    block = (sampler.rows, sampler.cols) if isinstance(sampler, Block) else (1, 1)
    count = len(store.shards)
    chosen = range(count)
    if limit is not None and store.frames > limit:
        wanted = max(1, math.ceil(count * limit / store.frames))
        chosen = np.unique(np.linspace(0, count - 1, wanted).round().astype(int)).tolist()
    left = limit if limit is not None else store.frames
    share = math.ceil(left / max(len(chosen), 1))
    for index in chosen:
        shard = store.read(index)
        starts = np.flatnonzero(
            np.concatenate([[True], (np.diff(shard.frame) != 0) | (np.diff(shard.episode) != 0)])
        )
        ends = np.append(starts[1:], len(shard.frame))
        taken = list(zip(starts.tolist(), ends.tolist(), strict=True))
        for start, end in taken if limit is None else taken[:share]:
            part = slice(start, end)
            table = RowTable(
                shard.token[part].astype(np.uint32),
                shard.kind[part],
                shard.camera[part],
                shard.row[part],
                shard.col[part],
                *block,
            )
            yield StoredTick(
                int(shard.episode[start]), int(shard.frame[start]), shard.tokens[part], table
            )


def fit(
    sae: SAE,
    training: TokenStore,
    calibration: TokenStore,
    *,
    window: int = WINDOW,
    rate: float = RATE,
    ticks: int = TICKS,
) -> OodDetector:
    """A calibrated detector.

    Args:
        sae: saved, with provenance.
        training: the store that it was trained on, or one like it.
        calibration: normal episodes that the SAE was not trained on.
        window: ticks, at least 2.
        rate: of false alarms, per tick.
        ticks: of the training store to look at, at most.

    Raises:
        SaeError: the stores are not of the SAE's policy, layer and sampler, or too small.
    """
    identity = _identity(sae, training, calibration)
    if window < 2:
        raise SaeError(f"a window of {window} ticks shows no change: it must be at least 2")
    cameras = len(training.info.camera_names)
    total = min(ticks, training.frames)
    boundary = max(1, round(total * (1 - _SCALE_SHARE)))
    episode_at = [tick.episode for tick in stored_ticks(training, ticks)]
    # The parts of a whole episode go to one side.
    boundary = next(
        (i for i in range(boundary, len(episode_at)) if episode_at[i] != episode_at[i - 1]),
        boundary,
    )

    def usual_ticks() -> Iterator[StoredTick]:
        for number, tick in enumerate(stored_ticks(training, ticks)):
            if number == boundary:
                return
            yield tick

    usual = fit_usual(sae, usual_ticks(), training.info.tokens)
    pose = fit_pose(lambda: ((t.rows.astype(np.float32), t.table) for t in usual_ticks()))
    scale_ticks = (t for n, t in enumerate(stored_ticks(training, ticks)) if n >= boundary)
    parts = windowed_parts(sae, scale_ticks, OodWindow(sae, usual, pose, cameras, window))
    if len(parts) < 10:
        raise SaeError(
            f"{training.folder} has too few episodes: {len(parts)} ticks are left to see how much "
            "is usual, at least 10 are needed"
        )
    centre, spread = _scale(parts)
    names = part_names(training.info.camera_names)
    words = f"{training.info.dataset}; threshold: {calibration.info.dataset}"
    model = OodModel(
        identity, training.info.camera_names, usual, pose, window, names, centre, spread,
        math.nan, rate, words,
    )  # fmt: skip
    held_out = windowed_parts(
        sae, stored_ticks(calibration), OodWindow(sae, usual, pose, cameras, window)
    )
    scores = tick_scores(held_out, model)
    return OodDetector(replace(model, threshold=conformal_threshold(scores, rate)), sae)


def windowed_parts(sae: SAE, ticks: Iterable[StoredTick], window: OodWindow) -> NDArray[np.float64]:
    """The parts (n, P) of each tick; the window begins anew with each episode."""
    encoder = TickEncoder(sae, full_code=True)
    episode: int | None = None
    found = []
    for tick in ticks:
        if tick.episode != episode:
            window.reset()
            episode = tick.episode
        found.append(window.update(tick.rows, tick.table, encoder.encode(tick.rows, tick.table)))
    return np.array(found)


def tick_scores(parts: NDArray[np.float64], model: OodModel) -> NDArray[np.float64]:
    """The score of each row of parts (n, P): (n,), NaN where no part is known."""
    scores = standardised(parts, model.centre, model.spread)
    known = ~np.isnan(scores)
    largest: NDArray[np.float64] = np.where(known, scores, -np.inf).max(axis=1)
    largest[~known.any(axis=1)] = np.nan
    return largest


def fit_usual(sae: SAE, ticks: Iterable[StoredTick], positions: int) -> Usual:
    """What is usual at each position.

    Raises:
        SaeError: there is no tick.
    """
    encoder = TickEncoder(sae, full_code=True)
    width, features = sae.cfg.d_in, sae.cfg.d_sae
    count, fired = np.zeros(positions), np.zeros((positions, features), np.float32)
    error, error_square = np.zeros(positions), np.zeros(positions)
    total, square = np.zeros((positions, width)), np.zeros(positions)
    kept: list[tuple[NDArray[np.int64], TickFeatures]] = []
    for tick in ticks:
        encoded = encoder.encode(tick.rows, tick.table)
        assert encoded.code is not None
        token, rows = tick.table.token.astype(np.int64), tick.rows.astype(np.float32)
        errors = np.log10(squared_errors(sae, rows, encoded.code) + 1e-12)
        # A sampler gives a token at most once.
        count[token] += 1
        error[token] += errors
        error_square[token] += errors**2
        total[token] += rows
        square[token] += np.square(rows, dtype=np.float64).sum(axis=1)
        row = np.repeat(np.arange(len(rows)), np.diff(encoded.code.offset.astype(np.int64)))
        fired[token[row], encoded.code.index.astype(np.int64)] += 1
        kept.append((token, encoded))
    if not kept:
        raise SaeError("there is no tick to fit on")
    seen = count > 0
    n = np.maximum(count, 1)
    mean, std = _mean_std(error, error_square, n, seen)
    spread = square / n - np.square(total / n[:, None]).sum(axis=1)
    spread = np.where(seen & (spread > 1e-9), spread, max(float(spread[seen].mean()), 1e-9))
    rate = np.where(seen[:, None], fired / n[:, None].astype(np.float32), fired.sum(0) / n.sum())
    zero, one = np.zeros(positions, np.float32), np.ones(positions, np.float32)
    usual = Usual(mean, std, zero, one, rate.astype(np.float32), spread.astype(np.float32))
    rare, rare_square = np.zeros(positions), np.zeros(positions)
    for token, encoded in kept:
        assert encoded.code is not None
        surprise = usual.surprise(token, encoded.code, len(token))
        rare[token] += surprise
        rare_square[token] += surprise**2
    rarity_mean, rarity_std = _mean_std(rare, rare_square, n, seen)
    return replace(usual, rarity_mean=rarity_mean, rarity_std=rarity_std)


def _mean_std(
    total: NDArray[np.float64],
    square: NDArray[np.float64],
    count: NDArray[np.float64],
    seen: NDArray[np.bool_],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Per position; positions that were never seen have those of all."""
    mean = total / count
    variance = np.maximum(square / count - mean**2, 0.0)
    typical = float(np.sqrt(variance[seen].mean()))
    # A position that hardly varies must not make the mean over positions its own.
    std = np.maximum(np.sqrt(variance), max(0.1 * typical, 1e-6))
    mean = np.where(seen, mean, mean[seen].mean())
    std = np.where(seen, std, max(typical, 1e-6))
    return mean.astype(np.float32), std.astype(np.float32)


def _scale(parts: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Median, and from there to the 99th percentile, of each part; NaN where it is never known."""
    centre, spread = np.full(parts.shape[1], np.nan), np.full(parts.shape[1], np.nan)
    for index, column in enumerate(parts.T):
        known = column[~np.isnan(column)]
        if len(known):
            centre[index] = np.median(known)
            spread[index] = max(float(np.quantile(known, 0.99)) - centre[index], 1e-6)
    return centre, spread


def _identity(sae: SAE, training: TokenStore, calibration: TokenStore) -> OodIdentity:
    provenance = sae.cfg.provenance
    if provenance is None or not sae.sha256:
        raise SaeError("the detector needs an SAE that is saved and says what it was trained on")
    if training.folder.resolve() == calibration.folder.resolve():
        raise SaeError("the calibration needs other episodes than the training: name another store")
    for store in (training, calibration):
        for name in ("policy_sha256", "layer", "sampler"):
            ours, theirs = getattr(provenance, name), getattr(store.info, name)
            if ours != theirs:
                raise SaeError(f"{store.folder} has {name} {theirs}, but the SAE has {ours}")
    return OodIdentity(
        provenance.policy_sha256,
        provenance.layer,
        provenance.sampler,
        sae.sha256,
        pam_ros_version(),
    )
