# SPDX-License-Identifier: Apache-2.0
"""Our tick and its parts, each as a function to be timed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.attention.attribution import CONTRIBUTION, TOKEN_CONTRIBUTION
from pam_ros.attention.contribution import ContributionRequest
from pam_ros.attention.maps import CROSS_ATTENTION, ENCODER_ATTENTION, ROLLOUT
from pam_ros.attention.overlay import Overlay
from pam_ros.attention.scale import RunningScale
from pam_ros.attention.selection import make_selection
from pam_ros.policy.act.passes import Prepared

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from benchmarks.sizes import Subject
    from pam_ros.attention.maps import AttentionMaps
    from pam_ros.attention.selection import Selection
    from pam_ros.policy import Policy, PolicySpec
    from pam_ros.policy.act.policy import ActPolicy

    Run = Callable[[], object]

# As the attention node has them by default.


class Show:
    """Maps to overlays, as the attention node draws them."""

    def __init__(self, observation: Mapping[str, NDArray[Any]]) -> None:
        self._observation = observation
        self._overlay = Overlay()
        self._scale = RunningScale()
        self._pictures = {
            name: np.empty_like(image)
            for name, image in observation.items()
            if image.dtype == np.uint8
        }

    def __call__(self, maps: AttentionMaps) -> None:
        """Draw every camera."""
        full_scale = self._scale.scale(maps)
        for camera in maps.cameras:
            self._overlay.draw(
                self._observation[camera.feature],
                camera.cells,
                camera.x0,
                camera.y0,
                camera.dx,
                camera.dy,
                full_scale,
                maps.joint_state_share,
                out=self._pictures[camera.feature],
            )


def normalised(policy: ActPolicy, subject: Subject) -> Prepared:
    """The very tensors that lerobot's forward pass is timed on."""
    spec, batch = policy.spec, subject.batch
    return Prepared(
        images=tuple(batch[camera.feature] for camera in spec.cameras),
        state=batch[spec.state_feature] if spec.state_feature else None,
        environment=None,
    )


def last_layer(method: str, spec: PolicySpec) -> Selection:
    """A method's last layer, averaged over heads and queries, as the attention node asks for it."""
    return make_selection(method, -1, "mean", "mean", spec)


def forward(policy: ActPolicy, subject: Subject) -> Run:
    """Normalised tensors to chunk and weights, as NumPy arrays."""
    inputs, looks = normalised(policy, subject), [last_layer(CROSS_ATTENTION, policy.spec).look]
    return lambda: policy.forward(inputs, looks=looks)


def tick(policy: ActPolicy, subject: Subject) -> Run:
    """Normalised tensors to chunk, weights, maps, overlays."""
    return _forward_and_show(policy, subject, CROSS_ATTENTION)


def encoder_tick(policy: ActPolicy, subject: Subject) -> Run:
    """As tick, with the maps of the last encoder layer's self-attention."""
    return _forward_and_show(policy, subject, ENCODER_ATTENTION)


def rollout_tick(policy: ActPolicy, subject: Subject) -> Run:
    """As tick, with the maps of the attention rollout through all encoder layers."""
    return _forward_and_show(policy, subject, ROLLOUT)


def from_images(policy: Policy, subject: Subject) -> Run:
    """uint8 images to the un-normalised action, maps, overlays: all that a node does but topics."""
    return step_and_show(policy, subject.observation)


def rollout_from_images(policy: Policy, subject: Subject) -> Run:
    """As from_images, with the maps of the attention rollout."""
    return step_and_show(policy, subject.observation, ROLLOUT)


def contribution(policy: ActPolicy, subject: Subject) -> Run:
    """As from_images, with the maps of the pixels' contributions, one pass after the other."""
    return contribute_and_show(policy, subject.observation, CONTRIBUTION)


def token_contribution(policy: ActPolicy, subject: Subject) -> Run:
    """The same of the tokens' contributions, from the tokens of the tick's own pass."""
    policy.compare_with(policy.mean_tokens([subject.observation]))
    return contribute_and_show(policy, subject.observation, TOKEN_CONTRIBUTION)


def contribution_alone(policy: ActPolicy, subject: Subject) -> Run:
    """The maps of the pixels' contributions alone, of a tick whose pass has run."""
    return contribute(policy, subject.observation, CONTRIBUTION)


def token_contribution_alone(policy: ActPolicy, subject: Subject) -> Run:
    """The same of the tokens' contributions."""
    policy.compare_with(policy.mean_tokens([subject.observation]))
    return contribute(policy, subject.observation, TOKEN_CONTRIBUTION)


def contribute(
    policy: ActPolicy, observation: Mapping[str, NDArray[Any]], method: str
) -> Callable[[], AttentionMaps]:
    """Maps of the contributions to a tick whose pass has run."""
    request = ContributionRequest(method)
    policy.keep_inputs(keep=True)
    output = policy.step(observation)

    def run() -> AttentionMaps:
        found = policy.contribute(observation, request, output)
        return found.maps(policy.spec.layout, request.cell if method == CONTRIBUTION else None)

    return run


def contribute_and_show(
    policy: ActPolicy, observation: Mapping[str, NDArray[Any]], method: str
) -> Run:
    """A tick from images with the maps of contributions, on any observation."""
    show, request = Show(observation), ContributionRequest(method)
    policy.keep_inputs(keep=True)

    def run() -> None:
        found = policy.contribute(observation, request, policy.step(observation))
        show(found.maps(policy.spec.layout, request.cell))

    return run


def step_and_show(
    policy: Policy, observation: Mapping[str, NDArray[Any]], method: str = CROSS_ATTENTION
) -> Run:
    """As from_images, on any observation, with any method's maps."""
    show, selection = Show(observation), last_layer(method, policy.spec)
    selection.apply_to(policy)
    return lambda: show(selection.maps(policy.step(observation), policy.spec))


def _forward_and_show(policy: ActPolicy, subject: Subject, method: str) -> Run:
    inputs, show = normalised(policy, subject), Show(subject.observation)
    selection = last_layer(method, policy.spec)

    def run() -> None:
        result = policy.forward(inputs, looks=[selection.look])
        weights = {key: batch[0] for key, batch in result.weights.items()}
        show(selection.maps_of(weights, policy.spec))

    return run
