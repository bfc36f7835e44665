# SPDX-License-Identifier: Apache-2.0
"""How fast SAEs train, beside SAELens, and how fast shuffled tokens are read, beside in order.

    python -m bench.sae_training [--width 128] [--features 1024] [--k 16] [--batch 4096]
                                 [--threads 2] [--seconds 120] [--json FILE]

One training step each (forward, backward, clipping, Adam) on the same batch, in turns, all past
their warm-up: no feature is dead, so that no auxiliary loss runs. SAELens's TopK is timed with and
without its sparse activations. The readers go through the same files, 2**18 tokens in 16 shards,
in the system's cache, to float32 batches.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.interleave import Effort, Row, interleave
from bench.machine import ask_for_threads, describe

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = 1 << 18
SHARD = 1 << 14
TRAINED = ("topk", "batchtopk", "relu_l1", "jumprelu")


def main() -> int:
    """Time, print, write JSON."""
    options = _parser().parse_args()
    ask_for_threads(options.threads)
    import torch  # noqa: PLC0415  (after the threads)

    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory(prefix="pam_ros_bench_") as folder:
        store = _make_store(Path(folder) / "tokens", options.width)
        batch = next(iter(_reader(store, options.batch)))
        rows = [
            Row(f"ours {name}", f"pam_ros {name}", _ours(name, options, store, batch))
            for name in TRAINED
        ]
        rows += _theirs(options, batch)
        timing = interleave(rows, Effort(seconds=options.seconds, fewest=5, most=200))
        reading = [
            Row("shuffled", "shuffled", lambda: _drain(_shuffled(store, options.batch))),
            Row("sequential", "in order", lambda: _drain(_sequential(store, options.batch))),
        ]
        read = interleave(reading, Effort(seconds=options.seconds / 4, fewest=5, most=100))
    labels = {row.key: row.label for row in rows}
    steps = {key: statistics.median(times) for key, times in timing.seconds.items()}
    result: dict[str, Any] = {
        "machine": describe("cpu"),
        "sizes": {n: getattr(options, n) for n in ("width", "features", "k", "batch", "threads")},
        "tokens_per_second": {key: options.batch / seconds for key, seconds in steps.items()},
        "rounds": len(next(iter(timing.seconds.values()))),
        "others": timing.others,
        "missing": {row.key: row.missing for row in rows if row.run is None},
        "reading_tokens_per_second": {
            key: ROWS / statistics.median(times) for key, times in read.seconds.items()
        },
        "reading_rounds": len(read.seconds["shuffled"]),
    }
    for key, rate in result["tokens_per_second"].items():
        sys.stdout.write(
            f"{labels[key]:40}{steps[key] * 1e3:9.1f} ms a step{rate:12.0f} tokens/s\n"
        )
    for key, reason in result["missing"].items():
        sys.stdout.write(f"{labels[key]:40}{reason}\n")
    for key, rate in result["reading_tokens_per_second"].items():
        sys.stdout.write(f"reading, {key:31}{rate:33.0f} tokens/s\n")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--features", type=int, default=1024)
    parser.add_argument("--k", type=int, default=16)
    parser.add_argument("--batch", type=int, default=4096)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--json", type=Path)
    return parser


def _make_store(folder: Path, width: int) -> Any:
    """Tokens of sparse features, so that the SAEs have something to learn."""
    from pam_ros.sae.store.manifest import StoreInfo  # noqa: PLC0415
    from pam_ros.sae.store.token_store import TokenStore  # noqa: PLC0415
    from pam_ros.sae.store.tokens import RowTable  # noqa: PLC0415
    from pam_ros.sae.store.writer import TokenWriter  # noqa: PLC0415

    rng = np.random.default_rng(0)
    directions = rng.normal(size=(4 * width, width)).astype(np.float32) / width**0.5
    info = StoreInfo(
        "none", "0" * 64, "encoder", "all", "benchmark", width, SHARD, ("camera",), False, "0"
    )
    position = np.arange(SHARD)
    table = RowTable(
        position.astype(np.uint32),
        np.zeros(SHARD, np.uint8),
        np.zeros(SHARD, np.int16),
        np.zeros(SHARD, np.int16),
        np.zeros(SHARD, np.int16),
    )
    with TokenWriter(folder, info, shard_rows=SHARD) as writer:
        for frame in range(ROWS // SHARD):
            chosen = rng.integers(0, len(directions), (SHARD, 8))
            amount = rng.uniform(1.0, 2.0, (SHARD, 8, 1)).astype(np.float32)
            writer.add(0, frame, (directions[chosen] * amount).sum(axis=1), table)
        writer.finish()
    return TokenStore(folder)


def _reader(store: Any, batch: int) -> Any:
    from pam_ros.sae.store.shuffle import ShuffledTokens  # noqa: PLC0415

    # A quarter of the tokens at a time: four pools in an epoch.
    return ShuffledTokens([store], batch, pool_bytes=ROWS // 4 * 2 * store.info.width)


def _ours(name: str, options: argparse.Namespace, store: Any, batch: Any) -> Callable[[], object]:
    from pam_ros.sae.train.parallel import Ranks  # noqa: PLC0415
    from pam_ros.sae.train.settings import TrainingSettings  # noqa: PLC0415
    from pam_ros.sae.train.trainer import make_model, make_optimizer, train_step  # noqa: PLC0415

    settings = TrainingSettings(
        architecture=name,
        d_sae=options.features,
        k=options.k,
        batch=options.batch,
        tokens=options.batch * 10_000,
        dead_after=1 << 40,
    )
    model = make_model(settings, _reader(store, options.batch))
    parameters = list(model.parameters())
    optimizer = make_optimizer(parameters, settings)
    ranks = Ranks("cpu")
    return lambda: train_step(model, optimizer, parameters, batch, 5000, ranks)


def _theirs(options: argparse.Namespace, batch: Any) -> list[Row]:
    kinds: list[tuple[str, str, dict[str, Any]]] = [
        ("topk", "TopK", {"k": options.k}),
        (
            "topk sparse",
            "TopK",
            {
                "k": options.k,
                "use_sparse_activations": True,
                # Its backward pass fails for sparse tensors on a CPU.
                "rescale_acts_by_decoder_norm": False,
            },
        ),
        ("batchtopk", "BatchTopK", {"k": float(options.k)}),
        ("relu_l1", "Standard", {"l1_coefficient": 1.0}),
        ("jumprelu", "JumpReLU", {"l0_coefficient": 1.0}),
    ]
    rows = []
    for name, prefix, more in kinds:
        key, label = f"saelens {name}", f"SAELens {name}"
        try:
            run = _their_step(prefix, more, options, batch)
            run()
        except (ImportError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:120]
            rows.append(Row(key, label, None, f"{type(error).__name__}: {reason}"))
            continue
        rows.append(Row(key, label, run))
    return rows


def _their_step(
    prefix: str, more: dict[str, Any], options: argparse.Namespace, batch: Any
) -> Callable[[], object]:
    import sae_lens  # noqa: PLC0415
    from sae_lens.config import LoggingConfig, SAETrainerConfig  # noqa: PLC0415
    from sae_lens.training.sae_trainer import SAETrainer  # noqa: PLC0415

    config = getattr(sae_lens, f"{prefix}TrainingSAEConfig")(
        d_in=options.width, d_sae=options.features, **more
    )
    trainer = SAETrainer(
        cfg=SAETrainerConfig(
            total_training_samples=options.batch * 10_000,
            train_batch_size_samples=options.batch,
            lr=1e-3,
            lr_end=1e-4,
            dead_feature_window=10**9,
            logger=LoggingConfig(log_to_wandb=False),
        ),
        sae=getattr(sae_lens, f"{prefix}TrainingSAE")(config),
        data_provider=iter([batch]),
    )
    return lambda: trainer.step(batch)


def _shuffled(store: Any, batch: int) -> Any:
    return islice(_reader(store, batch), ROWS // batch)


def _sequential(store: Any, batch: int) -> Any:
    """The same rows in the order of the files."""
    import torch  # noqa: PLC0415

    buffer = np.empty((SHARD, store.info.width), np.float16)
    for index in range(len(store.shards)):
        store.read_tokens(index, buffer)
        shard = torch.from_numpy(buffer)
        for start in range(0, SHARD, batch):
            yield shard[start : start + batch].float()


def _drain(batches: Any) -> int:
    return sum(len(batch) for batch in batches)


if __name__ == "__main__":
    sys.exit(main())
