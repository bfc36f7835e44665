# SPDX-License-Identifier: Apache-2.0
"""A policy whose answer is known in closed form, and moments for it.

Each of three steps commands pan = left brightness + 2 * state and lift = 10 * right brightness,
brightness from 0 to 1, of the newest observation; with a history the brightness of the oldest one
is added.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pam_ros.ablation.moments import Moment
from pam_ros.policy.interface import (
    CameraSpec,
    EngineReport,
    FeatureStatistics,
    PolicyError,
    PolicyOutput,
    PolicySpec,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

LEFT, RIGHT, STATE = "observation.images.left", "observation.images.right", "observation.state"
HEIGHT, WIDTH, STEPS = 24, 32, 3


def make_spec(**changes) -> PolicySpec:
    known = {
        "name": "linear",
        "sha256": "0" * 64,
        "cameras": (CameraSpec(LEFT, HEIGHT, WIDTH), CameraSpec(RIGHT, HEIGHT, WIDTH)),
        "state_feature": STATE,
        "state_dim": 1,
        "environment_feature": None,
        "environment_dim": 0,
        "action_dim": 2,
        "chunk_size": STEPS,
        "n_action_steps": STEPS,
        "chunk_mode": "queue",
        "device": "cpu",
        "groups": (),
        "stacks": (),
        "statistics": {
            STATE: FeatureStatistics(mean=(0.5,)),
            "action": FeatureStatistics(std=(0.5, 5.0)),
        },
    }
    return PolicySpec(**{**known, **changes})


class Linear:
    """See above. It has no token layout and no ability."""

    engine = EngineReport("eager", "float32", 0.0, "the only one")

    def __init__(self, **changes) -> None:
        self.spec = make_spec(**changes)
        self.reset()

    def reset(self) -> None:
        self.seen: list = []
        self.count = 0

    def show(self, look) -> None:
        del look

    def pop_action(self):
        return None

    def skip(self) -> None:
        self.count += 1

    def step(self, observation: Mapping) -> PolicyOutput:
        return self.explain(observation)

    def explain(self, observation: Mapping) -> PolicyOutput:
        self.seen = [*self.seen, observation][-self.spec.history :]
        chunk = self.chunk()
        self.count += 1
        return PolicyOutput(
            action=chunk[0],
            chunk=chunk,
            tokens=None,
            chunk_mode="queue",
            chunk_executed=True,
            action_source_step=0,
            step=self.count - 1,
            forward_seconds=0.0,
        )

    def chunk(self) -> np.ndarray:
        newest = self.seen[-1]
        pan = brightness(newest[LEFT]) + 2 * float(newest[STATE][0])
        if self.spec.history > 1:
            pan += brightness(self.seen[0][LEFT])
        row = [pan, 10 * brightness(newest[RIGHT])]
        return np.tile(np.array(row, np.float32), (STEPS, 1))


class Reading(Linear):
    """It reads words, and adds their number to pan."""

    def __init__(self) -> None:
        super().__init__(instruction=True)
        self.instruction = "go there"

    def instruct(self, text: str) -> None:
        if text == "refused":
            raise PolicyError("linear knows no such word")
        self.instruction = text

    def chunk(self) -> np.ndarray:
        return super().chunk() + np.array([len(self.instruction.split()), 0], np.float32)


class Noisy(Linear):
    """It adds noise to pan, by all that it sees."""

    def __init__(self) -> None:
        super().__init__(stochastic=True)

    def source(self) -> Mapping:
        return self.seen[-1]

    def chunk(self) -> np.ndarray:
        seed = [
            np.ascontiguousarray(value).view(np.uint8).sum() for value in self.source().values()
        ]
        noise = np.random.default_rng(seed).normal(size=(STEPS, 1))
        return super().chunk() + (noise * [[1.0, 0.0]]).astype(np.float32)


class Holding(Noisy):
    """The same, and it can hold its noise."""

    held: Mapping | None = None

    def hold_noise(self, observation: Mapping | None) -> None:
        self.held = observation

    def source(self) -> Mapping:
        return super().source() if self.held is None else self.held


def brightness(picture: np.ndarray) -> float:
    return float(picture.mean()) / 255


def seen(left: int, right: int, state: float) -> dict:
    """An observation of two grey pictures."""
    return {
        LEFT: np.full((HEIGHT, WIDTH, 3), left, np.uint8),
        RIGHT: np.full((HEIGHT, WIDTH, 3), right, np.uint8),
        STATE: np.array([state], np.float32),
    }


def moment(episode: int, frame: int, observation: dict, **more) -> Moment:
    given = {"history": (observation,), "following": (observation,), "first": None, **more}
    return Moment(episode, frame, **given)
