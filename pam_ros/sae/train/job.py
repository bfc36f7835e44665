# SPDX-License-Identifier: Apache-2.0
"""`pam_ros sae train`.

Several processes: `torchrun --nproc-per-node N -m pam_ros.cli sae train ...`, or accelerate launch.
"""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.sae.arch.names import ARCHITECTURES, name_of
from pam_ros.sae.policy_options import add_threads_option, set_threads
from pam_ros.sae.train.settings import TrainingSettings
from pam_ros.share.commands import Parser

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pam_ros.sae.store.token_store import TokenStore

_HELP = {
    "k": "active features per token, of topk and batchtopk",
    "l1_coefficient": "of standard",
    "l0_coefficient": "of jumprelu",
    "tokens": "to train on, counting each as often as it is read",
    "batch": "tokens per step, over all processes",
    "learning_rate": "of Adam, on its plateau",
    "warm_up": "part of the steps in which the learning rate rises",
    "decay": "part of the steps, the last, in which it falls to 0",
    "sparsity_warm_up": "part of the steps in which the l1 or l0 coefficient rises",
    "clip": "largest norm of the gradient",
    "aux_coefficient": "of the loss that revives dead features; 0 for none",
    "aux_k": "dead features at work in it, per token; 0: half the tokens' width",
    "dead_after": "tokens after which a silent feature is dead",
    "bias": "where the decoder's bias begins: median (geometric) or mean",
    "directions": "of the first features: tokens or random",
    "seed": "of initialisation and order",
    "pool_bytes": "memory for shuffling",
}


def run(argv: Sequence[str]) -> None:
    """Parse and train."""
    parser = _parser()
    options = parser.parse_args(argv)

    from tqdm import tqdm  # type: ignore[import-untyped]  # noqa: PLC0415

    from pam_ros.sae.store.token_store import TokenStore  # noqa: PLC0415
    from pam_ros.sae.train.metrics_log import MetricsLog  # noqa: PLC0415  (torch)
    from pam_ros.sae.train.trainer import train  # noqa: PLC0415

    set_threads(options)
    stores = [TokenStore(folder) for folder in options.data]
    settings = _settings(options, stores)
    first = os.environ.get("RANK", "0") == "0"
    log = (
        MetricsLog(options.tensorboard, options.wandb, asdict(settings)) if first else MetricsLog()
    )
    try:
        with tqdm(
            total=settings.steps * settings.batch, unit=" tokens", disable=None if first else True
        ) as bar:
            sae = train(
                stores,
                settings,
                options.out,
                device=options.device,
                log=log,
                log_every=options.log_every,
                progress=lambda step: bar.update(step * settings.batch - bar.n),
            )
    finally:
        log.close()
    if sae is not None:
        sys.stdout.write(f"{options.out}: {sae.cfg.trained_as} SAE, SHA-256 {sae.sha256}\n")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="pam_ros sae train",
        description="Train an SAE; the same command again goes on from its last checkpoint.",
    )
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="stores of tokens")
    parser.add_argument("--out", type=Path, required=True, help="folder of the SAE")
    parser.add_argument(
        "--architecture", type=name_of, choices=tuple(ARCHITECTURES), default="topk"
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--features", type=int, help="of the dictionary")
    size.add_argument("--expansion", type=float, default=8.0, help="features per token dimension")
    parser.add_argument("--sampler", help="refuse stores of another sampler")
    for field in fields(TrainingSettings):
        if field.name in _HELP:
            parser.add_argument(
                "--" + field.name.replace("_", "-"),
                type=type(field.default),
                default=field.default,
                help=f"{_HELP[field.name]}; default: {field.default}",
            )
    parser.add_argument("--bfloat16", action="store_true", help="products in bfloat16")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, ...")
    add_threads_option(parser)
    parser.add_argument("--log-every", type=int, default=100, help="steps")
    parser.add_argument("--tensorboard", type=Path, help="folder for TensorBoard")
    parser.add_argument("--wandb", help="project of Weights & Biases")
    return parser


def _settings(options: argparse.Namespace, stores: Sequence[TokenStore]) -> TrainingSettings:
    from pam_ros.sae.errors import SaeError  # noqa: PLC0415
    from pam_ros.sae.store.tokens import parse_sampler  # noqa: PLC0415

    for store in stores:
        if options.sampler and str(parse_sampler(options.sampler)) != store.info.sampler:
            raise SaeError(f"{store.folder} was sampled by {store.info.sampler}: collect anew")
    given = {name: getattr(options, name) for name in _HELP}
    features = options.features or round(options.expansion * stores[0].info.width)
    return TrainingSettings(
        architecture=options.architecture, d_sae=features, bfloat16=options.bfloat16, **given
    )
