# SPDX-License-Identifier: Apache-2.0
"""A feature's strongest frames, one per episode, with its activation as heat over the cameras.

    python research/sae_feature_pictures.py --sae SAE --data STORE --feature 112 --out picture.png

The store must keep its observations. Full heat is the feature's maximum over the store's frames.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch

from pam_ros.attention.overlay import Overlay
from pam_ros.policy import load_policy
from pam_ros.sae.describe.top_frames import TopFrames
from pam_ros.sae.disk import load_sae
from pam_ros.sae.ood.fit import stored_ticks
from pam_ros.sae.store.token_store import TokenStore
from pam_ros.share.folders import share_directory

if TYPE_CHECKING:
    from numpy.typing import NDArray


def main() -> None:
    """Find the frames and draw them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--policy", default=str(share_directory() / "models" / "demo_act"))
    parser.add_argument("--sae", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--feature", type=int, required=True)
    parser.add_argument("--frames", type=int, default=6)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    layout = load_policy(options.policy, engine="eager").spec.layout
    sae, store = load_sae(options.sae), TokenStore(options.data)
    heat: dict[tuple[int, int], NDArray[Any]] = {}
    top = TopFrames(1, options.frames, one_per_episode=True)
    for tick in stored_ticks(store):
        rows = torch.from_numpy(tick.rows.astype(np.float32))
        value = sae.encode(rows)[:, options.feature].numpy()
        heat[tick.episode, tick.frame] = value
        peak = value.max(keepdims=True)[None]
        top.add(peak, np.array([tick.episode]), np.array([tick.frame]), np.array([[0]]))
    top.finish()
    chosen = set(zip(top.episode[0].tolist(), top.frame[0].tolist(), strict=True))
    overlay, pictures = Overlay(), {}
    for stored in store.observations():
        place = (stored.episode, stored.frame)
        if place in chosen:
            drawn = []
            for grid in layout.cameras:
                cells = heat[place][grid.start : grid.stop].reshape(grid.rows, grid.cols)
                image: NDArray[Any] = stored.observation[grid.feature]
                look = (grid.x0, grid.y0, grid.dx, grid.dy)
                drawn.append(overlay.draw(image, cells, *look, float(top.value.max())))
            pictures[place] = np.concatenate(drawn, axis=0)
    order = list(zip(top.episode[0].tolist(), top.frame[0].tolist(), strict=True))
    sheet = np.concatenate([pictures[place] for place in order if place in pictures], axis=1)
    half = cv2.resize(sheet, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(options.out), half[..., ::-1])


if __name__ == "__main__":
    main()
