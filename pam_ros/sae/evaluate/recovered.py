# SPDX-License-Identifier: Apache-2.0
"""How much of the policy's action survives when its tokens are replaced by a reconstruction.

    recovered = 1 - sum |a_sae - a|^2 / sum |a_mean - a|^2

over frames, on the normalised chunk: a is the policy's own, a_sae the one with the tokens replaced
by the reconstruction, a_mean the one with them replaced by the training tokens' mean at each
position. 1 is the policy itself, 0 no better than tokens that never change.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pam_ros.policy.abilities import TokenEditing, lacks
from pam_ros.policy.words import Saying
from pam_ros.sae.errors import SaeError
from pam_ros.sae.store.shuffle import check_same_kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from torch import Tensor

    from pam_ros.policy.interface import Policy
    from pam_ros.sae.arch.model import SAE
    from pam_ros.sae.evaluate.measures import Principal
    from pam_ros.sae.store.stats import TokenStats
    from pam_ros.sae.store.token_store import Observation, StoredFrame, TokenStore

    Edit = Callable[[Tensor], Tensor]

BATCH = 8


@dataclass(frozen=True)
class Recovered:
    """share: by edit. frames: how many. mean_misses: mean square of a_mean - a."""

    share: dict[str, float]
    frames: int
    mean_misses: float


def by_sae(sae: SAE) -> Edit:
    """Tokens (B, T, D) to their reconstruction, rounded to float16 before as everywhere."""

    def edit(tokens: Tensor) -> Tensor:
        flat = tokens.flatten(0, 1).half().float().cpu()
        return sae.decode(sae.encode(flat)).view(tokens.shape).to(tokens.device)

    return edit


def by_principal(basis: Principal) -> Edit:
    """Tokens (B, T, D) to their projection on principal components."""
    mean = torch.from_numpy(basis.mean).float()
    components = torch.from_numpy(basis.components).float()

    def edit(tokens: Tensor) -> Tensor:
        centred = tokens.half().float().cpu() - mean
        return (mean + (centred @ components.T) @ components).to(tokens.device)

    return edit


def recovered_action(
    policy: Policy,
    stores: Sequence[TokenStore],
    stats: TokenStats,
    edits: Mapping[str, Edit],
    frames: int = 300,
    progress: Callable[[int], object] | None = None,
    instruction: str = "",
) -> Recovered:
    """Run the policy on observations that stores keep, once per edit.

    Args:
        policy: whose tokens the store holds.
        stores: with observations.
        stats: of the training tokens, for the mean per position.
        edits: by name.
        frames: how many, evenly spaced over the stores.
        progress: called with the frames done.
        instruction: said at every frame to a policy that reads words; empty: what the stores say.

    Raises:
        PolicyError: the policy cannot read the words, or there are none.
        SaeError: a store keeps no observations, is of another policy, or the policy refuses one or
            lets nobody edit its tokens; a position is not among the training tokens.
    """
    check_same_kind(stores)
    info = stores[0].info
    if policy.spec.sha256 != info.policy_sha256:
        raise SaeError(
            f"{stores[0].folder} holds tokens of policy {info.policy_sha256}, "
            f"not of {policy.spec.sha256}"
        )
    editable = _editable(policy)
    if len(stats.position_rows) != info.tokens or (stats.position_rows == 0).any():
        known = int((stats.position_rows > 0).sum())
        raise SaeError(
            f"the training tokens give the mean of {known} of {info.tokens} positions, and the "
            "recovered action replaces all of them: train on tokens of every position, or leave it "
            "out with --action-frames 0"
        )
    position_mean = torch.from_numpy(stats.position_mean)

    def to_mean(tokens: Tensor) -> Tensor:
        return position_mean.to(tokens.device).expand(tokens.shape)

    saying = Saying(policy, instruction)
    missed = dict.fromkeys(edits, 0.0)
    missed_by_mean = values = 0.0
    done = 0
    for task, batch in _batches(_spread(stores, frames)):
        saying.at(task)
        prepared = editable.prepare(batch)

        def chunk(edit: Edit | None, prepared: Any = prepared) -> Any:
            result = editable.forward(prepared, tokens_layer=info.layer, edit=edit)
            return result.normalised.astype(np.float64)

        own = chunk(None)
        missed_by_mean += float(np.square(chunk(to_mean) - own).sum())
        for name, edit in edits.items():
            missed[name] += float(np.square(chunk(edit) - own).sum())
        values += own.size
        done += len(batch)
        if progress is not None:
            progress(done)
    if not missed_by_mean > 0:
        raise SaeError("the policy's action does not depend on this layer's tokens")
    return Recovered(
        {name: 1 - value / missed_by_mean for name, value in missed.items()},
        done,
        missed_by_mean / values,
    )


def _batches(stored: Iterable[StoredFrame]) -> Iterator[tuple[str, list[Observation]]]:
    """Of frames that were told the same, with what that is."""
    for task, told in groupby(stored, lambda frame: frame.task):
        while batch := [frame.observation for frame in islice(told, BATCH)]:
            yield task, batch


def _editable(policy: Policy) -> TokenEditing[Any]:
    if not isinstance(policy, TokenEditing):
        why = "its tokens cannot be edited, so --action-frames must be 0"
        raise SaeError(lacks(policy, why))
    return policy


def _spread(stores: Sequence[TokenStore], frames: int) -> Iterator[StoredFrame]:
    """So many frames, evenly spaced over all of the stores'."""
    total = sum(store.frames for store in stores)
    chosen = np.unique(np.linspace(0, total - 1, min(frames, total)).astype(int))
    start = 0
    for store in stores:
        here = chosen[(chosen >= start) & (chosen < start + store.frames)] - start
        yield from store.observations(set(here.tolist()))
        start += store.frames
