# SPDX-License-Identifier: Apache-2.0
"""Attention weights to one map per camera.

Cross-, joint and encoder attention are raw softmax mass, and so are the keypoint maps of a spatial
softmax, which are no attention; rollout is such mass carried back through
the encoder by averaged weights, half identity (rollout.py). Either way the cells of all cameras and
the shares of the groups of other tokens sum to 1. Nothing is rescaled; scales for drawing are in
scale.py.
"""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, SupportsIndex

import numpy as np

from pam_ros.attention.errors import AttentionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pam_ros.attention.layout import CameraTokens, GroupKind, TokenLayout

CROSS_ATTENTION = "cross_attention"
JOINT_ATTENTION = "joint_attention"
ENCODER_ATTENTION = "encoder_attention"
ROLLOUT = "rollout"
SPATIAL_SOFTMAX = "spatial_softmax"
NO_STEP, MEAN_OF_STEPS = -1, -2
"""In place of a denoising step, as in AttentionMap.msg."""


@dataclass(frozen=True, eq=False, repr=False)
class CameraMap:
    """One camera's mass on its feature grid.

    `cells` is (rows, cols) float32, `share` their sum, `peak` the (row, col) of the largest cell.
    Cell (row, col) looks at pixel (x0 + col * dx, y0 + row * dy) of the image that the policy
    reads. `signed` is (rows, cols) float32: of an attribution that has a sign, the part of the
    target's change that falls on each cell, in the target's unit; else None. `contribution` is what
    the camera did, in the same unit: of integrated gradients the sum of `signed`, of contributions
    a part that is computed without them, and on some ticks alone; else NaN. `part_share` is its
    share of the absolute parts of cameras and groups, of contributions alone; else NaN.
    """

    feature: str
    cells: NDArray[np.float32]
    share: float
    peak: tuple[int, int]
    x0: float
    y0: float
    dx: float
    dy: float
    signed: NDArray[np.float32] | None = None
    contribution: float = math.nan
    part_share: float = math.nan

    def __repr__(self) -> str:
        rows, cols = self.cells.shape
        return f"<{self.feature}: {rows} x {cols} cells, {self.share:.0%}>"


@dataclass(frozen=True, eq=False)
class GroupMass:
    """The mass on one group of tokens that is no image, or what an attribution gives it.

    Attributes:
        kind: as in TokenGroup.
        share: the sum; NaN for an attribution.
        mass: (tokens,) float32, each token's; empty for an attribution, and where nothing that is
            shown can read them.
        labels: of the tokens, or none.
        contribution: of an attribution, the part of the target's change that falls on the group,
            signed, in the target's unit; NaN if it leaves the group out, if it was not computed on
            this tick, and for attention.
    """

    kind: GroupKind
    share: float
    mass: NDArray[np.float32]
    labels: tuple[str, ...] = ()
    contribution: float = math.nan


@dataclass(frozen=True)
class Missing:
    """A target that was asked for, by its label, and why it could not be explained."""

    target: str
    reason: str


@dataclass(frozen=True, eq=False, repr=False)
class AttentionMaps:
    """What one selection of layer, head and query looks at.

    `layer`, `head` and `query` are labels that say what was averaged:
    "decoder.layers.0.multihead_attn", "mean" or "3", "mean(0:100)" or "0". `groups` has every group
    that is not an image; the three named shares repeat those of their kind, and are NaN where the
    policy has none. `entropy` is that of the averaged distribution over all `tokens` tokens that
    can be read, in nats: 0 when one token has all the mass, log(tokens) when all have the same.
    `total` is the sum of the mass, 1 to float precision; for a gradient method the sum of absolute
    attribution before normalising, in the target's unit.

    `head_entropy` and `head_latent_share` have one value per head of the layer, whichever head is
    shown: the entropy of that head's weights averaged over the same queries, and their mass on the
    latent token. For rollout these are the decoder layer's own weights, on the encoder's output,
    not carried back. Empty where the method has no heads, or the policy no latent token.

    `target` says what a gradient method explains, and `unit` in what. `baseline` says what the
    observation was compared with, and `points` for how many observations gradients were computed.
    Attention has none of these. `completeness_error` is |sum of attributions - change of the
    target| where the method promises that they are equal. `denoising_step` says which one the
    weights are of, from 0; NO_STEP if the policy has none or they are of none, MEAN_OF_STEPS if
    they were averaged.

    `reason` says why an attribution's target or baseline is another than was asked for.
    `explained_by` says what computed an attribution, "eager float32"; empty for attention.
    `chunk_difference` is the largest difference of its chunk from the pass's, in normalised units,
    where that was measured. `also` has the maps of further targets on the same observation, in the
    order in which they were asked for.
    """

    method: str
    layer: str
    head: str
    query: str
    cameras: tuple[CameraMap, ...]
    latent_share: float
    joint_state_share: float
    environment_share: float
    entropy: float
    total: float
    tokens: int
    head_entropy: tuple[float, ...] = ()
    head_latent_share: tuple[float, ...] = ()
    target: str = ""
    completeness_error: float = math.nan
    groups: tuple[GroupMass, ...] = ()
    denoising_step: int = NO_STEP
    unit: str = ""
    baseline: str = ""
    points: int = 0
    reason: str = ""
    explained_by: str = ""
    chunk_difference: float = math.nan
    also: tuple[AttentionMaps | Missing, ...] = ()

    def __repr__(self) -> str:
        about = [self.layer, f"head {self.head}" if self.head else "", self.target]
        return f"<{self.method} maps, {', '.join(filter(None, about))}: {list(self.cameras)}>"


