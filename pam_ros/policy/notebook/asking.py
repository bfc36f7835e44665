# SPDX-License-Identifier: Apache-2.0
"""policy.look: which method says where a policy looks, and what it says of one observation."""

from __future__ import annotations

import operator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from pam_ros.attention.attribution import (
    CONTRIBUTION,
    CONTRIBUTIONS,
    CUSTOM_BASELINE,
    GRADIENT_METHODS,
    Target,
)
from pam_ros.attention.contribution import CELL, ContributionRequest, parse_target
from pam_ros.attention.drawing import AUTO, DRAWING, METHOD, Drawing
from pam_ros.attention.errors import AttentionError
from pam_ros.attention.maps import ROLLOUT
from pam_ros.attention.selection import METHODS, make_selection, methods_of
from pam_ros.policy.abilities import (
    Batching,
    Contributing,
    GradientExplaining,
    Instructed,
    LackingMethods,
    ReadingOtherWords,
    lacks,
)
from pam_ros.policy.interface import PolicyError
from pam_ros.policy.notebook.edits import edit_in
from pam_ros.policy.notebook.fitting import Fitted, fit_observation, fit_pictures
from pam_ros.policy.notebook.glance import Glance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.attention.attribution import Attribution
    from pam_ros.attention.maps import AttentionMaps
    from pam_ros.policy.interface import BatchResult, Policy, PolicySpec


def look(
    policy: Policy,
    observation: Any,
    method: str = METHOD,
    *,
    layer: int | str = -1,
    head: int | str = "mean",
    query: int | tuple[int, int] | str = "mean",
    denoising_step: int | str | None = -1,
    target: str | int | Target = "chunk",
    joints: Sequence[str] = (),
    baseline: Any = "blur",
    steps: int | None = None,
    cell: int = CELL,
    instruction: str = "",
    index: int | None = None,
    drawing: Drawing = DRAWING,
) -> Glance:
    """What a policy looks at in one observation. In a notebook the result is a picture.

    The policy's state stays as it is: nothing is queued, and no step is counted.

    Args:
        policy: as load_policy or wrap gives it.
        observation: arrays, tensors or PIL pictures by feature, of any size; an item of a LeRobot
            dataset, or a batch with `index`; a tick of a bag, a data set or the simulator.
        method: "auto", which is contribution where the policy has it, else attention; one of
            attention.METHODS; or one of the gradient methods "contribution",
            "token_contribution", "input_gradients", "integrated_gradients" and "grad_cam".
        layer: of attention, -1 or "last" for the last.
        head: of attention, its number or "mean".
        query: of attention: an action of the chunk, a range, or "mean".
        denoising_step: of attention, -1 or "last" for the last, None or "mean" for the mean of all.
        target: of gradient methods, what is explained: "chunk", a joint or its number, "chunk[3]",
            "2[0:10]".
        joints: the joints' names, for targets and labels; without them they are numbers.
        baseline: of gradient methods, what the pictures are compared with: "black", "mean",
            "blur", or pictures of your own by feature, in any form that an observation may have.
        steps: of contribution and integrated gradients, points on the way from the baseline; None
            for 1 and 32.
        cell: of contribution, the side of its cells [pixels of the policy's picture].
        instruction: for a policy that reads words: those for this look. Without it, the
            observation's own task; else the policy's.
        index: which one of a batch.
        drawing: colours and scale; the node's by default.

    Raises:
        ObservationError: the observation does not fit; the sentence names what is wrong.
        PolicyError: the policy has no such method, layer, head, target or baseline.
    """
    fitted = fit_observation(policy.spec, observation, index)
    with words_for(policy, instruction or fitted.task):
        asked = usual_method(policy) if method == AUTO else method
        spec = policy.spec
        try:
            if asked in METHODS:
                found = _Seen(
                    *_attention(policy, fitted, asked, layer, head, query, denoising_step)
                )
            else:
                wanted = Wanted(asked, target, tuple(joints), baseline, steps, cell)
                found = _explained(policy, fitted, wanted)
        except AttentionError as error:
            raise PolicyError(str(error).replace("'attention_", "'")) from error
        words = policy.instruction if isinstance(policy, Instructed) else ""
    return Glance(
        policy=spec.name,
        attention=found.maps,
        pictures=fitted.pictures,
        sizes={camera.feature: (camera.height, camera.width) for camera in spec.cameras},
        chunk=found.passed.chunks[0],
        joints=tuple(joints),
        instruction=words,
        drawing=drawing,
        notes=fitted.notes,
        attribution=found.attribution,
    )


@dataclass(frozen=True)
class Wanted:
    """What a gradient method is asked for, as look takes it."""

    method: str
    target: str | int | Target
    joints: tuple[str, ...]
    baseline: Any
    steps: int | None
    cell: int


@dataclass(frozen=True, eq=False)
class _Seen:
    maps: AttentionMaps
    passed: BatchResult
    attribution: Attribution | None = None


def usual_method(policy: Policy) -> str:
    """The most faithful method that a policy has: what "auto" is.

    Raises:
        PolicyError: it has none.
    """
    if (
        isinstance(policy, Contributing)
        and not edit_in(policy)
        and not policy.why_no_contribution(ContributionRequest())
    ):
        return CONTRIBUTION
    there = methods_of(policy.spec)
    if not there:
        raise PolicyError(lacks(policy, "it has no attention and no gradients to show"))
    return ROLLOUT if ROLLOUT in there else there[0]


