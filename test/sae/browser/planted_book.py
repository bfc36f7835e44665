# SPDX-License-Identifier: Apache-2.0
"""A feature book of an arm that moves through two cameras' pictures; see planted_episodes."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from planted_episodes import COLS, ROWS, TABLE, TICKS, WIDTH, episode, planted_sae
from planted_tokens import store_info

from pam_ros.sae.arch.model import SAE
from pam_ros.sae.browser.book import FeatureBook
from pam_ros.sae.browser.build import build
from pam_ros.sae.describe.descriptions import describe
from pam_ros.sae.describe.file import write_descriptions
from pam_ros.sae.disk import load_sae, save_sae
from pam_ros.sae.store.token_store import TokenStore
from pam_ros.sae.store.tokens import parse_sampler
from pam_ros.sae.store.writer import TokenWriter

CAMERAS = ("observation.images.top", "observation.images.wrist")
SILENT = 15
EPISODES = range(10, 16)
HEIGHT, PIXELS = 32 * ROWS, 32 * COLS


@dataclass(frozen=True, eq=False)
class PlantedBook:
    folder: Path
    sae: SAE
    store: TokenStore

    @property
    def book(self):
        return FeatureBook(self.folder / "book")


def picture(number, frame, camera):
    """A grey that tells episode, frame and camera apart."""
    level = 30 + 10 * (number - EPISODES[0]) + 6 * frame + 70 * CAMERAS.index(camera)
    return np.full((HEIGHT, PIXELS, 3), level, np.uint8)


def make_store(folder, sampler="all", observations=True):
    about = {"camera_names": CAMERAS, "sampler": sampler, "keeps_observations": observations}
    choose = parse_sampler(sampler)
    info = store_info(WIDTH, len(TABLE), dataset="the folder /home/somebody/data", **about)
    with TokenWriter(folder, info, shard_rows=40 * len(TABLE)) as writer:
        for number in EPISODES:
            tokens, joints = episode(number)
            for frame in range(TICKS):
                seen = {camera: picture(number, frame, camera) for camera in CAMERAS}
                seen["observation.state"] = np.array([joints[frame]], np.float32)
                rows = choose.sample(tokens[frame], TABLE, frame)
                writer.add(number, frame, *rows, seen if observations else None)
        writer.finish()
    return TokenStore(folder)


def make_planted(folder, sampler="all"):
    sae = planted_sae(folder / "sae", sampler)
    sae.b_enc[SILENT] = -100
    save_sae(sae, folder / "sae", load_sae(folder / "sae").cfg.provenance)
    sae = load_sae(folder / "sae")
    store = make_store(folder / "store", sampler)
    found = describe(sae, store, frames=5)
    write_descriptions(folder / "described", found, sae, store.info, {})
    build(sae, store, folder / "described", folder / "book", lambda rows: rows)
    return PlantedBook(folder, sae, store)


def dense_code(sae):
    """(episodes, TICKS, T, F) of the planted episodes, the plain way."""
    tokens = np.stack([episode(number)[0] for number in EPISODES])
    flat = torch.from_numpy(tokens.astype(np.float16).astype(np.float32)).reshape(-1, WIDTH)
    return sae.encode(flat).numpy().reshape(*tokens.shape[:3], -1)