def attention_maps(
    attention: NDArray[np.float32],
    layout: TokenLayout,
    *,
    layer: int = -1,
    head: int | None = None,
    query: int | tuple[int, int] | None = None,
    path: str = "decoder.layers.{layer}.multihead_attn",
) -> AttentionMaps:
    """Average the weights over the chosen heads and queries and cut them into camera maps.

    Args:
        attention: (layers, heads, queries, tokens) softmax weights of the decoder's
            cross-attention.
        layout: which token is what.
        layer: decoder layer; negative counts from the last.
        head: one head, or None for the mean over all.
        query: one step of the chunk, a range (start, stop), or None for the mean over all.
        path: what the result calls the layer; ACT's by default.

    Raises:
        AttentionError: the array does not fit the layout, is not finite, or a selection is out of
            range.
    """
    if attention.ndim != 4 or attention.shape[3] != layout.size:
        message = (
            f"attention of shape {attention.shape} does not fit: it must be "
            f"(layers, heads, queries, {layout.size} tokens)"
        )
        raise AttentionError(message)
    layers = attention.shape[0]
    index = in_range("layer", layer, -layers, layers) % layers
    name = path.format(layer=index)
    return weights_maps(CROSS_ATTENTION, name, attention[index], layout, head=head, query=query)


def encoder_attention_maps(
    attention: NDArray[np.float32],
    layout: TokenLayout,
    layer: int,
    *,
    head: int | None = None,
    query: int | tuple[int, int] | None = None,
    path: str = "encoder.layers.{layer}.self_attn",
) -> AttentionMaps:
    """What the tokens read in one encoder layer, averaged over the chosen heads and queries.

    Masked tokens are none of those that read, unless only such are chosen.

    Args:
        attention: (heads, tokens, tokens) softmax weights of the layer's self-attention.
        layout: which token is what.
        layer: the layer's number, for the label.
        head: one head, or None for the mean over all.
        query: one token that reads, a range (start, stop), or None for the mean over all.
        path: what the result calls the layer; ACT's by default.

    Raises:
        AttentionError: as attention_maps.
    """
    if attention.ndim != 3 or attention.shape[1:] != (layout.size, layout.size):
        message = (
            f"attention of shape {attention.shape} does not fit: it must be "
            f"(heads, {layout.size} tokens, {layout.size} tokens)"
        )
        raise AttentionError(message)
    name = path.format(layer=layer)
    return weights_maps(ENCODER_ATTENTION, name, attention, layout, head=head, query=query)


def weights_maps(
    method: str,
    layer: str,
    weights: NDArray[np.float32],
    layout: TokenLayout,
    *,
    head: int | None = None,
    query: int | tuple[int, int] | None = None,
    keys: tuple[int, int] | None = None,
) -> AttentionMaps:
    """The maps of one layer of any stack, averaged over the chosen heads and queries.

    Args:
        method: as in AttentionMaps. Of encoder attention the queries are the keys' tokens; masked
            ones among them are left out, unless only such are chosen.
        layer: its label.
        weights: (heads, queries, keys) softmax weights.
        layout: which token is what.
        head: one head, or None for the mean over all.
        query: one row, a range (start, stop), or None for the mean over all.
        keys: (start, stop), the tokens that are read; None for all.

    Raises:
        AttentionError: the array does not fit the layout, is not finite, or a selection is out of
            range.
    """
    start_key, stop_key = keys or (0, layout.size)
    if weights.ndim != 3 or weights.shape[2] != stop_key - start_key:
        message = (
            f"attention of {layer} of shape {weights.shape} does not fit: it must be "
            f"(heads, queries, {stop_key - start_key} tokens)"
        )
        raise AttentionError(message)
    heads, queries, _ = weights.shape
    index = None if head is None else in_range("head", head, 0, heads)
    start, stop, query_label = query_range(query, queries)
    chosen = weights[:, start:stop]
    if method == ENCODER_ATTENTION:
        real = layout.read()[start_key + start : start_key + stop]
        if real.any() and not real.all():
            chosen = chosen[:, real]
    by_head = chosen.mean(axis=1).astype(np.float64)
    if by_head.shape[1] != layout.size:
        by_head = np.pad(by_head, ((0, 0), (start_key, layout.size - stop_key)))
    if not np.isfinite(by_head).all():
        message = f"the attention weights of {layer} are not all finite"
        raise AttentionError(message)
    mass = by_head.mean(axis=0) if index is None else by_head[index]
    return maps_of_mass(method, layer, mass, index, query_label, layout, by_head, keys)


