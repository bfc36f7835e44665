# SPDX-License-Identifier: Apache-2.0
"""Where a training stands, in one safetensors file that is replaced in one step.

Resumed, a training gives the same SAE bit for bit: parameters, Adam's moments, the idle counters
and the reader's position are all that its next step depends on; no global random state is used.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import safetensors
import safetensors.torch

from pam_ros.sae.arch.names import OLD_NAMES
from pam_ros.sae.errors import SaeError
from pam_ros.sae.store.manifest import first_line, replace_file
from pam_ros.sae.store.shuffle import Position

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from torch import Tensor

    from pam_ros.sae.train.training_model import TrainingSAE

_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


def save_checkpoint(
    path: Path,
    model: TrainingSAE,
    optimizer: torch.optim.Optimizer,
    step: int,
    position: Position,
    identity: str,
) -> None:
    """Write the state after `step` steps.

    identity: settings and data, as text; resuming asks for the same.

    Raises:
        SaeError: it cannot be written; an older checkpoint stays.
    """
    tensors: dict[str, Tensor] = {
        f"model.{name}": tensor.detach().cpu().contiguous()
        for name, tensor in model.state_dict().items()
    }
    for name, parameter in model.named_parameters():
        state = optimizer.state.get(parameter, {})
        for moment in _MOMENTS:
            if moment in state:
                tensors[f"adam.{moment}.{name}"] = state[moment].detach().cpu().contiguous()
    about = {"step": step, "position": asdict(position), "identity": identity}
    replace_file(path, safetensors.torch.save(tensors, {"pam_ros": json.dumps(about)}))


def load_checkpoint(
    path: Path, model: TrainingSAE, optimizer: torch.optim.Optimizer, identity: str
) -> tuple[int, Position]:
    """Bring model and optimizer to where the checkpoint stands: steps done, the reader's position.

    Raises:
        SaeError: the file is damaged, or of a training with other settings or data.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            about: dict[str, Any] = json.loads((file.metadata() or {})["pam_ros"])
            same = _of_today(about["identity"]) == identity
            step = int(about["step"])
            position = Position(**{name: int(n) for name, n in about["position"].items()})
            wanted = {f"model.{name}": t.shape for name, t in model.state_dict().items()}
            names = set(file.keys())
            tensors = {}
            if same:
                for name, shape in wanted.items():
                    if tuple(file.get_slice(name).get_shape()) != tuple(shape):
                        raise ValueError(f"{name} has another shape")  # noqa: TRY301
                tensors = {name: file.get_tensor(name) for name in names}
    except (safetensors.SafetensorError, OSError, ValueError, LookupError, TypeError) as error:
        raise SaeError(f"{path} is damaged: {first_line(error)}; delete it to start anew") from None
    if not same:
        raise SaeError(
            f"{path} is of a training with other settings or tokens: delete it to start anew"
        )
    model.load_state_dict({name: tensors[f"model.{name}"] for name in model.state_dict()})
    for name, parameter in model.named_parameters():
        state = {m: tensors.get(f"adam.{m}.{name}") for m in _MOMENTS}
        if all(tensor is not None for tensor in state.values()):
            # Adam's step counter is on the CPU, but for the fused kernels.
            fused = bool(optimizer.defaults.get("fused"))
            optimizer.state[parameter] = {
                moment: tensor.to(parameter.device) if moment != "step" or fused else tensor.clone()
                for moment, tensor in state.items()
                if tensor is not None
            }
    return step, position


def _of_today(identity: str) -> str:
    """An identity in which an earlier version wrote an architecture's old name."""
    for old, name in OLD_NAMES.items():
        identity = identity.replace(f'"architecture": "{old}"', f'"architecture": "{name}"')
    return identity
