# SPDX-License-Identifier: Apache-2.0
"""What a pass of ACT gives beside what every policy's does: weights that it computes anyway."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pam_ros.policy.act.spec import DECODER, ENCODER
from pam_ros.policy.interface import BatchResult, PolicyOutput, PrecisionError, QueuedAction

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from pam_ros.attention.look import Look, WeightKey
    from pam_ros.policy.act.passes import Edit, Pass
    from pam_ros.policy.interface import ChunkMode


@dataclass(frozen=True, eq=False)
class ActOutput(PolicyOutput):
    """One pass of ACT.

    Attributes:
        attention: (layers, heads, chunk_size, tokens) float32, the decoder's cross-attention
            weights after softmax, of every layer.
        encoder_attention: {layer: (heads, tokens, tokens) float32}, the self-attention weights of
            the encoder layers that are shown; heads is 1 for their mean.
        inputs: (tokens, dim) float32, what the encoder read, where a contribution was asked for.
        normalised: (chunk_size, action_dim) float32, the chunk before it was un-normalised.
    """

    attention: NDArray[np.float32] = field(kw_only=True)
    encoder_attention: Mapping[int, NDArray[np.float32]] = field(kw_only=True)
    inputs: NDArray[np.float32] | None = field(kw_only=True, default=None)
    normalised: NDArray[np.float32] = field(kw_only=True)


@dataclass(frozen=True, eq=False)
class ActBatch(BatchResult):
    """Passes of B observations of ACT.

    Attributes:
        attention: (B, layers, heads, chunk_size, tokens), the decoder's cross-attention weights.
        encoder_attention: {layer: (B, heads, tokens, tokens)} for the layers asked for.
    """

    attention: NDArray[np.float32] = field(kw_only=True)
    encoder_attention: Mapping[int, NDArray[np.float32]] = field(kw_only=True)


def encoder_needs(looks: Iterable[Look], encoder_layers: int) -> tuple[tuple[int, ...], bool]:
    """The encoder layers whose weights looks need, and whether their mean over heads will do."""
    own = {look.layer for look in looks if look.stack == ENCODER}
    through = any(look.through == ENCODER for look in looks)
    layers = range(encoder_layers) if through else own
    return tuple(sorted(layers)), through and not own


def weights_of(
    looks: Iterable[Look],
    decoder: Mapping[int, NDArray[np.float32]],
    encoder: Mapping[int, NDArray[np.float32]],
) -> dict[WeightKey, NDArray[np.float32]]:
    """The weights that looks name, by stack, layer and denoising step, which ACT has none of.

    Args:
        looks: what is shown.
        decoder: the cross-attention weights by layer.
        encoder: the self-attention weights by layer, as far as they were kept.
    """
    kept: dict[WeightKey, NDArray[np.float32]] = {
        (DECODER, look.layer, 0): decoder[look.layer] for look in looks if look.stack == DECODER
    }
    kept.update({(ENCODER, layer, 0): weights for layer, weights in encoder.items()})
    return kept


class Asked(NamedTuple):
    """What a step wants of its pass, as it was set when the step was.

    Attributes:
        looks, encoder_layers, mean_over_heads: which weights.
        place: of the tokens.
        edit: of the tokens.
        chunk_mode: the policy's.
        inputs: whether the tokens that the encoder reads are kept too.
        step: its number.
        popped: the action that the step took from the queue.
    """

    looks: tuple[Look, ...]
    encoder_layers: tuple[int, ...]
    mean_over_heads: bool
    place: int
    edit: Edit | None
    chunk_mode: ChunkMode
    inputs: bool
    step: int
    popped: QueuedAction | None


class Run(NamedTuple):
    """A pass of one observation, its actions un-normalised; `seconds` it took."""

    normalised: NDArray[np.float32]
    chunk: NDArray[np.float32]
    attention: NDArray[np.float32]
    encoder_attention: dict[int, NDArray[np.float32]]
    tokens: NDArray[np.float32]
    inputs: NDArray[np.float32] | None
    seconds: float


def not_finite(run: Run) -> str:
    """Which of its results is not finite; empty if all are. The chunk comes from the attention."""
    if not np.isfinite(run.chunk).all():
        return "a chunk that is"
    # A sum is finite only where every weight is. They are 1 at most: float32 cannot overflow.
    if not np.isfinite(run.attention.sum()):
        return "attention that is"
    for layer, weights in run.encoder_attention.items():
        if not np.isfinite(weights.sum()):
            return f"attention of encoder layer {layer} that is"
    return ""


def difference(ours: Pass, exact: Pass) -> PrecisionError:
    """How far a pass is from the exact one."""
    pairs = [
        (ours.attention, exact.attention),
        *((weights, exact.encoder_attention[k]) for k, weights in ours.encoder_attention.items()),
    ]
    return PrecisionError(
        chunk=float((ours.chunk - exact.chunk).abs().max()),
        attention=max(float((found - known).abs().max()) for found, known in pairs),
    )


def explanation(run: Run, asked: Asked) -> ActOutput:
    """The output of a pass that moves nothing."""
    queued = asked.popped or QueuedAction(run.chunk[0], asked.step)
    return output_of(run, asked, queued, chunk_executed=False)


def output_of(run: Run, asked: Asked, queued: QueuedAction, *, chunk_executed: bool) -> ActOutput:
    """The output of a pass, with the action to execute now."""
    return ActOutput(
        action=queued.action,
        chunk=run.chunk,
        weights=weights_of(asked.looks, dict(enumerate(run.attention)), run.encoder_attention),
        attention=run.attention,
        encoder_attention=run.encoder_attention,
        tokens=run.tokens,
        inputs=run.inputs,
        normalised=run.normalised,
        chunk_mode=asked.chunk_mode,
        chunk_executed=chunk_executed,
        action_source_step=queued.source_step,
        step=asked.step,
        forward_seconds=run.seconds,
    )
