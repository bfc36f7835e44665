# SPDX-License-Identifier: Apache-2.0
"""A training's numbers: to logging always, to TensorBoard and wandb where asked for."""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

from pam_ros.sae.errors import SaeError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_LOG = logging.getLogger(__name__)


class MetricsLog:
    """Where the numbers go.

    Args:
        tensorboard: folder for TensorBoard's files; None for none.
        wandb_project: of Weights & Biases; None for none.
        config: the training's settings, shown there.

    Raises:
        SaeError: a package that was asked for is missing.
    """

    def __init__(
        self,
        tensorboard: Path | None = None,
        wandb_project: str | None = None,
        config: Mapping[str, Any] | None = None,
    ) -> None:
        self._writer: Any = None
        self._run: Any = None
        if tensorboard is not None:
            self._writer = _need("torch.utils.tensorboard", "tensorboard").SummaryWriter(
                str(tensorboard)
            )
        if wandb_project is not None:
            self._run = _need("wandb", "wandb").init(
                project=wandb_project, config=dict(config or {})
            )

    def write(self, step: int, tokens: int, metrics: Mapping[str, float]) -> None:
        """Report the metrics after `step` steps and `tokens` tokens."""
        line = ", ".join(f"{name} {value:.4g}" for name, value in metrics.items())
        _LOG.info("step %d, %d tokens: %s", step, tokens, line)
        if self._writer is not None:
            for name, value in metrics.items():
                self._writer.add_scalar(name, value, tokens)
        if self._run is not None:
            self._run.log({**metrics, "tokens": tokens}, step=step)

    def close(self) -> None:
        """Write out what is waiting."""
        if self._writer is not None:
            self._writer.close()
        if self._run is not None:
            self._run.finish()


def _need(module: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise SaeError(f"{package} is not installed: pip install {package}") from error
