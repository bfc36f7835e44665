# SPDX-License-Identifier: Apache-2.0
"""Activations in a notebook: run with a cache or hooks, patch one pass into another, ablate heads.

Names of functions and arguments are TransformerLens'. An observation is whatever policy.look takes,
and the policy's queue, step and words stay as they are.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.policy.abilities import Hooking, NoiseHolding, TokenEditing, lacks
from pam_ros.policy.hooks.cache import ActivationCache, ablating, heads_of, numbers_of
from pam_ros.policy.hooks.points import matching
from pam_ros.policy.interface import PolicyError
from pam_ros.policy.notebook.asking import words_for
from pam_ros.policy.notebook.edits import edit_in, editing
from pam_ros.policy.notebook.fitting import fit_observation
from pam_ros.policy.notebook.patching import Patching

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from pam_ros.policy.abilities import EditTokens
    from pam_ros.policy.hooks.points import Hook, Names
    from pam_ros.policy.interface import Policy


def hooking(policy: Policy) -> Hooking[Any]:
    """The policy, if its activations have names.

    Raises:
        PolicyError: they have none.
    """
    if not isinstance(policy, Hooking):
        raise PolicyError(lacks(policy, "its activations have no names"))
    return policy


def run_with_hooks(
    policy: Policy,
    observation: Any,
    fwd_hooks: Sequence[tuple[str, Hook]] = (),
    *,
    noise_of: Any = None,
    instruction: str = "",
    index: int | None = None,
) -> NDArray[np.float32]:
    """The chunk (chunk_size, action_dim), un-normalised, of a pass with these hooks.

    Args:
        policy: as load_policy or wrap gives it.
        observation: as look takes it.
        fwd_hooks: pairs of a name and a function, see abilities.Hooking.hooks; a name with * is
            each point that it matches.
        noise_of: the observation whose noise the pass draws, of a policy that draws any; None: its
            own. It is a single one, or the same batch as observation, of which index means one.
        instruction: as of look.
        index: likewise.

    Raises:
        ObservationError: the observation does not fit.
        PolicyError: no such point, or a hook that returned another shape.
    """
    hooked = hooking(policy)
    points = hooked.hook_points
    each = [(name, hook) for names, hook in fwd_hooks for name in matching(points, names)]
    fitted = fit_observation(policy.spec, observation, index)
    with (
        words_for(policy, instruction or fitted.task),
        _noise_of(policy, noise_of, index if noise_of is observation else None),
        hooked.hooks(each),
    ):
        chunk: NDArray[np.float32] = hooked.forward(
            hooked.prepare([fitted.observation]), **edit_in(policy)
        ).chunks[0]
        return chunk


def run_with_cache(
    policy: Policy, observation: Any, names_filter: Names = None, **options: Any
) -> tuple[NDArray[np.float32], ActivationCache]:
    """The chunk, as run_with_hooks gives it, and the activations of its pass by name.

    Args:
        policy: as load_policy or wrap gives it.
        observation: as look takes it.
        names_filter: which to keep: a name or several, with * and ?; a function of a name; None for
            all, which for a large policy is much memory.
        options: noise_of, instruction and index, as of run_with_hooks.

    Raises:
        ObservationError, PolicyError: as run_with_hooks.
    """
    points = hooking(policy).hook_points
    names = matching(points, names_filter)
    cache = ActivationCache({name: points[name] for name in names})
    return run_with_hooks(policy, observation, cache.hooks(), **options), cache


@contextmanager
def patched(
    policy: Policy,
    cache: ActivationCache,
    names: Names = None,
    rows: Sequence[int] | int | None = None,
) -> Iterator[None]:
    """Passes inside go on with a cache's activations in the place of their own.

    Args:
        policy: as load_policy or wrap gives it.
        cache: of run_with_cache.
        names: which of them; None for all that were cached.
        rows: of each, which tokens, or heads of an attention's `.heads`; a single one may be its
            number; None for all.

    Raises:
        PolicyError: there is no such point, it was not cached, or it has channels and no rows.
    """
    chosen = tuple(cache) if names is None else matching(hooking(policy).hook_points, names)
    hooks = [(name, cache.replacing(name, rows)) for name in chosen]
    with hooking(policy).hooks(hooks):
        yield


@contextmanager
def heads_ablated(
    policy: Policy, heads: Mapping[str, Sequence[int] | int], value: str = "zero"
) -> Iterator[None]:
    """In passes inside these heads give zeros, or their mean over the tokens.

    Args:
        policy: as load_policy or wrap gives it.
        heads: numbers of heads by their attention, such as {"encoder.0.attn": [1, 3]}; a single one
            may be its number.
        value: "zero" or "mean".

    Raises:
        PolicyError: there is no such attention, head or value.
    """
    points = hooking(policy).hook_points
    hooks = []
    for attention, given in heads.items():
        point, numbers = heads_of(points, attention), numbers_of(given, f"heads of {attention}")
        for number in numbers:
            if not 0 <= number < point.heads:
                message = f"{attention} has no head {number}: it has 0 to {point.heads - 1}"
                raise PolicyError(message)
        hooks.append((point.name, ablating(point.name, numbers, value)))
    with hooking(policy).hooks(hooks):
        yield


@contextmanager
def edited(policy: Policy, edit: EditTokens, layer: str | None = None) -> Iterator[None]:
    """Passes inside have the tokens of a layer changed by an edit.

    Those of step and explain have, and those of look at attention, run_with_hooks, run_with_cache
    and activation_patching. Contributions and gradients are of the policy as it is.

    Args:
        policy: as load_policy or wrap gives it.
        edit: from tokens (B, tokens, dim) to new ones, such as sae.steer gives.
        layer: as take_tokens takes it; None: as it is.

    Raises:
        PolicyError: the policy's tokens cannot be edited, they are edited already, or it has no
            such layer.
    """
    if not isinstance(policy, TokenEditing):
        raise PolicyError(lacks(policy, "its tokens cannot be edited"))
    if edit_in(policy):
        message = "the tokens are edited already: join the two edits in one function"
        raise PolicyError(message)
    before = policy.tokens_layer
    if layer is not None:
        policy.take_tokens(layer)
    policy.edit_tokens(edit)
    try:
        with editing(policy, edit):
            yield
    finally:
        policy.edit_tokens(None)
        policy.take_tokens(before)


def activation_patching(
    policy: Policy,
    clean: Any,
    corrupted: Any,
    names: Names = None,
    *,
    instructions: tuple[str, str] = ("", ""),
    index: int | tuple[int | None, int | None] | None = None,
) -> Patching:
    """How much of the clean chunk comes back if one activation of its pass is put into the other.

    A pass runs for each name. All of them draw the noise of the corrupted one, so that nothing but
    the observation differs. See Patching for the measure.

    Args:
        policy: as load_policy or wrap gives it.
        clean: an observation, as look takes it.
        corrupted: another one, or the same with another instruction.
        names: which points, as names_filter of run_with_cache.
        instructions: of the two, for a policy that reads words; both must have as many words.
        index: which one of a batch, for both; a pair has one for each, None if it is not a batch.

    Raises:
        ObservationError: one of them does not fit.
        PolicyError: no such point, or tokens of another number.
    """
    points = hooking(policy).hook_points
    chosen = matching(points, names)
    of_clean, of_corrupted = index if isinstance(index, tuple) else (index, index)
    good = fit_observation(policy.spec, clean, of_clean)
    bad = fit_observation(policy.spec, corrupted, of_corrupted)
    clean, corrupted = good.observation, bad.observation
    told, other = (
        {"instruction": text or fitted.task, "noise_of": corrupted}
        for text, fitted in zip(instructions, (good, bad), strict=True)
    )
    clean_chunk, cache = run_with_cache(policy, clean, chosen, **told)
    corrupted_chunk = run_with_hooks(policy, corrupted, **other)
    chunks = {
        name: run_with_hooks(policy, corrupted, [(name, cache.replacing(name))], **other)
        for name in chosen
    }
    statistics = policy.spec.statistics.get("action")
    std = None if statistics is None or statistics.std is None else np.array(statistics.std)
    return Patching(clean_chunk, corrupted_chunk, chunks, std)


@contextmanager
def _noise_of(policy: Policy, observation: Any, index: int | None) -> Iterator[None]:
    with ExitStack() as held:
        if observation is not None and isinstance(policy, NoiseHolding):
            fitted = fit_observation(policy.spec, observation, index)
            policy.hold_noise(fitted.observation)
            held.callback(policy.hold_noise, None)
        yield
