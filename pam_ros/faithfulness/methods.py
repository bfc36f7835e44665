# SPDX-License-Identifier: Apache-2.0
"""The maps under test, by name.

    cross_attention:0            decoder layer 0, mean over heads; cross_attention:0:3 is its head 3
    encoder_attention:2          the same of the encoder
    joint_attention:0            the same where actions read tokens and each other
    spatial_softmax:0            keypoint maps, which are no attention; its heads are keypoints
    rollout                      through the encoder and the decoder's last layer
    integrated_gradients         blurred baseline; integrated_gradients:black, :mean are the others
    input_gradients, grad_cam    likewise
    contribution                 likewise, cheap enough for each tick; token_contribution: of tokens

In a list of names `cross_attention` and `encoder_attention` alone mean all layers, `heads` means
every single head, `attention` all methods that a tick's own pass gives, `contributions` those that
each tick can have beside it, `gradients` the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pam_ros.attention.attribution import (
    BASELINES,
    CONTRIBUTION,
    CONTRIBUTIONS,
    GRADIENT_METHODS,
    INTEGRATED_GRADIENTS,
    USUAL_BASELINE,
)
from pam_ros.attention.contribution import ContributionRequest
from pam_ros.attention.errors import AttentionError
from pam_ros.attention.maps import (
    CROSS_ATTENTION,
    ENCODER_ATTENTION,
    JOINT_ATTENTION,
    ROLLOUT,
    SPATIAL_SOFTMAX,
)
from pam_ros.attention.selection import Selection, methods_of, selection, stack_of
from pam_ros.policy.abilities import Contributing, GradientExplaining, LackingMethods

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pam_ros.attention.maps import AttentionMaps
    from pam_ros.faithfulness.probe import Observation
    from pam_ros.policy.abilities import Batching
    from pam_ros.policy.interface import PolicySpec

INTEGRATION_STEPS = 16
"""Half of ~/explain's: on one scene the completeness error is 0.6% with blur, 3.9% with black."""


@dataclass(frozen=True)
class Method:
    """One kind of map.

    layer, head: None where the kind has none, or all heads are averaged. baseline: of a gradient
    method, empty for the others.
    """

    kind: str
    layer: int | None = None
    head: int | None = None
    baseline: str = ""

    @property
    def name(self) -> str:
        """As in the module's list."""
        numbers = [str(number) for number in (self.layer, self.head) if number is not None]
        other = [self.baseline] if self.baseline not in {"", USUAL_BASELINE} else []
        return ":".join([self.kind, *numbers, *other])

    @property
    def extra_pass(self) -> bool:
        """Whether it needs more than the forward pass that a tick runs anyway."""
        return self.kind in GRADIENT_METHODS + CONTRIBUTIONS

    def why_not(self, policy: object) -> str:
        """Why a policy does not have it, for a method with passes of its own; empty if it has."""
        if self.kind in CONTRIBUTIONS:
            if not isinstance(policy, Contributing):
                return "it gives no contributions"
            return policy.why_no_contribution(self.request)
        if not self.extra_pass:
            return ""
        if not isinstance(policy, GradientExplaining):
            return "it gives no gradients"
        return policy.why_no_method(self.kind) if isinstance(policy, LackingMethods) else ""

    @property
    def request(self) -> ContributionRequest:
        """Of a contribution."""
        return ContributionRequest(self.kind, baseline=self.baseline or USUAL_BASELINE)


