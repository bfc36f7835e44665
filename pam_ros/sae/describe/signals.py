# SPDX-License-Identifier: Apache-2.0
"""Joint positions, velocities and actions of a store's ticks, for its features' correlations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors
import safetensors.numpy

from pam_ros.policy.abilities import Batching, lacks
from pam_ros.policy.words import Saying
from pam_ros.sae.describe.descriptions import Signals
from pam_ros.sae.errors import SaeError
from pam_ros.sae.store.frames import unpack_observations
from pam_ros.sae.store.manifest import first_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pam_ros.policy.interface import Policy
    from pam_ros.sae.store.token_store import TokenStore

STATE = "observation.state"


class JointSignals:
    """The signals of a shard: "position J", "velocity J" per tick, and "action A".

    A velocity is the difference to the episode's tick before, unknown in its first. An action is
    the first of the chunk that the policy predicts from the kept observation.

    Args:
        store: that keeps observations.
        names: of the joints; numbers where there are fewer.
        policy: for the actions; None for none.
        instruction: said at every tick to a policy that reads words; empty: what the store says.

    Raises:
        PolicyError: the policy cannot read the instruction.
        SaeError: the observations have no joint state, or the policy runs no pass on its own.
    """

    def __init__(
        self,
        store: TokenStore,
        names: Sequence[str] = (),
        policy: Policy | None = None,
        instruction: str = "",
    ) -> None:
        self._saying = None if policy is None else Saying(policy, instruction)
        self._policy: Batching[Any] | None = None
        if isinstance(policy, Batching):
            self._policy = policy
        elif policy is not None:
            raise SaeError(lacks(policy, "its actions need passes beside its ticks: no --actions"))
        self._store = store
        self._given = tuple(names)
        # Where the shard before ended: its last tick, for the first velocity of the next.
        self._last: tuple[int, int, NDArray[np.float64]] | None = None

    def __call__(self, index: int) -> Signals:
        """Of shard `index`; shards must come in their order."""
        path = self._store.folder / str(self._store.shards[index].observations)
        try:
            with safetensors.safe_open(path, framework="np") as file:
                if STATE not in file.keys():  # noqa: SIM118
                    raise SaeError(f"{path} has no {STATE}: there are no joints to compare with")
                state = file.get_tensor(STATE).astype(np.float64)
                episode, frame = file.get_tensor("episode"), file.get_tensor("frame")
        except (safetensors.SafetensorError, OSError, ValueError) as error:
            raise SaeError(f"{path} is damaged: {first_line(error)}") from None
        velocity = np.full(state.shape, np.nan)
        follows = (episode[1:] == episode[:-1]) & (frame[1:] == frame[:-1] + 1)
        velocity[1:][follows] = np.diff(state, axis=0)[follows]
        if self._last is not None and self._last[:2] == (int(episode[0]), int(frame[0]) - 1):
            velocity[0] = state[0] - self._last[2]
        self._last = (int(episode[-1]), int(frame[-1]), state[-1])
        joints = self._names(state.shape[1])
        names = [f"{what} {joint}" for what in ("position", "velocity") for joint in joints]
        values = [state, velocity]
        if self._policy is not None:
            actions = self._actions(index)
            names += [f"action {joint}" for joint in self._names(actions.shape[1])]
            values.append(actions)
        return Signals(tuple(names), np.concatenate(values, axis=1))

    def _names(self, count: int) -> list[str]:
        return [*self._given[:count], *map(str, range(min(len(self._given), count), count))]

    def _actions(self, index: int) -> NDArray[np.float64]:
        assert self._policy is not None
        assert self._saying is not None
        path = self._store.folder / str(self._store.shards[index].observations)
        arrays = safetensors.numpy.load_file(path)
        found = []
        for _, _, observation, task in unpack_observations(arrays, range(len(arrays["episode"]))):
            self._saying.at(task)
            found.append(self._policy.forward(self._policy.prepare([observation])).chunks[0, 0])
        return np.array(found, np.float64)