@contextmanager
def words_for(policy: Policy, text: str) -> Iterator[None]:
    """The policy reads these words inside; empty: its own. Of no matter where it reads none.

    Raises:
        PolicyError: it cannot read others than its own.
    """
    with ExitStack() as others:
        if text and policy.spec.instruction and isinstance(policy, Instructed):
            if isinstance(policy, ReadingOtherWords):
                others.enter_context(policy.reading(text))
            elif policy.instruction != text:
                message = lacks(policy, f"it reads its own words alone: call instruct({text!r})")
                raise PolicyError(message)
        yield


def batching(policy: Policy) -> Batching[Any]:
    """The policy, if its passes can leave its state alone.

    Raises:
        PolicyError: they cannot.
    """
    if not isinstance(policy, Batching):
        raise PolicyError(lacks(policy, "it has no passes that leave its state as it is"))
    return policy


def _attention(
    policy: Policy,
    fitted: Fitted,
    method: str,
    layer: int | str,
    head: int | str,
    query: int | tuple[int, int] | str,
    denoising_step: int | str | None,
) -> tuple[AttentionMaps, BatchResult]:
    if isinstance(query, tuple):
        query = ":".join(map(str, query))
    spec = policy.spec
    number = _number("layer", layer, {"last": -1})
    selection = make_selection(method, number or 0, str(head), str(query), spec)
    step = _number("denoising_step", denoising_step, {"last": -1, "mean": None, None: None})
    chosen = replace(selection.look, denoising_step=step)
    selection = replace(selection, look=chosen)
    passes = batching(policy)
    result = passes.forward(passes.prepare([fitted.observation]), looks=[chosen], **edit_in(policy))
    weights = {key: kept[0] for key, kept in result.weights.items()}
    return selection.maps_of(weights, spec), result


def _explained(policy: Policy, fitted: Fitted, wanted: Wanted) -> _Seen:
    spec = policy.spec
    if wanted.method not in CONTRIBUTIONS + GRADIENT_METHODS:
        known = ", ".join((AUTO, *methods_of(spec), *CONTRIBUTIONS, *GRADIENT_METHODS))
        message = f"method {wanted.method!r} is unknown: use {known}"
        raise PolicyError(message)
    if edit_in(policy):
        message = f"{wanted.method} is of the policy as it is: ask for it outside of edited"
        raise PolicyError(message)
    target, joints = _target(spec, wanted)
    baseline = _baseline(spec, fitted, wanted.baseline)
    passes = batching(policy)
    result = passes.forward(passes.prepare([fitted.observation]))
    if wanted.method in CONTRIBUTIONS:
        if not isinstance(policy, Contributing):
            raise PolicyError(lacks(policy, "it has no contributions"))
        pictures = None if isinstance(baseline, str) else baseline
        request = ContributionRequest(
            method=wanted.method,
            target=target,
            baseline=baseline if isinstance(baseline, str) else CUSTOM_BASELINE,
            points=1 if wanted.steps is None else wanted.steps,
            cell=wanted.cell,
            complete=True,
            joints=joints,
            pictures=pictures,
            at_once=True,
        )
        attribution = policy.contribute(fitted.observation, request)
    else:
        if not isinstance(policy, GradientExplaining):
            raise PolicyError(lacks(policy, f"it has no {wanted.method}; contribution it may have"))
        if isinstance(policy, LackingMethods) and (why := policy.why_no_method(wanted.method)):
            raise PolicyError(lacks(policy, why))
        attribution = policy.attribute(
            fitted.observation,
            wanted.method,
            target=target,
            baseline=baseline,
            steps=32 if wanted.steps is None else wanted.steps,
            joints=joints,
        )
    cell = wanted.cell if wanted.method == CONTRIBUTION else None
    return _Seen(attribution.maps(spec.layout, cell), result, attribution)


def _target(spec: PolicySpec, wanted: Wanted) -> tuple[Target, tuple[str, ...]]:
    joints = wanted.joints
    if joints and len(joints) != spec.action_dim:
        message = f"joints has {len(joints)} names: it must have {spec.action_dim}"
        raise PolicyError(message)
    if isinstance(wanted.target, Target):
        return wanted.target, joints
    names = joints or tuple(map(str, range(spec.action_dim)))
    text = wanted.target
    if not isinstance(text, str):
        number = _number("target", text, {})
        if number is None or not 0 <= number < len(names):
            message = f"target {text} is no joint's number: it must be from 0 to {len(names) - 1}"
            raise PolicyError(message)
        text = names[number]
    return parse_target(text, names, spec.chunk_size), joints


def _number(name: str, given: Any, words: Mapping[Any, int | None]) -> int | None:
    """A whole number, or what a word means.

    Raises:
        PolicyError: it is neither; the sentence has the option's name.
    """
    if (given is None or isinstance(given, str)) and given in words:
        return words[given]
    try:
        return operator.index(given)
    except TypeError as error:
        others = "".join(f", or {word!r}" for word in words)
        raise PolicyError(f"{name} is {given!r}: it must be a whole number{others}") from error


def _baseline(
    spec: PolicySpec, fitted: Fitted, baseline: Any
) -> str | Mapping[str, NDArray[np.uint8]]:
    """Pictures that somebody gives, of every camera: one left out does not move."""
    if isinstance(baseline, str):
        return baseline
    own = {camera.feature: fitted.observation[camera.feature] for camera in spec.cameras}
    return {**own, **fit_pictures(spec, baseline)}
