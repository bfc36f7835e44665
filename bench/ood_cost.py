# SPDX-License-Identifier: Apache-2.0
"""What the out-of-distribution score of a tick costs, on one thread, beside encoding it.

python -m bench.ood_cost                                 602 tokens of 512, 4,096 features
python -m bench.ood_cost --tokens 162 --width 128 --features 1024 --l0 16
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.random_sae import write_detector, write_random_sae

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CAMERAS = ("top", "wrist")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the median and the 99th percentile of both."""
    parser = argparse.ArgumentParser(prog="python -m bench.ood_cost")
    parser.add_argument("--tokens", type=int, default=602)
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--features", type=int, default=4096)
    parser.add_argument("--l0", type=float, default=16)
    parser.add_argument("--ticks", type=int, default=300)
    options = parser.parse_args(arguments)

    import torch  # noqa: PLC0415  (slow to load)

    from pam_ros.sae.disk import load_sae  # noqa: PLC0415
    from pam_ros.sae.encoder import TickEncoder  # noqa: PLC0415
    from pam_ros.sae.ood.detector import OodDetector  # noqa: PLC0415
    from pam_ros.sae.store.tokens import RowTable  # noqa: PLC0415

    torch.set_num_threads(1)
    cells = options.tokens - 2
    camera = np.array([-1, -1, *(0 if i < cells // 2 else 1 for i in range(cells))], np.int16)
    place = np.maximum(np.arange(-2, cells), -1).astype(np.int16)
    kind = np.array([1, 2] + [0] * cells, np.uint8)
    table = RowTable(np.arange(options.tokens, dtype=np.uint32), kind, camera, place, place)
    rng = np.random.default_rng(0)
    ticks = [
        rng.standard_normal((options.tokens, options.width)).astype(np.float16) for _ in range(8)
    ]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "sae"
        write_random_sae(
            folder, "0" * 64, "encoder_input", options.width, options.features, options.l0
        )
        write_detector(folder, options.tokens, options.l0, CAMERAS)
        sae = load_sae(folder)
        detector = OodDetector.load(folder, sae)
    encoder = TickEncoder(sae, full_code=True)
    features = [encoder.encode(rows, table) for rows in ticks]
    _report("encoding", lambda n: encoder.encode(ticks[n], table), options.ticks)
    _report("scoring", lambda n: detector.update(ticks[n], table, features[n]), options.ticks)
    return 0


def _report(name: str, work: Callable[[int], object], count: int) -> None:
    spent = []
    for number in range(count + 20):
        start = time.perf_counter()
        work(number % 8)
        spent.append(1e3 * (time.perf_counter() - start))
    median, late = np.percentile(spent[20:], [50, 99])
    sys.stdout.write(f"{name}: {median:.2f} ms a tick, 99th percentile {late:.2f} ms\n")


if __name__ == "__main__":
    sys.exit(main())
