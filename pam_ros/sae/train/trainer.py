# SPDX-License-Identifier: Apache-2.0
"""Trains one sparse autoencoder on collected tokens."""

from __future__ import annotations

import json
import logging
import math
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

import torch

from pam_ros.sae.arch.classes import training_class
from pam_ros.sae.disk import save_sae
from pam_ros.sae.errors import SaeError
from pam_ros.sae.provenance import Provenance, pam_ros_version
from pam_ros.sae.store.shuffle import ShuffledTokens, check_same_kind
from pam_ros.sae.store.stats import stores_stats
from pam_ros.sae.train.checkpoint import load_checkpoint, save_checkpoint
from pam_ros.sae.train.metrics_log import MetricsLog
from pam_ros.sae.train.parallel import Ranks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from pam_ros.sae.arch.model import SAE
    from pam_ros.sae.store.token_store import TokenStore
    from pam_ros.sae.train.settings import TrainingSettings
    from pam_ros.sae.train.training_model import TrainingSAE

CHECKPOINT_SECONDS = 30.0
SAMPLE_ROWS = 1 << 16
"""Tokens from which scale, bias and first directions come."""

_LOG = logging.getLogger(__name__)


def train(
    stores: Sequence[TokenStore],
    settings: TrainingSettings,
    out: Path,
    *,
    device: str = "auto",
    log: MetricsLog | None = None,
    log_every: int = 100,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    progress: Callable[[int], object] | None = None,
) -> SAE | None:
    """Train an SAE and save it to `out`; goes on from the checkpoint beside it where there is one.

    Args:
        stores: of one policy and layer.
        settings: of the training.
        out: folder of the SAE; its checkpoint is OUT.checkpoint.safetensors until it is done.
        device: "auto", "cpu", "cuda", ...
        log: where the metrics go, by default to logging.
        log_every: steps between two reports.
        checkpoint_seconds: between two checkpoints.
        progress: called after every step with the steps done.

    Returns:
        The SAE; None in all but the first of several processes.

    Raises:
        SaeError: the stores, settings or folder cannot be used, or the loss is not finite.
    """
    check_same_kind(stores)
    ranks = Ranks(device)
    try:
        _check(settings, out, ranks)
        stats = stores_stats(stores) if ranks.first else None
        report = _Report(settings, log or MetricsLog(), log_every if ranks.first else 0)
        model = _run(stores, settings, out, ranks, report, checkpoint_seconds, progress)
        if stats is None:
            ranks.meet()
            return None
        sae = model.cpu().finished().eval()
        sae.stats = stats
        save_sae(sae, out, _provenance(stores))
        _checkpoint(out).unlink(missing_ok=True)
        ranks.meet()
        return sae
    finally:
        ranks.close()


def _run(
    stores: Sequence[TokenStore],
    settings: TrainingSettings,
    out: Path,
    ranks: Ranks,
    report: _Report,
    checkpoint_seconds: float,
    progress: Callable[[int], object] | None,
) -> TrainingSAE:
    """All steps, or those that a checkpoint leaves."""
    reader = ShuffledTokens(stores, settings.batch, settings.seed, settings.pool_bytes)
    model = make_model(settings, reader).to(ranks.device)
    model.ranks = ranks.size
    parameters = list(model.parameters())
    optimizer = make_optimizer(parameters, settings)
    path, identity = _checkpoint(out), _identity(stores, settings)
    done = 0
    if path.exists():
        done, reader.position = load_checkpoint(path, model, optimizer, identity)
        _LOG.info("goes on after step %d of %d", done, settings.steps)
    report.start(done)
    saved = time.monotonic()
    batches = iter(reader)
    for step in range(done, settings.steps):
        batch = next(batches)[ranks.part(settings.batch)].to(ranks.device)
        metrics = train_step(model, optimizer, parameters, batch, step, ranks)
        report.step(step + 1, metrics)
        if progress is not None:
            progress(step + 1)
        if ranks.first and time.monotonic() - saved > checkpoint_seconds:
            # A checkpoint without it would end every later try in the same way.
            _check_loss(float(metrics["loss"]), step + 1, settings)
            save_checkpoint(path, model, optimizer, step + 1, reader.position, identity)
            saved = time.monotonic()
    return model


