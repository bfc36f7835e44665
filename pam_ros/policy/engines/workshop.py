# SPDX-License-Identifier: Apache-2.0
"""What engines are made of: one model's written-out pass, and inputs of the only shapes it has."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch

from pam_ros.policy.act.graph import ActGraph
from pam_ros.policy.act.kernels import PlainKernels
from pam_ros.policy.act.onednn import OneDnnKernels, usable
from pam_ros.policy.act.passes import Prepared
from pam_ros.policy.engines.names import ENGINES
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from pam_ros.policy.act.passes import Engine
    from pam_ros.policy.act.spec import ActSpec

# Fields of the configuration that say what is done with a chunk, not how it is computed.
_EXECUTION = frozenset({"n_action_steps", "temporal_ensemble_coeff"})
_TORCH_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@runtime_checkable
class OwnDtype(Protocol):
    """An engine that decides itself in which precision it runs.

    dtype: of DTYPES: what really runs, which need not be what was asked for.
    """

    dtype: str


@runtime_checkable
class OwnChecks(Protocol):
    """An engine that comes with observations on which it is compared with the eager pass.

    checks: those; none where noise does.
    """

    checks: tuple[Prepared, ...]


@runtime_checkable
class Cached(Protocol):
    """An engine that may come out of a cache, and then may be wrong in it.

    from_cache: whether it did.
    """

    from_cache: bool

    def discard(self) -> None:
        """Take it out of the cache, so that the next one is made anew."""
        ...


class EngineFactory:
    """What the makers of engines work with.

    Args:
        model: lerobot's ACT module.
        spec: the policy's.
        prepacked: whether operations may be packed for oneDNN, where this computer has it.

    Attributes:
        spec: the policy's.
        device: the kind of torch device, such as "cuda".
        prepacked: whether operations are packed.
        exact: the pass in float32: the engine of batches and edits, and what shows the encoder's
            attention.
    """

    def __init__(self, model: nn.Module, spec: ActSpec, *, prepacked: bool = True) -> None:
        self._model = model
        self.spec = spec
        self.device = torch.device(spec.device).type
        self.prepacked = prepacked and self.device == "cpu" and usable(torch.float32)
        self._sizes = [(camera.rows, camera.cols) for camera in spec.layout.cameras]
        self.exact = self.fast("float32")

    def engine(self, name: str, dtype: str) -> Engine:
        """The engine of a name, ready to run.

        Raises:
            PolicyError: it does not run on this device, or its maker says why not.
        """
        entry = ENGINES[name]
        if entry.device not in {"", self.device}:
            message = f"engine {name!r} needs {entry.needs}, not {self.spec.device}"
            raise PolicyError(message)
        if dtype not in entry.dtypes:
            able = ", ".join(e.name for e in ENGINES.values() if dtype in e.dtypes)
            message = f"engine {name!r} does not compute in {dtype}: set engine: auto, or {able}"
            raise PolicyError(message)
        file, _, function = entry.make.partition(":")
        module = importlib.import_module(f"pam_ros.policy.engines.{file}")
        make: Callable[[EngineFactory, str], Engine] = getattr(module, function)
        return make(self, dtype)

    def example(self) -> Prepared:
        """Inputs of the only shapes that an engine will see."""
        return noise_inputs(self.spec)

    def identity(self) -> dict[str, Any]:
        """All that the pass depends on, for a cache."""
        return identity_of(self._model, self.spec)

    def fast(self, dtype: str) -> ActGraph:
        """What runs fastest as it stands."""
        if not self.prepacked or not usable(_TORCH_DTYPES[dtype]):
            return self.plain(dtype)
        return ActGraph(self._model, self._sizes, OneDnnKernels(_TORCH_DTYPES[dtype]))

    def plain(self, dtype: str) -> ActGraph:
        """What compilers understand."""
        return ActGraph(self._model, self._sizes, PlainKernels(_TORCH_DTYPES[dtype]))


def identity_of(model: Any, spec: ActSpec) -> dict[str, Any]:
    """All that the pass of a lerobot ACT module depends on, for a cache."""
    fields = {k: v for k, v in vars(model.config).items() if k not in _EXECUTION}
    return {"sha256": spec.sha256, "config": fields, "layout": repr(spec.layout)}


def noise_inputs(spec: ActSpec, seed: int = 0) -> Prepared:
    """One observation of normal noise; images channels last in memory, as prepared ones."""
    noise = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=noise).to(spec.device)

    return Prepared(
        tuple(draw(1, c.height, c.width, 3).permute(0, 3, 1, 2) for c in spec.cameras),
        draw(1, spec.state_dim) if spec.state_feature else None,
        draw(1, spec.environment_dim) if spec.environment_feature else None,
    )
