# SPDX-License-Identifier: Apache-2.0
"""Which engine computes a policy's forward pass, and whether it agrees with lerobot's own."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, NamedTuple

import torch

from pam_ros.policy.act.hooks import HookedForward
from pam_ros.policy.act.supported import why_unsupported
from pam_ros.policy.engines.eager import EagerForward
from pam_ros.policy.engines.names import (
    CHUNK_LIMIT,
    EAGER,
    FLOATS,
    INT8,
    auto_choice,
    faster_than,
)
from pam_ros.policy.engines.workshop import (
    Cached,
    EngineFactory,
    OwnChecks,
    OwnDtype,
    noise_inputs,
)
from pam_ros.policy.full_float32 import full_float32
from pam_ros.policy.interface import EngineReport, PolicyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from pam_ros.policy.act.passes import Engine, Forward, Pass, Prepared
    from pam_ros.policy.act.spec import ActSpec

logger = logging.getLogger(__name__)

# Largest difference that a float32 pass may have from lerobot's at load: of actions and tokens
# relative to the largest, of weights as they are; float32 gives about 1e-6.
SELF_CHECK_TOLERANCE = 1e-4
# And an engine from the eager pass. bfloat16 and int8 have 8 bits: the bound finds what is broken,
# not what is coarse. What is too coarse is a matter of its actions: CHUNK_LIMIT.
TOLERANCES = {"float32": SELF_CHECK_TOLERANCE, "bfloat16": 0.5, INT8: 1.0}


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
            workshop = EngineFactory(model, spec, prepacked=prepacked)
            forward = EagerForward(workshop.exact)
            difference = _difference(_passes(forward, hooked, spec, _noise(spec)))
        except Exception as error:  # noqa: BLE001  (whatever a module that is not ACT's leads to)
            reason = f"the written-out pass fails: {type(error).__name__}: {error}"
        else:
            if difference <= SELF_CHECK_TOLERANCE:
                return _choose(workshop, forward, engine, dtype)
            reason = f"the written-out pass differs from lerobot's by {difference:.1e}"
            if not workshop.prepacked:
                break
        logger.debug("%s: %s", spec.name, reason)
    if dtype not in FLOATS:
        message = f"{spec.name} cannot run in {dtype}: {reason}"
        raise PolicyError(message)
    logger.warning("%s: lerobot's own forward pass is used, with hooks: %s", spec.name, reason)
    report = EngineReport("hooks", "float32", 0.0, f"lerobot's own forward pass, since {reason}")
    return Passes(hooked, hooked, report)


def _choose(workshop: EngineFactory, forward: Forward, engine: str, dtype: str) -> Passes:
    name, reason = engine, "asked for"
    if engine == "auto":
        name, reason = auto_choice(workshop.device, dtype)
    start = time.perf_counter()
    try:
        chosen, running = _ready(workshop, forward, name, dtype)
    except PolicyError as error:
        # Whoever asks for int8 is told why it cannot be had, and gets no slower policy instead.
        if engine != "auto" or name == EAGER or dtype not in FLOATS:
            raise
        logger.warning("%s: the eager engine is used: %s", workshop.spec.name, error)
        name, reason = EAGER, f"auto's choice could not be used: {error}"
        chosen, running = _ready(workshop, forward, name, dtype)
    if running != dtype:
        reason += f"; in {running}, since this computer has no {dtype} for {name}"
    warm_up = 0.0 if chosen is forward else time.perf_counter() - start
    report = EngineReport(name, running, warm_up, reason, faster_than(name, running))
    logger.info(
        "%s: engine %s in %s (%s), %.1f s to warm up",
        workshop.spec.name,
        *(report.name, report.dtype, report.reason, report.warmup_seconds),
    )
    return Passes(forward, chosen, report)


def _ready(workshop: EngineFactory, forward: Forward, name: str, dtype: str) -> tuple[Engine, str]:
    """An engine that agrees with the eager pass, and the dtype that it really runs in."""
    if (name, dtype) == (EAGER, "float32"):
        return forward, dtype
    chosen = workshop.engine(name, dtype)
    try:
        return chosen, _check_agreement(chosen, forward, workshop.spec, name, dtype)
    except PolicyError as error:
        if not (isinstance(chosen, Cached) and chosen.from_cache):
            raise
        logger.warning("%s: compiled anew, since the cached %s", workshop.spec.name, error)
        chosen.discard()
    chosen = workshop.engine(name, dtype)
    return chosen, _check_agreement(chosen, forward, workshop.spec, name, dtype)


def _check_agreement(chosen: Engine, forward: Forward, spec: ActSpec, name: str, dtype: str) -> str:
    """The dtype that the engine runs in; PolicyError where its pass is another one."""
    running = chosen.dtype if isinstance(chosen, OwnDtype) else dtype
    inputs = chosen.checks if isinstance(chosen, OwnChecks) else ()
    try:
        pairs = _passes(chosen, forward, spec, inputs or _noise(spec))
        difference = _difference(pairs)
    except Exception as error:
        message = f"engine {name!r} in {running} fails: {' '.join(str(error).split())}"
        raise PolicyError(message) from error
    if not difference <= TOLERANCES[running]:  # NaN is no agreement either
        message = f"engine {name!r} in {running} differs from the eager pass by {difference:.1e}"
        raise PolicyError(message)
    chunk = max(float((ours.chunk - exact.chunk).abs().max()) for ours, exact in pairs)
    if inputs and chunk > CHUNK_LIMIT:
        message = (
            f"engine {name!r} in {running} is off by {chunk:.2g} in its actions (normalised units; "
            f"at most {CHUNK_LIMIT:g}): set another dtype"
        )
        raise PolicyError(message)
    return running


def _passes(
    ours: Engine, reference: Engine, spec: ActSpec, inputs: Sequence[Prepared]
) -> list[tuple[Pass, Pass]]:
    """Two engines' passes on the same observations, none of them that which engines are made with.

    In full float32: TF32, which is on by default on newer GPUs, would differ by its own rounding.
    """
    layers = range(spec.encoder_layers)
    with full_float32():
        return [(ours(one, layers), reference(one, layers)) for one in inputs]


def _difference(pairs: Sequence[tuple[Pass, Pass]]) -> float:
    """Of two engines' passes on some observations, in all that they give; NaN where something is.

    Actions and tokens count relative to the largest of their kind, weights as they are.

    Raises:
        PolicyError: results of other shapes, or the same results whatever the observation.
    """
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
    (first, first_right), (second, second_right) = pairs[0], pairs[-1]
    if _same(first, second) and not _same(first_right, second_right):
        message = "it gives the same results whatever the observation"
        raise PolicyError(message)
    return float(torch.stack(differences).max())  # NaN if one of them is


def _noise(spec: ActSpec) -> tuple[Prepared, Prepared]:
    return noise_inputs(spec, 1), noise_inputs(spec, 2)


def _parts(result: Pass) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Chunk and tokens, and all weights."""
    shown = result.encoder_attention
    return [result.chunk, *result.places], [result.attention, *(shown[k] for k in sorted(shown))]


def _same(one: Pass, other: Pass) -> bool:
    return torch.equal(one.chunk, other.chunk) and torch.equal(one.attention, other.attention)
