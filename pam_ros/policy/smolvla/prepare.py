# SPDX-License-Identifier: Apache-2.0
"""Between the arrays and words of an observation and the tensors of a forward pass."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from pam_ros.policy.image_normaliser import as_lerobot_takes_it

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from pam_ros.policy.interface import CameraSpec
    from pam_ros.policy.smolvla.words import Reader, Words

    Observation = Mapping[str, NDArray[np.generic]]

STATE, TASK = "observation.state", "task"
TOKENS, MASK = "observation.language.tokens", "observation.language.attention_mask"


class Inputs(NamedTuple):
    """What lerobot's model takes, of B observations and one instruction.

    Attributes:
        batch: the cameras' (B, 3, H, W) float32 by feature, the joint state (B, state_dim), the
            words' tokens (B, L) and whether each is read (B, L).
        noise: (B, chunk_size, max_action_dim) float32.
        words: the instruction.
    """

    batch: dict[str, torch.Tensor]
    noise: torch.Tensor
    words: Words


class Preparation:
    """lerobot's pre- and post-processing of one policy, for any thread.

    Args:
        cameras: those that there are a picture of.
        state_dim: length of the joint state.
        device: of the model.
        processors: lerobot's pre- and post-processor.
        reader: of instructions.
    """

    def __init__(
        self,
        cameras: Sequence[CameraSpec],
        state_dim: int,
        device: str,
        processors: tuple[Any, Any],
        reader: Reader,
    ) -> None:
        self._features = [camera.feature for camera in cameras]
        self._state_dim = state_dim
        self._device = device
        self._preprocessor, self._postprocessor = processors
        self._reader = reader
        # Its steps keep what they are at work on in themselves, and so does the tokenizer.
        self._preprocessing, self._postprocessing = threading.Lock(), threading.Lock()

    def words(self, text: str) -> Words:
        """An instruction's words; a warning if it is cut."""
        state = torch.zeros(1, self._state_dim)
        batch = self._processed({STATE: state, TASK: text})
        tokens, mask = batch[TOKENS][0].tolist(), batch[MASK][0].tolist()
        with self._preprocessing:
            return self._reader.read(text, tokens, mask)

    def inputs(
        self, observations: Sequence[Observation], words: Words, noise: torch.Tensor
    ) -> Inputs:
        """Of at least one observation that check_observation passes, in memory of its own."""
        parts = [self._one(observation, words) for observation in observations]
        batch = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
        return Inputs(batch, noise.to(self._device), words)

    def pictures(
        self, pictures: Mapping[str, NDArray[np.uint8]], words: Words
    ) -> dict[str, torch.Tensor]:
        """(1, 3, H, W) by feature, of pictures of every camera."""
        still = np.zeros(self._state_dim, np.float32)
        return self._one({**pictures, STATE: still}, words)

    def unnormalised(self, actions: torch.Tensor) -> NDArray[np.float32]:
        """(N, action_dim) normalised to (N, action_dim) un-normalised."""
        with self._postprocessing, torch.inference_mode():
            return as_array(self._postprocessor(actions))

    def _one(self, observation: Observation, words: Words) -> dict[str, torch.Tensor]:
        raw: dict[str, Any] = {
            feature: as_lerobot_takes_it(observation[feature]) for feature in self._features
        }
        # A copy: with adapt_to_pi_aloha lerobot writes into it.
        raw[STATE] = torch.from_numpy(np.array(observation[STATE]))[None]
        processed = self._processed({**raw, TASK: words.text})
        return {name: processed[name] for name in (*self._features, STATE, TOKENS, MASK)}

    def _processed(self, raw: dict[str, Any]) -> dict[str, torch.Tensor]:
        with self._preprocessing, torch.no_grad():
            processed: dict[str, torch.Tensor] = self._preprocessor(raw)
        return processed


def as_array(tensor: torch.Tensor) -> NDArray[np.float32]:
    """Read-only, float32, in the computer's own memory."""
    array: NDArray[np.float32] = tensor.detach().to("cpu", torch.float32).numpy()
    array.flags.writeable = False
    return array
