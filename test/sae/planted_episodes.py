# SPDX-License-Identifier: Apache-2.0
"""Episodes of an arm that moves through the pictures of two cameras, as tokens of known features.

Orthogonal directions: 0 and 1 mark the cameras, 2 the arm in a cell, 3 an object in a cell, 4 to 6
the joint, 7 the latent token; 8 to 15 never fire in a normal episode.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from planted_tokens import POLICY_SHA, store_info, table

from pam_ros.sae.arch.model import SaeConfig
from pam_ros.sae.arch.topk import TopKSAE
from pam_ros.sae.disk import save_sae
from pam_ros.sae.provenance import Provenance
from pam_ros.sae.store.token_store import TokenStore
from pam_ros.sae.store.tokens import parse_sampler
from pam_ros.sae.store.writer import TokenWriter

if TYPE_CHECKING:
    from pathlib import Path

WIDTH, ROWS, COLS, TICKS = 16, 3, 4, 14
CELLS = ROWS * COLS
TABLE = table((ROWS, COLS), (ROWS, COLS))
CAMERAS = [slice(2, 2 + CELLS), slice(2 + CELLS, 2 + 2 * CELLS)]
AXES = np.linalg.qr(np.random.default_rng(5).normal(size=(WIDTH, WIDTH)))[0].astype(np.float32)


def planted_sae(folder: Path, sampler: str = "all", **changes) -> TopKSAE:
    """The SAE that knows the directions; it is saved."""
    axes = torch.from_numpy(AXES)
    weights = {
        "W_enc": axes.T.contiguous(),
        "b_enc": torch.zeros(WIDTH),
        "W_dec": axes.clone(),
        "b_dec": torch.zeros(WIDTH),
    }
    sae = TopKSAE(SaeConfig("topk", WIDTH, WIDTH, 4), weights)
    about = {"policy_sha256": POLICY_SHA, "layer": "encoder", "sampler": sampler}
    provenance = Provenance("demo", dataset="synthetic", pam_ros_version="0", **about | changes)
    save_sae(sae, folder, provenance)
    return sae


def arm_in_cells(joint: float) -> np.ndarray:
    """How much of the arm each cell shows, (CELLS,)."""
    return 3 * np.exp(-np.square(np.arange(CELLS) - joint * (CELLS - 1)) / 2)


def episode(seed: int, ticks: int = TICKS, *, moves: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """(ticks, T, WIDTH) float32 and the joint (ticks,): it moves and then holds, or just holds."""
    rng = np.random.default_rng(seed)
    start, end = rng.uniform(0, 0.3), rng.uniform(0.7, 1.0)
    joints = np.append(np.linspace(start, end, ticks - 4), [end] * 4)
    if not moves:
        joints[:] = end
    codes = np.zeros((ticks, len(TABLE), WIDTH))
    codes[:, 0, 7] = 2
    codes[:, 1, 4] = 2 + joints
    codes[:, 1, 5] = 3 - 2 * joints
    codes[:, 1, 6] = 1 + np.square(joints)
    place = rng.integers(CELLS)
    for number, cells in enumerate(CAMERAS):
        codes[:, cells, number] = 2
        codes[:, cells.start + place, 3] = 2
        for tick, joint in enumerate(joints):
            codes[tick, cells, 2] = arm_in_cells(joint)
    noise = rng.normal(scale=0.03, size=codes.shape)
    return ((codes + noise) @ AXES).astype(np.float32), joints


def broken(kind: str, tokens: np.ndarray, seed: int) -> np.ndarray:
    """The episode with a fault of the first camera, or with both cameras exchanged."""
    rng = np.random.default_rng([seed, 1])
    tokens = tokens.copy()
    first, second = CAMERAS
    noise = rng.normal(scale=0.03, size=tokens[:, first].shape)
    if kind == "noise":
        tokens[:, first] = rng.normal(scale=2, size=tokens[:, first].shape)
    elif kind == "black":
        tokens[:, first] = 2 * AXES[9] + noise
    elif kind == "half":
        half = slice(first.start, first.start + CELLS // 2)
        tokens[:, half] = 2 * AXES[9] + noise[:, : CELLS // 2]
    elif kind == "frozen":
        tokens[:, first] = tokens[:1, first]
    elif kind == "swapped":
        tokens[:, first], tokens[:, second] = tokens[:, second].copy(), tokens[:, first].copy()
    return tokens


def episodes_store(
    folder: Path, seeds: range, kind: str = "", sampler: str = "all", **changes
) -> TokenStore:
    """A store of such episodes; an episode's number is its seed."""
    about = {"camera_names": ("images.top", "images.wrist"), "sampler": sampler}
    info = store_info(WIDTH, len(TABLE), **about | changes)
    choose = parse_sampler(sampler)
    with TokenWriter(folder, info, shard_rows=40 * len(TABLE)) as writer:
        for seed in seeds:
            tokens = episode(seed)[0]
            for frame, tick in enumerate(broken(kind, tokens, seed) if kind else tokens):
                writer.add(seed, frame, *choose.sample(tick, TABLE, frame))
        writer.finish()
    return TokenStore(folder)
