# SPDX-License-Identifier: Apache-2.0
"""Makes a feature book of an SAE, a store with observations, and their descriptions."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import safetensors.numpy

from pam_ros.sae.browser.book import ABOUT, ARRAYS, PICTURES, About, Camera, about_bytes
from pam_ros.sae.browser.code import encode_store
from pam_ros.sae.browser.descriptions import read_descriptions
from pam_ros.sae.browser.errors import FeaturesError
from pam_ros.sae.provenance import pam_ros_version
from pam_ros.sae.store.tokens import Block, parse_sampler

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from pam_ros.sae.arch.model import SAE
    from pam_ros.sae.browser.code import EncodedStore
    from pam_ros.sae.browser.descriptions import Described
    from pam_ros.sae.store.token_store import TokenStore

CLIP, CLIPS = 8, 4
"""A clip reaches so many frames to either side; so many of each feature have pictures."""
_JPEG_QUALITY = 85
_KINDS = {1: "latent", 2: "joint state", 3: "environment", 4: "language", 5: "action", 6: "padding"}


def build(
    sae: SAE,
    store: TokenStore,
    descriptions: Path,
    out: Path,
    progress: Callable[[int], object],
) -> About:
    """Write a book into a new folder.

    Args:
        sae: that the descriptions are of.
        store: that they were made from, with observations.
        descriptions: folder of `pam_ros sae describe`.
        out: the book; must not exist.
        progress: told how many rows of the store are done.

    Raises:
        FeaturesError: they do not belong together, or the book cannot be written.
        SaeError: a file of the store is damaged.
    """
    described = read_descriptions(descriptions)
    _check(sae, store, described, out)
    code = encode_store(sae, store, _wanted(described), progress)
    part = out.with_name(out.name + ".part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        sizes, pictures = _write_pictures(store, part / PICTURES, code, _wanted(described))
        cameras, arrays = _placed(store, code, sizes)
        about = _about(sae, store, described, code, cameras)
        everything = {**described.arrays, **arrays, **pictures}
        safetensors.numpy.save_file(
            {name: np.ascontiguousarray(array) for name, array in everything.items()},
            part / ARRAYS,
        )
        (part / ABOUT).write_bytes(about_bytes(about))
        part.rename(out)
    except OSError as error:
        raise FeaturesError(f"{out} cannot be written: {error.strerror}") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return about


def _check(sae: SAE, store: TokenStore, described: Described, out: Path) -> None:
    if out.exists():
        raise FeaturesError(f"{out} exists: name a new folder")
    if not store.info.keeps_observations:
        raise FeaturesError(
            f"{store.folder} keeps no observations, so there is nothing to look at: collect with "
            "--observations"
        )
    pairs = {
        "sae_sha256": sae.sha256,
        "policy_sha256": store.info.policy_sha256,
        "layer": store.info.layer,
        "sampler": store.info.sampler,
    }
    for name, ours in pairs.items():
        theirs = described.about.get(name)
        if theirs != ours:
            raise FeaturesError(
                f"the descriptions are of {name} {theirs}, but SAE and store have {ours}: describe "
                "them again"
            )
    if described.about.get("rows") != store.rows:
        raise FeaturesError(
            f"the descriptions are of {described.about.get('rows')} tokens, but {store.folder} has "
            f"{store.rows}: describe it again"
        )


def _wanted(described: Described) -> dict[tuple[int, int], NDArray[np.int32]]:
    """By (episode, frame): the features that are shown there, as a frame or within a clip."""
    arrays = described.arrays
    keys: list[NDArray[np.int64]] = []
    for name in ("top", "per_episode"):
        shown = arrays[f"{name}_value"] > 0
        feature, rank = np.nonzero(shown)
        episode, frame = arrays[f"{name}_episode"][shown], arrays[f"{name}_frame"][shown]
        reach = np.arange(-CLIP, CLIP + 1) if name == "per_episode" else np.zeros(1, np.int64)
        moving = rank < CLIPS
        for offset in reach:
            chosen = moving if offset else np.ones_like(moving)
            columns = [episode[chosen], frame[chosen] + offset, feature[chosen]]
            keys.append(np.stack(columns, axis=1).astype(np.int64))
    rows = np.unique(np.concatenate(keys), axis=0)
    new = np.any(np.diff(rows[:, :2], axis=0) != 0, axis=1)
    groups = np.split(rows, np.flatnonzero(new) + 1)
    return {
        (int(group[0, 0]), int(group[0, 1])): group[:, 2].astype(np.int32)
        for group in groups
        if len(group)
    }


def _write_pictures(
    store: TokenStore,
    path: Path,
    code: EncodedStore,
    wanted: Mapping[tuple[int, int], NDArray[np.int32]],
) -> tuple[list[tuple[int, int]], dict[str, NDArray[Any]]]:
    """The cameras' sizes (height, width), and the arrays picture_*."""
    episodes = code.arrays["tick_episode"].tolist()
    frames = code.arrays["tick_frame"].tolist()
    chosen = [tick for tick, key in enumerate(zip(episodes, frames, strict=True)) if key in wanted]
    names = store.info.camera_names
    sizes: list[tuple[int, int]] = [(0, 0)] * len(names)
    ticks, cameras, ends = [], [], []
    with path.open("wb") as file:
        for tick, stored in zip(chosen, store.observations(set(chosen)), strict=True):
            if (stored.episode, stored.frame) != (episodes[tick], frames[tick]):
                raise FeaturesError(f"{store.folder}: observations and tokens are not in one order")
            for camera, name in enumerate(names):
                rgb = stored.observation.get(name)
                if rgb is None:
                    raise FeaturesError(f"{store.folder} keeps no images of {name}")
                sizes[camera] = rgb.shape[0], rgb.shape[1]
                done, data = cv2.imencode(
                    ".jpg",
                    cv2.cvtColor(np.asarray(rgb, np.uint8), cv2.COLOR_RGB2BGR),
                    [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY],
                )
                if not done:
                    raise FeaturesError(f"a picture of {name} cannot be written as JPEG")
                file.write(data.tobytes())
                ticks.append(tick)
                cameras.append(camera)
                ends.append(file.tell())
    return sizes, {
        "picture_tick": np.array(ticks, np.int32),
        "picture_camera": np.array(cameras, np.int16),
        "picture_end": np.array(ends, np.int64),
    }


