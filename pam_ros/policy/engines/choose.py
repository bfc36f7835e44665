# SPDX-License-Identifier: Apache-2.0
"""Which engine computes a policy's forward pass, and whether it agrees with lerobot's own."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from pam_ros.policy.act.graph import ActGraph
from pam_ros.policy.act.hooks import HookedForward
from pam_ros.policy.act.kernels import PlainKernels
from pam_ros.policy.act.onednn import OneDnnKernels, usable
from pam_ros.policy.act.passes import Prepared
from pam_ros.policy.act.supported import why_unsupported
from pam_ros.policy.engines.compiled import CompiledEngine
from pam_ros.policy.engines.cuda_graph import CudaGraphEngine
from pam_ros.policy.engines.eager import EagerForward
from pam_ros.policy.engines.openvino import OpenVinoEngine
from pam_ros.policy.full_float32 import full_float32
from pam_ros.policy.interface import EngineReport, PolicyError

if TYPE_CHECKING:
    from torch import nn

    from pam_ros.policy.act.passes import Engine, Forward, Pass
    from pam_ros.policy.act.spec import ActSpec

logger = logging.getLogger(__name__)

# Largest difference that a float32 pass may have from lerobot's at load: of actions and tokens
# relative to the largest, of weights as they are; float32 gives about 1e-6.
SELF_CHECK_TOLERANCE = 1e-4
# And an engine from the eager pass. bfloat16 has 8 bits: the bound finds what is broken, not what
# is coarse.
TOLERANCES = {"float32": SELF_CHECK_TOLERANCE, "bfloat16": 0.5}
# Fields of the configuration that say what is done with a chunk, not how it is computed.
_EXECUTION = frozenset({"n_action_steps", "temporal_ensemble_coeff"})
_TORCH_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


class Passes(NamedTuple):
    """forward: float32, any batch. engine: for one observation. report: about the engine."""

    forward: Forward
    engine: Engine
    report: EngineReport


def make_passes(model: nn.Module, spec: ActSpec, engine: str, dtype: str) -> Passes:
    """The written-out pass where it covers the model and agrees with lerobot's, else lerobot's.

    Raises:
        PolicyError: the engine asked for cannot be used here.
    """
    hooked = HookedForward(model)
    reason = ""
    for prepacked in (True, False):
        try:
            reason = why_unsupported(model) or ""
            if reason:
                break
            workshop = _Workshop(model, spec, prepacked=prepacked)
            forward = EagerForward(workshop.exact)
            difference = _difference(forward, hooked, spec)
        except Exception as error:  # noqa: BLE001  (whatever a module that is not ACT's leads to)
            reason = f"the written-out pass fails: {type(error).__name__}: {error}"
        else:
            if difference <= SELF_CHECK_TOLERANCE:
                return _choose(workshop, forward, engine, dtype)
            reason = f"the written-out pass differs from lerobot's by {difference:.1e}"
            if not workshop.prepacked:
                break
        logger.debug("%s: %s", spec.name, reason)
    logger.warning("%s: lerobot's own forward pass is used, with hooks: %s", spec.name, reason)
    report = EngineReport("hooks", "float32", 0.0, f"lerobot's own forward pass, since {reason}")
    return Passes(hooked, hooked, report)


class _Workshop:
    """Makes graphs and engines of one model."""

    def __init__(self, model: nn.Module, spec: ActSpec, *, prepacked: bool = True) -> None:
        self._model = model
        self.spec = spec
        self.device = torch.device(spec.device).type
        self.prepacked = prepacked and self.device == "cpu" and usable(torch.float32)
        self._sizes = [(camera.rows, camera.cols) for camera in spec.layout.cameras]
        # In float32: the engine of batches and edits, and what shows the encoder's attention.
        self.exact = self._fast("float32")

    def engine(self, name: str, dtype: str) -> Engine:
        """The engine, ready to run."""
        example = noise_inputs(self.spec)
        if name == "eager":
            return EagerForward(self.exact if dtype == "float32" else self._fast(dtype))
        if name == "compile":
            return CompiledEngine(self._plain(dtype), self.exact, example, dtype)
        if name == "openvino":
            if self.device != "cpu":
                message = f"engine 'openvino' needs device cpu, not {self.spec.device}"
                raise PolicyError(message)
            return OpenVinoEngine(
                lambda: self._plain("float32"), self.exact, example, dtype, self._identity()
            )
        if self.device != "cuda":
            message = f"engine 'cuda_graph' needs a CUDA device, not {self.spec.device}"
            raise PolicyError(message)
        return CudaGraphEngine(self._plain(dtype), self.exact, example, self.spec.device, dtype)

    def _identity(self) -> dict[str, Any]:
        """All that the pass depends on, for a cache."""
        config: Any = self._model.config
        fields = {k: v for k, v in vars(config).items() if k not in _EXECUTION}
        return {"sha256": self.spec.sha256, "config": fields, "layout": repr(self.spec.layout)}

    def _fast(self, dtype: str) -> ActGraph:
        """What runs fastest as it stands."""
        if not self.prepacked or not usable(_TORCH_DTYPES[dtype]):
            return self._plain(dtype)
        return ActGraph(self._model, self._sizes, OneDnnKernels(_TORCH_DTYPES[dtype]))

    def _plain(self, dtype: str) -> ActGraph:
        """What compilers understand."""
        return ActGraph(self._model, self._sizes, PlainKernels(_TORCH_DTYPES[dtype]))


def _choose(workshop: _Workshop, forward: Forward, engine: str, dtype: str) -> Passes:
    name, reason = engine, "asked for"
    if engine == "auto":
        name, reason = _pick(workshop.device)
    start = time.perf_counter()
    try:
        chosen, running = _ready(workshop, forward, name, dtype)
    except PolicyError as error:
        if engine != "auto" or name == "eager":
            raise
        logger.warning("%s: the eager engine is used: %s", workshop.spec.name, error)
        name, reason = "eager", f"auto's choice could not be used: {error}"
        chosen, running = _ready(workshop, forward, name, dtype)
    if running != dtype:
        reason += f"; in {running}, since this computer has no {dtype} for {name}"
    warm_up = 0.0 if chosen is forward else time.perf_counter() - start
    report = EngineReport(name, running, warm_up, reason, _faster(name, running))
    logger.info(
        "%s: engine %s in %s (%s), %.1f s to warm up",
        workshop.spec.name,
        *(report.name, report.dtype, report.reason, report.warmup_seconds),
    )
    return Passes(forward, chosen, report)


def _faster(name: str, dtype: str) -> tuple[str, ...]:
    if name != "openvino":
        return ("openvino",)
    return ("bfloat16",) if dtype == "float32" else ()


def _ready(workshop: _Workshop, forward: Forward, name: str, dtype: str) -> tuple[Engine, str]:
    """An engine that agrees with the eager pass, and the dtype that it really runs in."""
    if (name, dtype) == ("eager", "float32"):
        return forward, dtype
    chosen = workshop.engine(name, dtype)
    try:
        return chosen, _check_agreement(chosen, forward, workshop.spec, name, dtype)
    except PolicyError as error:
        if not (isinstance(chosen, OpenVinoEngine) and chosen.from_cache):
            raise
        logger.warning("%s: compiled anew, since the cached %s", workshop.spec.name, error)
        chosen.discard()
    chosen = workshop.engine(name, dtype)
    return chosen, _check_agreement(chosen, forward, workshop.spec, name, dtype)


def _check_agreement(chosen: Engine, forward: Forward, spec: ActSpec, name: str, dtype: str) -> str:
    """The dtype that the engine runs in; PolicyError where its pass is another one."""
    running = chosen.dtype if isinstance(chosen, OpenVinoEngine) else dtype
    try:
        difference = _difference(chosen, forward, spec)
    except Exception as error:
        message = f"engine {name!r} in {running} fails: {' '.join(str(error).split())}"
        raise PolicyError(message) from error
    if not difference <= TOLERANCES[running]:  # NaN is no agreement either
        message = f"engine {name!r} in {running} differs from the eager pass by {difference:.1e}"
        raise PolicyError(message)
    return running


def _pick(device: str) -> tuple[str, str]:
    """What "auto" stands for, and why."""
    if device == "cuda":
        return "cuda_graph", "auto: the device is CUDA"
    if device == "cpu":
        return "eager", "auto: on the cpu eager is ready at once; openvino, if installed, is faster"
    return "eager", f"auto: the device is {device}, and eager runs on any"


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


def _difference(ours: Engine, reference: Engine, spec: ActSpec) -> float:
    """Of two passes on noise, in all that they give; NaN where something is.

    Actions and tokens count relative to the largest of their kind, weights as they are.

    In full float32: TF32, which is on by default on newer GPUs, would differ by its own rounding.
    On two observations, neither of them the one that engines are made with.

    Raises:
        PolicyError: results of other shapes, or the same results whatever the observation.
    """
    layers = range(spec.encoder_layers)
    with full_float32():
        pairs = [
            (ours(inputs, layers), reference(inputs, layers))
            for inputs in (noise_inputs(spec, 1), noise_inputs(spec, 2))
        ]
    differences = []
    for mine, expected in pairs:
        (relative, weights), (right_relative, right_weights) = _parts(mine), _parts(expected)
        shapes = [tuple(tensor.shape) for tensor in (*relative, *weights)]
        right = [tuple(tensor.shape) for tensor in (*right_relative, *right_weights)]
        if shapes != right:
            message = f"its results have the shapes {shapes}: they must have {right}"
            raise PolicyError(message)
        for found, known in zip(relative, right_relative, strict=True):
            differences.append((found - known).abs().max() / (known.abs().max() + 1e-9))
        for found, known in zip(weights, right_weights, strict=True):
            differences.append((found - known).abs().max())
    (first, first_right), (second, second_right) = pairs
    if _same(first, second) and not _same(first_right, second_right):
        message = "it gives the same results whatever the observation"
        raise PolicyError(message)
    return float(torch.stack(differences).max())  # NaN if one of them is


def _parts(result: Pass) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Chunk and tokens, and all weights."""
    shown = result.encoder_attention
    return [result.chunk, *result.places], [result.attention, *(shown[k] for k in sorted(shown))]


def _same(one: Pass, other: Pass) -> bool:
    return torch.equal(one.chunk, other.chunk) and torch.equal(one.attention, other.attention)
