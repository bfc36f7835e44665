# SPDX-License-Identifier: Apache-2.0
"""The classes that names.py names. Each is imported when it is asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from pam_ros.sae.arch.names import ARCHITECTURES

if TYPE_CHECKING:
    from pam_ros.sae.arch.model import SAE
    from pam_ros.sae.train.training_model import TrainingSAE


def training_class(architecture: str) -> type[TrainingSAE]:
    """What is trained, of one of ARCHITECTURES."""
    found: type[TrainingSAE] = _class(ARCHITECTURES[architecture].training)
    return found


def finished_classes() -> dict[str, type[SAE]]:
    """What a cfg.json may say as its architecture, and the class that computes it."""
    classes: list[type[SAE]] = [_class(entry.finished) for entry in ARCHITECTURES.values()]
    return {each.architecture: each for each in classes}


def _class(where: str) -> type:
    module, _, name = where.partition(":")
    found: type = getattr(importlib.import_module(f"pam_ros.sae.arch.{module}"), name)
    return found
