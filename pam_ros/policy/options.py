# SPDX-License-Identifier: Apache-2.0
"""What a caller of load_policy chooses, checked as far as that needs no checkpoint."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from pam_ros.policy.engines.names import CHOICES, DTYPES
from pam_ros.policy.interface import PolicyError


@dataclass(frozen=True)
class LoadOptions:
    """How a policy shall run. A loader refuses by PolicyError what its policy cannot do.

    Attributes:
        device: a torch device that is there, such as "cpu" or "cuda:0".
        n_action_steps: how much of a chunk the queue executes; None for what the checkpoint says.
        temporal_ensemble_coeff: turns temporal ensembling on; None for what the checkpoint says.
        engine: one of engines.names.CHOICES. "auto" never fails for its choice, but for a
            dtype that it lacks.
        dtype: one of DTYPES.
        seed: of a policy that draws noise; others have no use for it.
    """

    device: str
    n_action_steps: int | None = None
    temporal_ensemble_coeff: float | None = None
    engine: str = "auto"
    dtype: str = "float32"
    seed: int = 0


def check_engine(engine: str, dtype: str) -> None:
    """Raise PolicyError, with the valid names, for a name that is no engine or dtype."""
    for what, name, valid in (("engine", engine, CHOICES), ("dtype", dtype, DTYPES)):
        if name not in valid:
            message = f"{what} {name!r} must be {', '.join(valid[:-1])} or {valid[-1]}"
            raise PolicyError(message)


def usable_device(name: str) -> str:
    """The device of this name; "auto" is CUDA where there is one, else the CPU.

    Raises:
        PolicyError: torch cannot use it here.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).split("\n")[0]
        message = f"device {name!r} cannot be used here: {reason}"
        raise PolicyError(message) from error
    return str(device)
