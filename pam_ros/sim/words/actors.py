# SPDX-License-Identifier: Apache-2.0
"""What drives the arm by words: LeRobot's own policy class, or a policy of pam_ros."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from pam_ros.policy.abilities import Instructed, Observing, lacks
from pam_ros.sim.errors import SimError
from pam_ros.sim.rollout import Actor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pam_ros.policy.interface import Policy
    from pam_ros.sim.words.lerobot_api import SmolVLAPolicy


class WordActor(Actor, Protocol):
    """An Actor that is told what to do."""

    def instruct(self, text: str | None) -> None:
        """Act by these words from now on; None: with the words masked, as if there were none.

        What was planned by other words is dropped.
        """


class LeRobotActor:
    """LeRobot's own SmolVLAPolicy, with noise of its own: the same episode draws the same.

    before, after: its processors. seed: of the noise.
    """

    def __init__(self, policy: SmolVLAPolicy, before: Any, after: Any, seed: int = 0) -> None:
        self._policy = policy.eval()
        self._before, self._after = before, after
        self._seed = seed
        self._text: str | None = None
        self.reset()

    def reset(self) -> None:
        """Start an episode."""
        self._policy.reset()
        self._noise = torch.Generator().manual_seed(self._seed)

    def instruct(self, text: str | None) -> None:
        """See WordActor."""
        self._text = text
        self._policy.reset()

    def act(self, observation: Mapping[str, NDArray[Any]]) -> NDArray[np.floating[Any]]:
        """Joint targets (6,), radians."""
        batch: dict[str, Any] = {"task": self._text or ""}
        for name, value in observation.items():
            array = np.ascontiguousarray(value)
            if array.ndim == 3:
                batch[name] = torch.from_numpy(array).permute(2, 0, 1).float() / 255.0
            else:
                batch[name] = torch.from_numpy(array.astype(np.float32))
        prepared = self._before(batch)
        if self._text is None:
            mask = "observation.language.attention_mask"
            prepared[mask] = torch.zeros_like(prepared[mask])
        config = self._policy.config
        noise = torch.randn((1, config.chunk_size, config.max_action_dim), generator=self._noise)
        with torch.inference_mode():
            action = self._policy.select_action(prepared, noise=noise)
        return np.asarray(self._after(action)[0].cpu().numpy())


class PolicyActor:
    """A policy of pam_ros. Raises SimError when it does not read words."""

    def __init__(self, policy: Policy) -> None:
        if not isinstance(policy, Instructed):
            raise SimError(lacks(policy, "it reads no words"))
        self._policy: Any = policy

    def reset(self) -> None:
        """Start an episode."""
        self._policy.reset()

    def instruct(self, text: str | None) -> None:
        """See WordActor. Raises SimError where words are to be masked: a policy has no way to."""
        if text is None:
            raise SimError(f"{self._policy.spec.name} cannot be asked to act with its words masked")
        self._policy.instruct(text)
        self._policy.reset()  # its queue holds what the words before asked for

    def act(self, observation: Mapping[str, NDArray[Any]]) -> NDArray[np.floating[Any]]:
        """Joint targets (6,), radians."""
        queued = self._policy.pop_action()
        if queued is not None:
            if isinstance(self._policy, Observing):
                self._policy.observe(observation)
            self._policy.skip()
            return np.asarray(queued.action)
        return np.asarray(self._policy.step(observation).action)