class _Report:
    """Every so many steps the metrics go to the log; every = 0 is never."""

    def __init__(self, settings: TrainingSettings, log: MetricsLog, every: int) -> None:
        self._settings, self._log, self._every = settings, log, every
        self.start(0)

    def start(self, done: int) -> None:
        self._done, self._since = done, time.monotonic()

    def step(self, done: int, metrics: Mapping[str, Tensor]) -> None:
        settings = self._settings
        if not self._every or (done % self._every and done != settings.steps):
            return
        numbers = {name: float(value) for name, value in metrics.items()}
        _check_loss(numbers["loss"], done, settings)
        seconds = max(time.monotonic() - self._since, 1e-9)
        numbers["learning_rate"] = settings.learning_rate_at(done - 1)
        numbers["tokens_per_second"] = (done - self._done) * settings.batch / seconds
        self._log.write(done, done * settings.batch, numbers)
        self.start(done)


def _check_loss(loss: float, done: int, settings: TrainingSettings) -> None:
    if not math.isfinite(loss):
        raise SaeError(
            f"the loss is not finite at step {done}: lower the learning rate, "
            f"{settings.learning_rate}"
        )


def train_step(
    model: TrainingSAE,
    optimizer: torch.optim.Optimizer,
    parameters: list[torch.nn.Parameter],
    batch: Tensor,
    step: int,
    ranks: Ranks,
) -> dict[str, Tensor]:
    """One step on this process's part (N, D) of a batch; the metrics, not yet on the CPU."""
    settings = model.settings
    for group in optimizer.param_groups:
        group["lr"] = settings.learning_rate_at(step)
    model.sparsity = settings.sparsity_at(step)
    optimizer.zero_grad(set_to_none=True)
    loss, metrics = model.loss(batch)
    loss.backward()  # type: ignore[no-untyped-call]
    ranks.average_gradients(parameters)
    ranks.least(model.idle)
    model.before_step()
    torch.nn.utils.clip_grad_norm_(parameters, settings.clip)
    optimizer.step()
    model.after_step()
    return metrics


def make_model(settings: TrainingSettings, reader: ShuffledTokens) -> TrainingSAE:
    """A new model: scale, bias and first directions from a sample of the tokens.

    Raises:
        SaeError: all tokens of the sample are equal.
    """
    sample = reader.sample(max(min(SAMPLE_ROWS, reader.rows), 1), settings.seed)
    mean = sample.mean(dim=0)
    centre = geometric_median(sample) if settings.bias == "median" else mean
    power = float((sample - mean).square().mean())
    if not power > 0:
        raise SaeError("all tokens are equal: there is nothing to learn")
    samples = None
    if settings.directions == "tokens":
        samples = sample[torch.arange(settings.d_sae) % len(sample)]
    model = training_class(settings.architecture)
    return model(settings, centre, power**-0.5, samples)


def make_optimizer(
    parameters: list[torch.nn.Parameter], settings: TrainingSettings
) -> torch.optim.Adam:
    """Adam, in one kernel where torch has it for the device."""
    # Gao et al.'s epsilon: the gradients of rare features are small.
    options = {"lr": settings.learning_rate, "betas": (0.9, 0.999), "eps": 6.25e-10}
    try:
        return torch.optim.Adam(parameters, fused=True, **options)  # type: ignore[arg-type]
    except RuntimeError:
        return torch.optim.Adam(parameters, **options)  # type: ignore[arg-type]


def geometric_median(points: Tensor, rounds: int = 100) -> Tensor:
    """The point (D,) with the least sum of distances to points (N, D), by Weiszfeld's iteration."""
    middle = points.mean(dim=0)
    for _ in range(rounds):
        weights = 1 / (points - middle).norm(dim=1).clamp_min(1e-8)
        new = (weights @ points) / weights.sum()
        moved = (new - middle).norm()
        middle = new
        if moved < 1e-6 * middle.norm().clamp_min(1e-12):
            break
    return middle


def _check(settings: TrainingSettings, out: Path, ranks: Ranks) -> None:
    if out.exists():
        raise SaeError(f"{out} exists already: name a new folder")
    if settings.batch % ranks.size:
        raise SaeError(f"batch {settings.batch} must be a multiple of {ranks.size} processes")
    if settings.steps < 1:
        raise SaeError(f"tokens {settings.tokens} must be at least one batch, {settings.batch}")


def _checkpoint(out: Path) -> Path:
    return out.with_name(out.name + ".checkpoint.safetensors")


def _provenance(stores: Sequence[TokenStore]) -> Provenance:
    info = stores[0].info
    dataset = "; ".join(store.info.dataset for store in stores)
    return Provenance(
        info.policy_name, info.policy_sha256, info.layer, info.sampler, dataset, pam_ros_version()
    )


def _identity(stores: Sequence[TokenStore], settings: TrainingSettings) -> str:
    about = [
        [store.info.policy_sha256, store.info.layer, store.info.sampler, store.info.dataset]
        + [shard.rows for shard in store.shards]
        for store in stores
    ]
    return json.dumps([asdict(settings), about])
