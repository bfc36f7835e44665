# SPDX-License-Identifier: Apache-2.0
"""The parts of a tick after the forward pass: maps, their scale, and one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.interleave import Row
from bench.reference_rows import library_drawing
from pam_ros.attention.maps import attention_maps, encoder_attention_maps
from pam_ros.attention.overlay import Overlay
from pam_ros.attention.rollout import rollout_maps
from pam_ros.attention.scale import RunningScale
from pam_ros.policy import wrap

if TYPE_CHECKING:
    from bench.sizes import Subject

OVERLAYS, OVERLAYS_COLD = "overlays", "overlays_cold"
MAPS, ROLLOUT_MAPS = "maps", "rollout_maps"
REPEATS = 10
OTHER_WORK = 80_000_000
"""More bytes than any cache of these processors holds."""


def rows(subject: Subject) -> list[Row]:
    """Each on the weights of a real pass of the subject."""
    policy = wrap(subject.policy, subject.preprocessor, subject.postprocessor, engine="eager")
    layout = policy.spec.layout
    layers = range(policy.spec.encoder_layers)
    policy.show_encoder_layers(layers)
    output = policy.step(subject.observation)
    attention, encoder = output.attention, output.encoder_attention
    averaged = {layer: weights.mean(axis=0, keepdims=True) for layer, weights in encoder.items()}
    maps = attention_maps(attention, layout)
    images = [subject.observation[camera.feature] for camera in maps.cameras]
    overlay, picture = Overlay(), np.empty_like(images[0])
    full_scale = 4.0 / maps.tokens
    running = RunningScale()
    for _ in range(running.window):
        running.scale(maps)

    def draw() -> None:
        for image, camera in zip(images, maps.cameras, strict=True):
            overlay.draw(
                image,
                camera.cells,
                *(camera.x0, camera.y0, camera.dx, camera.dy),
                full_scale,
                maps.joint_state_share,
                out=picture,
            )

    other_work = np.zeros(OTHER_WORK, np.uint8)

    def work() -> None:
        np.add(other_work, 1, out=other_work)

    return [
        Row(
            OVERLAYS,
            f"ours: overlays of all cameras, {REPEATS} times in turn",
            draw,
            repeats=REPEATS,
        ),
        Row(
            OVERLAYS_COLD,
            "ours: overlays of all cameras, after 80 MB of other work",
            draw,
            before=work,
        ),
        Row(MAPS, "ours: maps of the cross-attention", lambda: attention_maps(attention, layout)),
        Row("scale", "ours: running scale of 100 ticks", lambda: running.scale(maps)),
        Row(
            "encoder_maps",
            "ours: maps of an encoder layer",
            lambda: encoder_attention_maps(encoder[layers[-1]], layout, layers[-1]),
        ),
        Row(
            ROLLOUT_MAPS,
            "ours: maps of the rollout",
            lambda: rollout_maps(averaged, layout, decoder=attention[-1]),
        ),
        library_drawing(subject),
    ]
