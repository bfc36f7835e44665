# SPDX-License-Identifier: Apache-2.0
"""How fast the feature browser is on 4,096 features by 100 episodes of random tokens.

python -m bench.feature_browser FOLDER [--features 4096] [--episodes 100]
"""

from __future__ import annotations

import argparse
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from pam_ros.attention.layout import CameraTokens
from pam_ros.policy.act.spec import lay_out
from pam_ros.sae.arch.model import SaeConfig
from pam_ros.sae.arch.topk import TopKSAE
from pam_ros.sae.describe.descriptions import describe
from pam_ros.sae.describe.file import write_descriptions
from pam_ros.sae.disk import load_sae, save_sae
from pam_ros.sae.provenance import Provenance
from pam_ros.sae.store.manifest import StoreInfo
from pam_ros.sae.store.token_store import TokenStore
from pam_ros.sae.store.tokens import parse_sampler, token_table
from pam_ros.sae.store.writer import TokenWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from pam_ros.sae.arch.model import SAE

CAMERAS = ("observation.images.top", "observation.images.wrist")
ROWS, COLS, WIDTH, TICKS, ACTIVE = 6, 8, 64, 30, 16


def make_sae(folder: Path, features: int) -> SAE:
    """Random directions, of which each token has the 16 strongest."""
    generator = torch.Generator().manual_seed(0)
    rows = torch.nn.functional.normalize(torch.randn(features, WIDTH, generator=generator), dim=1)
    weights = {"W_enc": rows.T.contiguous(), "b_enc": torch.zeros(features), "W_dec": rows}
    sae = TopKSAE(
        SaeConfig("topk", WIDTH, features, ACTIVE), {**weights, "b_dec": torch.zeros(WIDTH)}
    )
    save_sae(sae, folder, Provenance("random", "a" * 64, "encoder", "all", "random", "0"))
    return load_sae(folder)


def make_store(folder: Path, episodes: int) -> TokenStore:
    """Random tokens that change slowly, and smooth random pictures."""
    rng = np.random.default_rng(0)
    cameras = [
        CameraTokens(name, 0, ROWS, COLS, 32 * ROWS, 32 * COLS, 0.0, 0.0, 32.0, 32.0)
        for name in CAMERAS
    ]
    table = token_table(lay_out(cameras, joint_state=True, environment=False))
    info = StoreInfo(
        "random", "a" * 64, "encoder", "all", "random", WIDTH, len(table), CAMERAS, True, "0"
    )
    sampler = parse_sampler("all")
    with TokenWriter(folder, info) as writer:
        for episode in range(episodes):
            tokens = rng.standard_normal((len(table), WIDTH)).astype(np.float32)
            coarse = rng.integers(0, 256, (ROWS, COLS, 3), np.uint8)
            picture = np.kron(coarse, np.ones((32, 32, 1), np.uint8))
            for frame in range(TICKS):
                tokens = 0.9 * tokens + 0.44 * rng.standard_normal(tokens.shape, np.float32)
                seen = dict.fromkeys(CAMERAS, np.roll(picture, 4 * frame, axis=1))
                writer.add(episode, frame, *sampler.sample(tokens, table, frame), seen)
        writer.finish()
    return TokenStore(folder)


def prepare(folder: Path, features: int, episodes: int) -> None:
    """SAE, store, descriptions and book."""
    from pam_ros.sae.browser.build import build  # noqa: PLC0415

    sae = make_sae(folder / "sae", features)
    store = make_store(folder / "store", episodes)
    begin = time.perf_counter()
    write_descriptions(folder / "described", describe(sae, store), sae, store.info, {})
    described = time.perf_counter()
    build(sae, store, folder / "described", folder / "book", lambda rows: rows)
    built = time.perf_counter()
    print(f"describe {described - begin:.1f} s, build {built - described:.1f} s, {store.rows} rows")


def main() -> None:
    """Make what is missing, then time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--features", type=int, default=4096)
    parser.add_argument("--episodes", type=int, default=100)
    options = parser.parse_args()
    if not (options.folder / "book").exists():
        prepare(options.folder, options.features, options.episodes)

    begin = time.perf_counter()
    # What loads is part of what is timed.
    from pam_ros.sae.browser.app import Browser, make_app  # noqa: PLC0415
    from pam_ros.sae.browser.book import FeatureBook  # noqa: PLC0415
    from pam_ros.sae.browser.names import FILE, Names  # noqa: PLC0415

    book = FeatureBook(options.folder / "book")
    opened = time.perf_counter()
    names = Names(options.folder / "sae" / FILE, book.about.sae_sha256)
    browser = Browser(book, names, editable=True)
    app = make_app(browser)
    app.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True, show_api=False)
    serving = time.perf_counter()
    print(f"book open after {opened - begin:.2f} s, serving after {serving - begin:.2f} s")
    size = sum(file.stat().st_size for file in book.folder.iterdir())
    print(f"{book.about.features} features, {len(book.episodes)} episodes, {size / 1e6:.0f} MB")
    parts: dict[str, Callable[[int], object]] = {
        "list of features": lambda _: browser.choices("", "most often active"),
        "statistics": browser.page.statistics,
        "clips": browser.page.clips,
        "frames": lambda n: browser.page.frames(n, True),
        "timelines": lambda n: browser.page.timelines(n, browser.strongest_episode(n)),
    }
    chosen = np.random.default_rng(1).permutation(book.about.features)[:20].tolist()
    for part, draw in parts.items():
        taken = []
        for number in chosen:
            start = time.perf_counter()
            draw(number)
            taken.append(time.perf_counter() - start)
        print(
            f"{part}: median {statistics.median(taken) * 1e3:.0f} ms, most {max(taken) * 1e3:.0f}"
        )
    app.close()


if __name__ == "__main__":
    main()