def maps_of_mass(
    method: str,
    layer: str,
    mass: NDArray[np.float64],
    head: int | None,
    query_label: str,
    layout: TokenLayout,
    by_head: NDArray[np.float64] | None,
    keys: tuple[int, int] | None = None,
) -> AttentionMaps:
    """The maps of one distribution over the tokens.

    Args:
        method: as in AttentionMaps.
        layer: as in AttentionMaps.
        mass: (tokens,) what to show.
        head: whose it is; None for the mean over all.
        query_label: as in AttentionMaps.query.
        layout: which token is what.
        by_head: (heads, tokens) weights of every head of the layer, averaged over the queries, for
            head_entropy and head_latent_share; None where the method has no heads.
        keys: (start, stop), the tokens that are read; None for all.
    """
    read = layout.read(keys)
    nothing: NDArray[np.float32] = np.zeros(0, np.float32)
    groups = tuple(
        GroupMass(
            group.kind,
            float(mass[group.start : group.stop].sum()),
            mass[group.start : group.stop].astype(np.float32)
            if read[group.start : group.stop].any()
            else nothing,
            group.labels,
        )
        for group in layout.groups
        if group.camera is None
    )
    latent = layout.of_kind("latent")
    heads = np.empty((0, layout.size)) if by_head is None else by_head
    return AttentionMaps(
        method=method,
        layer=layer,
        head="mean" if head is None else str(head),
        query=query_label,
        cameras=tuple(_camera_map(camera, mass) for camera in layout.cameras),
        latent_share=_share(groups, "latent"),
        joint_state_share=_share(groups, "joint_state"),
        environment_share=_share(groups, "environment"),
        entropy=_entropy(mass),
        total=float(mass.sum()),
        tokens=int(read.sum()),
        head_entropy=tuple(_entropy(one) for one in heads),
        head_latent_share=tuple(
            sum(heads[:, group.start : group.stop].sum(axis=1) for group in latent).tolist()
        )
        if latent
        else (),
        groups=groups,
    )


def _camera_map(camera: CameraTokens, mass: NDArray[np.float64]) -> CameraMap:
    exact = mass[camera.start : camera.stop]
    row, col = divmod(int(exact.argmax()), camera.cols)
    return CameraMap(
        feature=camera.feature,
        cells=exact.reshape(camera.rows, camera.cols).astype(np.float32),
        share=float(exact.sum()),
        peak=(row, col),
        x0=camera.x0,
        y0=camera.y0,
        dx=camera.dx,
        dy=camera.dy,
    )


def _share(groups: tuple[GroupMass, ...], kind: GroupKind) -> float:
    shares = [group.share for group in groups if group.kind == kind]
    return sum(shares) if shares else math.nan


def _entropy(mass: NDArray[np.float64]) -> float:
    positive = mass[mass > 0]
    return max(0.0, float(-(positive * np.log(positive)).sum()))


def query_range(query: int | tuple[int, int] | None, queries: int) -> tuple[int, int, str]:
    """First query, the one after the last, and the label, of a query, a range or all of them."""
    if query is None:
        return 0, queries, f"mean(0:{queries})"
    if not isinstance(query, tuple):
        index = in_range("query", query, 0, queries)
        return index, index + 1, str(index)
    if len(query) != 2:
        message = f"query range {query} must be (start, stop)"
        raise AttentionError(message)
    start = in_range("query start", query[0], 0, queries)
    stop = in_range("query stop", query[1], start + 1, queries + 1)
    return start, stop, f"mean({start}:{stop})"


def in_range(name: str, value: object, low: int, high: int) -> int:
    """`value` as an integer in low..high-1."""
    if isinstance(value, bool) or not isinstance(value, SupportsIndex):
        message = f"{name} {value!r} must be an integer from {low} to {high - 1}"
        raise AttentionError(message)
    index = operator.index(value)
    if not low <= index < high:
        message = f"{name} {index} is out of range: it must be from {low} to {high - 1}"
        raise AttentionError(message)
    return index
