# SPDX-License-Identifier: Apache-2.0
"""Fits an out-of-distribution detector on training episodes, and its limits on others.

The training ticks say what is usual. Of the calibration episodes one half, every second one, says
how much each part varies on ticks that neither the SAE nor this was fitted on, and the other half
gives the threshold.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.sae.encoder import TickEncoder
from pam_ros.sae.errors import SaeError
from pam_ros.sae.ood.detector import (
    OodDetector,
    OodModel,
    OodWindow,
    conformal_threshold,
    part_names,
    standardised,
)
from pam_ros.sae.ood.file import OodIdentity
from pam_ros.sae.ood.parts import TrainingNorms, camera_features, squared_errors
from pam_ros.sae.ood.still import LEAST_MOTION
from pam_ros.sae.provenance import pam_ros_version
from pam_ros.sae.store.tokens import Block, RowTable, parse_sampler

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from pam_ros.sae.arch.model import SAE
    from pam_ros.sae.encoder import TickCode
    from pam_ros.sae.store.token_store import TokenStore

WINDOW = 4
RATE = 0.01
TICKS = 2000
UNMIXED = "encoder_input"
"""The layer at which a camera's tokens are of its picture alone."""

_LOG = logging.getLogger(__name__)


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
    if identity.layer != UNMIXED:
        _LOG.warning(
            "at layer %s the tokens of a frozen camera change with those of the others: it shows "
            "at %s only", identity.layer, UNMIXED,
        )  # fmt: skip
    cameras = training.info.camera_names
    usual = fit_usual(sae, stored_ticks(training, ticks), training.info.tokens, len(cameras))
    parts, episode = windowed_parts(
        sae, stored_ticks(calibration), OodWindow(sae, usual, len(cameras), window)
    )
    first = first_half(episode)
    if not first.any() or first.all():
        raise SaeError(f"{calibration.folder} has too few episodes: at least 2 are needed")
    names = part_names(cameras)
    centre, spread = part_scales(parts[first], names, rate)
    words = f"{training.info.dataset}; threshold: {calibration.info.dataset}"
    model = OodModel(identity, cameras, usual, window, names, centre, spread, math.nan, rate, words)
    threshold = conformal_threshold(tick_scores(parts[~first], model), rate)
    return OodDetector(replace(model, threshold=threshold), sae)


def first_half(episode: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of some ticks (n,) belong to every second episode, from the first."""
    number = np.cumsum(np.concatenate([[0], episode[1:] != episode[:-1]]))
    half: NDArray[np.bool_] = number % 2 == 0
    return half


def windowed_parts(
    sae: SAE, ticks: Iterable[StoredTick], window: OodWindow
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The parts (n, P) of each tick and its episode (n,); the window begins anew with each."""
    encoder = TickEncoder(sae, full_code=True)
    found: list[NDArray[np.float64]] = []
    episodes: list[int] = []
    for tick in ticks:
        if not episodes or tick.episode != episodes[-1]:
            window.reset()
        episodes.append(tick.episode)
        found.append(window.update(tick.rows, tick.table, encoder.encode(tick.rows, tick.table)))
    return np.array(found), np.array(episodes, np.int64)


def tick_scores(parts: NDArray[np.float64], model: OodModel) -> NDArray[np.float64]:
    """The score of each row of parts (n, P): (n,), NaN where no part is known."""
    scores = standardised(parts, model.centre, model.spread)
    known = ~np.isnan(scores)
    largest: NDArray[np.float64] = np.where(known, scores, -np.inf).max(axis=1)
    largest[~known.any(axis=1)] = np.nan
    return largest


def fit_usual(sae: SAE, ticks: Iterable[StoredTick], positions: int, cameras: int) -> TrainingNorms:
    """What is usual at each position, and in each camera's picture.

    Raises:
        SaeError: there is no tick.
    """
    encoder = TickEncoder(sae, full_code=True)
    width, features = sae.cfg.d_in, sae.cfg.d_sae
    count, fired = np.zeros(positions), np.zeros((positions, features), np.float32)
    error, error_square = np.zeros(positions), np.zeros(positions)
    total, square = np.zeros((positions, width)), np.zeros(positions)
    present = np.zeros((cameras, features))
    kept: list[tuple[NDArray[np.int64], TickCode]] = []
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
        present += camera_features(tick.table, encoded.code, cameras, features)
        # Which features fire is enough for their rarity.
        kept.append((token, replace(encoded.code, value=encoded.code.value[:0])))
    if not kept:
        raise SaeError("there is no tick to fit on")
    seen = count > 0
    n = np.maximum(count, 1)
    mean, std = _mean_std(error, error_square, n, seen)
    spread = square / n - np.square(total / n[:, None]).sum(axis=1)
    spread = np.where(seen & (spread > 1e-9), spread, max(float(spread[seen].mean()), 1e-9))
    rate = np.where(seen[:, None], fired / n[:, None].astype(np.float32), fired.sum(0) / n.sum())
    zero, one = np.zeros(positions, np.float32), np.ones(positions, np.float32)
    present /= len(kept)
    usual = TrainingNorms(
        mean, std, zero, one, rate.astype(np.float32), spread.astype(np.float32),
        present.astype(np.float32),
    )  # fmt: skip
    rare, rare_square = np.zeros(positions), np.zeros(positions)
    for token, code in kept:
        surprise = usual.surprise(token, code, len(token))
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


def part_scales(
    parts: NDArray[np.float64], names: Sequence[str], rate: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each part's median, and from there to its limit; NaN where it is never known.

    The limit is the quantile that a share rate / parts exceeds: the largest where ticks are few.
    """
    centre, spread = np.full(len(names), np.nan), np.full(len(names), np.nan)
    for index, name in enumerate(names):
        known = np.sort(parts[~np.isnan(parts[:, index]), index])
        if not len(known):
            continue
        rank = min(math.ceil((len(known) + 1) * (1 - rate / len(names))), len(known))
        # A picture that never stood still while the joints moved has no scale of its own.
        least = LEAST_MOTION if name.endswith(" still") else 1e-6
        centre[index] = np.median(known)
        spread[index] = max(float(known[rank - 1]) - centre[index], least)
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
