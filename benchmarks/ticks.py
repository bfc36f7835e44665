# SPDX-License-Identifier: Apache-2.0
"""Our tick and its parts, each as a function to be timed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.attention.maps import attention_maps, encoder_attention_maps
from pam_ros.attention.overlay import Overlay
from pam_ros.attention.rollout import rollout_maps
from pam_ros.attention.scale import RunningScale
from pam_ros.policy.act.passes import Prepared

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from benchmarks.sizes import Subject
    from pam_ros.attention.maps import AttentionMaps
    from pam_ros.policy.abilities import TokenEditing

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


def normalised(policy: TokenEditing, subject: Subject) -> Prepared:
    """The very tensors that lerobot's forward pass is timed on."""
    spec, batch = policy.spec, subject.batch
    return Prepared(
        images=tuple(batch[camera.feature] for camera in spec.cameras),
        state=batch[spec.state_feature] if spec.state_feature else None,
        environment=None,
    )


def forward(policy: TokenEditing, subject: Subject) -> Run:
    """Normalised tensors to chunk and weights, as NumPy arrays."""
    inputs = normalised(policy, subject)
    return lambda: policy.forward(inputs)


def tick(policy: TokenEditing, subject: Subject) -> Run:
    """Normalised tensors to chunk, weights, maps, overlays."""
    inputs, show = normalised(policy, subject), Show(subject.observation)

    def run() -> None:
        result = policy.forward(inputs)
        show(attention_maps(result.attention[0], policy.spec.layout))

    return run


def encoder_tick(policy: TokenEditing, subject: Subject) -> Run:
    """As tick, with the maps of the last encoder layer's self-attention."""
    inputs, show = normalised(policy, subject), Show(subject.observation)
    layer = policy.spec.encoder_layers - 1

    def run() -> None:
        weights = policy.forward(inputs, encoder_layers=(layer,)).encoder_attention[layer][0]
        show(encoder_attention_maps(weights, policy.spec.layout, layer))

    return run


def rollout_tick(policy: TokenEditing, subject: Subject) -> Run:
    """As tick, with the maps of the attention rollout through all encoder layers."""
    inputs, show = normalised(policy, subject), Show(subject.observation)
    layers = tuple(range(policy.spec.encoder_layers))

    def run() -> None:
        result = policy.forward(inputs, encoder_layers=layers, mean_over_heads=True)
        weights = {layer: batch[0] for layer, batch in result.encoder_attention.items()}
        decoder = result.attention[0, -1]
        show(rollout_maps(weights, policy.spec.layout, decoder=decoder))

    return run


def from_images(policy: TokenEditing, subject: Subject) -> Run:
    """uint8 images to the un-normalised action, maps, overlays: all that a node does but topics."""
    return step_and_show(policy, subject.observation)


def rollout_from_images(policy: TokenEditing, subject: Subject) -> Run:
    """As from_images, with the maps of the attention rollout."""
    show = Show(subject.observation)
    policy.show_encoder_layers(range(policy.spec.encoder_layers), mean_over_heads=True)

    def run() -> None:
        output = policy.step(subject.observation)
        decoder = output.attention[-1]
        show(rollout_maps(output.encoder_attention, policy.spec.layout, decoder=decoder))

    return run


def step_and_show(policy: TokenEditing, observation: Mapping[str, NDArray[Any]]) -> Run:
    """As from_images, on any observation."""
    show = Show(observation)

    def run() -> None:
        output = policy.step(observation)
        show(attention_maps(output.attention, policy.spec.layout))

    return run