def _placed(
    store: TokenStore, code: EncodedStore, sizes: list[tuple[int, int]]
) -> tuple[tuple[Camera, ...], dict[str, NDArray[Any]]]:
    """The cameras' cells in their pictures, and the arrays with rows and columns counted in them.

    Samplers leave out cells, or average blocks of them: what is left is a coarser grid.

    Raises:
        FeaturesError: the number of cells does not fit the pictures.
    """
    sampler = parse_sampler(store.info.sampler)
    arrays = dict(code.arrays)
    rows, cols = arrays["cell_row"].copy(), arrays["cell_col"].copy()
    block = (sampler.rows, sampler.cols) if isinstance(sampler, Block) else (1, 1)
    cameras = []
    stride = _stride(store, code, sizes)
    seen = _cells_seen(store)
    for number, name in enumerate(store.info.camera_names):
        own = arrays["cell_camera"] == number
        axes = []
        for axis, (cells, side) in enumerate(zip((rows, cols), block, strict=True)):
            places = np.unique(seen[number][axis])
            step = int(np.diff(places).min()) if len(places) > 1 else side
            cells[own] //= step
            axes.append((int(places.max()) // step + 1, (side - 1) / 2 * stride, step * stride))
        (n_rows, y0, dy), (n_cols, x0, dx) = axes
        cameras.append(Camera(name, n_rows, n_cols, x0, y0, float(dx), float(dy)))
    arrays["cell_row"], arrays["cell_col"] = rows, cols
    return tuple(cameras), arrays


def _cells_seen(store: TokenStore) -> list[tuple[NDArray[np.int16], NDArray[np.int16]]]:
    """Per camera, the rows and the columns of the first shard's cells."""
    shard = store.read(0)
    return [
        (shard.row[shard.camera == number], shard.col[shard.camera == number])
        for number in range(len(store.info.camera_names))
    ]


def _stride(store: TokenStore, code: EncodedStore, sizes: list[tuple[int, int]]) -> int:
    """Pixels from one cell to the next: the power of two that makes as many cells as there are."""
    cells = store.info.tokens - sum(kind != 0 for kind in code.kinds.values())
    for stride in (128, 64, 32, 16, 8, 4, 2, 1):
        if sum(-(-height // stride) * -(-width // stride) for height, width in sizes) == cells:
            return stride
    raise FeaturesError(
        f"{store.folder} has {cells} cells per frame, which no stride makes of pictures of "
        f"{', '.join(f'{h}x{w}' for h, w in sizes)} pixels"
    )


def _about(
    sae: SAE,
    store: TokenStore,
    described: Described,
    code: EncodedStore,
    cameras: tuple[Camera, ...],
) -> About:
    info = store.info
    return About(
        sae_sha256=sae.sha256,
        policy_sha256=info.policy_sha256,
        policy_name=info.policy_name.rpartition("/")[2],
        layer=info.layer,
        sampler=info.sampler,
        dataset=info.dataset,
        features=sae.cfg.d_sae,
        ticks=len(code.arrays["tick_episode"]),
        rows=store.rows,
        cameras=cameras,
        signals=tuple(described.about["signals"]),
        others=tuple(described.about["others"]),
        histogram_edges=tuple(described.about["histogram_edges"]),
        clip=CLIP,
        clips=CLIPS,
        tokens={
            str(token): _KINDS.get(kind, "other") for token, kind in code.kinds.items() if kind
        },
        pam_ros_version=pam_ros_version(),
    )