def parse(text: str, spec: PolicySpec) -> tuple[Method, ...]:
    """The methods of a comma-separated list of names, each once.

    Raises:
        AttentionError: a name that is none, or a layer or head that this policy does not have.
    """
    stacks = {kind: stack_of(kind, spec) for kind in (CROSS_ATTENTION, ENCODER_ATTENTION)}
    for kind in (JOINT_ATTENTION, SPATIAL_SOFTMAX):
        if stack := stack_of(kind, spec):
            stacks[kind] = stack
    # (layers, heads) of each kind
    sizes = {k: (s.layers, s.heads) if s is not None else (0, 0) for k, s in stacks.items()}
    attention = [Method(kind, layer) for kind in sizes for layer in range(sizes[kind][0])]
    rollout = [Method(ROLLOUT)] if ROLLOUT in methods_of(spec) else []
    gradients = {kind: Method(kind, baseline=USUAL_BASELINE) for kind in GRADIENT_METHODS}
    contributions = {kind: Method(kind, baseline=USUAL_BASELINE) for kind in CONTRIBUTIONS}
    groups = {
        "attention": [*attention, *rollout],
        "contributions": list(contributions.values()),
        "gradients": list(gradients.values()),
        "heads": [
            Method(m.kind, m.layer, head) for m in attention for head in range(sizes[m.kind][1])
        ],
        ROLLOUT: rollout,
        **{kind: [m for m in attention if m.kind == kind] for kind in sizes},
        **{kind: [method] for kind, method in {**gradients, **contributions}.items()},
    }
    found: list[Method] = []
    for word in text.split(","):
        name = word.strip()
        if name in groups:
            found.extend(groups[name])
        else:
            found.append(_single(name, sizes, groups))
    if not found:
        message = "this policy has none of the methods asked for"
        raise AttentionError(message)
    return tuple(dict.fromkeys(found))


def _single(
    name: str, sizes: Mapping[str, tuple[int, int]], groups: Mapping[str, object]
) -> Method:
    kind, *numbers = name.split(":")
    if kind in (*GRADIENT_METHODS, CONTRIBUTION) and len(numbers) == 1 and numbers[0] in BASELINES:
        return Method(kind, baseline=numbers[0])
    if kind not in sizes or not 1 <= len(numbers) <= 2 or not all(n.isdecimal() for n in numbers):
        message = (
            f"'{name}' is no method: name one of {', '.join(groups)}, or a layer or head such as "
            f"{ENCODER_ATTENTION}:0 or {ENCODER_ATTENTION}:0:3, or a baseline such as "
            f"{INTEGRATED_GRADIENTS}:black"
        )
        raise AttentionError(message)
    limits = zip(("layer", "head"), sizes[kind], strict=True)
    indices = [int(number) for number in numbers]
    for number, (what, count) in zip(indices, limits, strict=False):
        if number >= count:
            message = f"'{name}': {what} {number} must be from 0 to {count - 1}"
            raise AttentionError(message)
    return Method(kind, indices[0], indices[1] if len(indices) == 2 else None)


def maps_of(
    policy: Batching[Any], observation: Observation, methods: Sequence[Method]
) -> dict[str, AttentionMaps]:
    """Each method's maps of one observation, by the method's name.

    Raises:
        AttentionError: a gradient method of a policy that has none.
    """
    spec = policy.spec
    attention = {m: _selection(m, spec) for m in methods if not m.extra_pass}
    found: dict[str, AttentionMaps] = {}
    if attention:
        looks = [selection.look for selection in attention.values()]
        result = policy.forward(policy.prepare([observation]), looks=looks)
        weights = {key: batch[0] for key, batch in result.weights.items()}
        for method, selection in attention.items():
            found[method.name] = selection.maps_of(weights, spec)
    for method in methods:
        if method.extra_pass:
            found[method.name] = _gradients(method, policy, observation)
    return found


def _selection(method: Method, spec: PolicySpec) -> Selection:
    layer = method.layer
    if layer is None:  # rollout: from the last layer whose actions read
        stack = stack_of(method.kind, spec)
        assert stack is not None
        layer = stack.layers - 1
    return selection(method.kind, spec, layer, method.head)


def _gradients(method: Method, policy: Batching[Any], observation: Observation) -> AttentionMaps:
    why_not = method.why_not(policy)
    if why_not:
        message = f"{policy.spec.name}: {why_not}, so {method.name} must be left out"
        raise AttentionError(message)
    if isinstance(policy, Contributing) and method.kind in CONTRIBUTIONS:
        return policy.contribute(observation, method.request).maps(policy.spec.layout)
    assert isinstance(policy, GradientExplaining)
    attribution = policy.attribute(
        observation, method.kind, baseline=method.baseline, steps=INTEGRATION_STEPS
    )
    return attribution.maps(policy.spec.layout)
