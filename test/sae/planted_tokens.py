# SPDX-License-Identifier: Apache-2.0
"""Stores of tokens that are made of known features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.attention.layout import CameraTokens, TokenLayout
from pam_ros.policy.act.spec import lay_out
from pam_ros.sae.store.manifest import StoreInfo
from pam_ros.sae.store.token_store import TokenStore
from pam_ros.sae.store.tokens import AllTokens, TokenTable, token_table
from pam_ros.sae.store.writer import TokenWriter

if TYPE_CHECKING:
    from pathlib import Path

POLICY_SHA = "a" * 64


def camera(rows: int, cols: int, name: str = "top") -> CameraTokens:
    return CameraTokens(name, 0, rows, cols, 32 * rows, 32 * cols, 0.0, 0.0, 32.0, 32.0)


def layout(*grids: tuple[int, int], joint_state: bool = True) -> TokenLayout:
    cameras = [camera(rows, cols, f"camera{i}") for i, (rows, cols) in enumerate(grids)]
    return lay_out(cameras, joint_state=joint_state, environment=False)


def table(*grids: tuple[int, int]) -> TokenTable:
    return token_table(layout(*grids))


def store_info(width: int, tokens: int, **changes) -> StoreInfo:
    about = {
        "policy_name": "demo",
        "policy_sha256": POLICY_SHA,
        "layer": "encoder",
        "sampler": "all",
        "dataset": "synthetic",
        "width": width,
        "tokens": tokens,
        "camera_names": ("camera0",),
        "keeps_observations": False,
        "pam_ros_version": "0",
    }
    return StoreInfo(**{**about, **changes})


def make_store(folder: Path, ticks: np.ndarray, shard_rows: int = 1000, **changes) -> TokenStore:
    """ticks: (frames, tokens, width). An episode has ten frames."""
    frames, tokens, width = ticks.shape
    cells = table((1, tokens - 2))
    info = store_info(width, tokens, **changes)
    with TokenWriter(folder, info, shard_rows=shard_rows) as writer:
        for frame in range(frames):
            rows, row_table = AllTokens().sample(ticks[frame].astype(np.float32), cells)
            writer.add(frame // 10, frame % 10, rows, row_table)
        writer.finish()
    return TokenStore(folder)


@dataclass
class Planted:
    """Tokens = sparse non-negative codes times unit directions, plus an offset."""

    directions: np.ndarray
    offset: np.ndarray
    active: int

    def tokens(self, rows: int, seed: int = 0) -> np.ndarray:
        rng = np.random.default_rng(seed)
        features = len(self.directions)
        code = np.zeros((rows, features))
        chosen = np.argsort(rng.random((rows, features)), axis=1)[:, : self.active]
        np.put_along_axis(code, chosen, rng.uniform(1.0, 2.0, chosen.shape), axis=1)
        return (code @ self.directions + self.offset).astype(np.float32)

    def ticks(self, frames: int, tokens: int = 10, seed: int = 0) -> np.ndarray:
        return self.tokens(frames * tokens, seed).reshape(frames, tokens, -1)
