# SPDX-License-Identifier: Apache-2.0
"""A policy whose tokens are colours, and a source of known pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from planted_tokens import camera

from pam_ros.observations.source import Frame
from pam_ros.policy import CameraSpec, ObservationError, PolicyOutput, PolicySpec
from pam_ros.policy.act.spec import lay_out
from pam_ros.sae.store.token_store import TokenStore

IMAGE, STATE = "observation.images.top", "observation.state"
HEIGHT, WIDTH, JOINTS = 64, 96, 2
SECOND = 1_000_000_000


def make_spec(cameras=((IMAGE, HEIGHT, WIDTH),), joints=JOINTS) -> PolicySpec:
    layout = lay_out(
        [camera(height // 32, width // 32, name) for name, height, width in cameras],
        joint_state=True,
        environment=False,
    )
    return PolicySpec(
        name="fake", sha256="f" * 64, cameras=tuple(CameraSpec(*c) for c in cameras),
        state_feature=STATE, state_dim=joints, environment_feature=None, environment_dim=0,
        action_dim=joints, chunk_size=3, n_action_steps=1, chunk_mode="queue", device="cpu",
        groups=layout.groups, stacks=(),
    )  # fmt: skip


@dataclass
class FakePolicy:
    """Its tokens are the cells' mean colours: what it saw can be read back."""

    spec: PolicySpec = field(default_factory=make_spec)
    passes: int = 0
    nan_at: int | None = None

    def tokens(self, observation) -> np.ndarray:
        state = np.resize(observation[STATE], 3).astype(np.float32)
        rows = [np.zeros(3, np.float32), state]
        for spec in self.spec.cameras:
            image = observation[spec.feature].astype(np.float32) / 255
            cells = image.reshape(spec.height // 32, 32, spec.width // 32, 32, 3)
            rows += list(cells.mean(axis=(1, 3)).reshape(-1, 3))
        return np.stack(rows)

    def explain(self, observation) -> PolicyOutput:
        if observation[self.spec.cameras[0].feature].shape[0] != self.spec.cameras[0].height:
            raise ObservationError("the image has another size")
        tokens = self.tokens(observation)
        if self.nan_at == self.passes:
            tokens[2, 0] = np.nan
        self.passes += 1
        action = np.array([0.0, -0.39, 0.42, 1.54, 0.0, 0.4][: self.spec.action_dim], np.float32)
        return PolicyOutput(
            action, np.zeros((3, len(action)), np.float32), tokens, "queue", True, 0, 0, 0.0,
        )  # fmt: skip

    step = explain

    def reset(self) -> None:
        pass


@dataclass
class Pictures:
    """Two episodes of known observations."""

    lengths: tuple[int, ...] = (4, 3)
    dataset: str = "pictures"
    asked_after: Any = None

    def observation(self, episode: int, frame: int) -> dict[str, np.ndarray]:
        rng = np.random.default_rng([episode, frame])
        return {
            IMAGE: rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8),
            STATE: rng.normal(size=JOINTS).astype(np.float32),
        }

    def frames(self, after):
        self.asked_after = after
        for episode, length in enumerate(self.lengths):
            for frame in range(length):
                if after is None or (episode, frame) > after:
                    yield Frame(episode, frame, self.observation(episode, frame))


def stored(folder) -> tuple[np.ndarray, list[tuple[int, int, int]]]:
    store = TokenStore(folder)
    shards = [store.read(index) for index in range(len(store.shards))]
    where = [
        row
        for s in shards
        for row in zip(s.episode.tolist(), s.frame.tolist(), s.token.tolist(), strict=True)
    ]
    return np.concatenate([s.tokens for s in shards]), where
