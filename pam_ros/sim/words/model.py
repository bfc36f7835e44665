# SPDX-License-Identifier: Apache-2.0
"""A SmolVLA policy in training: LeRobot's class and loss, arranged so that a picture is seen once.

A batch has B observations, O instructions of each and K draws of noise for each of those. LeRobot's
own `forward` would compute the pictures O * K times. Here the vision tower runs on B, the prefix on
B * O, and the action expert on B * O * K, each by LeRobot's own functions; the loss is the same
(test/sim/words/test_words_model.py compares the two).

Two auxiliary heads, which the finished policy does not have, say which image token holds the object
that the words name, and which tokens hold each of the three, and where in the token. The first
reads what the last layer of the action expert reads, the second what the vision tower gives.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from pam_ros.sim.scene import CAMERA_NAMES, IMAGE_HEIGHT, IMAGE_WIDTH, JOINT_NAMES, OBJECTS
from pam_ros.sim.words.draws import CHUNK, HEIGHT
from pam_ros.sim.words.lerobot_api import (
    FeatureType,
    PolicyFeature,
    SmolVLAConfig,
    SmolVLAPolicy,
    make_att_2d_masks,
)
from pam_ros.sim.words.vlm_folder import GRID, HIDDEN, LAYERS, PATCH, SHUFFLE, SIDE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ACTION_STEPS = 5
"""Of a chunk that are executed before the next pass: half a second."""

CELL = PATCH * SHUFFLE
"""Pixels a side of an image token."""

NOISE_DRAWS = 4


class Losses(NamedTuple):
    """Of a batch, scalars.

    actions: LeRobot's flow matching. named: of the head for the named object; each: of the one for
    all objects.
    """

    actions: Tensor
    named: Tensor
    each: Tensor


def config(vlm_folder: Path | str) -> SmolVLAConfig:
    """The configuration of the shipped policy; vlm_folder: as `write_vlm_folder` made it."""
    inputs = {"observation.state": PolicyFeature(FeatureType.STATE, (len(JOINT_NAMES),))}
    for camera in CAMERA_NAMES:
        inputs[f"observation.images.{camera}"] = PolicyFeature(
            FeatureType.VISUAL, (3, IMAGE_HEIGHT, IMAGE_WIDTH)
        )
    return SmolVLAConfig(
        input_features=inputs,
        output_features={"action": PolicyFeature(FeatureType.ACTION, (len(JOINT_NAMES),))},
        vlm_model_name=str(vlm_folder),
        load_vlm_weights=False,
        num_vlm_layers=LAYERS,
        chunk_size=CHUNK,
        n_action_steps=ACTION_STEPS,
        resize_imgs_with_padding=(SIDE, SIDE),
        max_state_dim=len(JOINT_NAMES),
        max_action_dim=len(JOINT_NAMES),
        freeze_vision_encoder=False,
        train_expert_only=False,
        device="cpu",
        push_to_hub=False,
    )


def word_embedding(policy: SmolVLAPolicy) -> Tensor:
    """The policy's (tokens, HIDDEN) embedding of words."""
    model: Any = policy.model
    embedding: Tensor = (
        model.vlm_with_expert.get_vlm_model().text_model.get_input_embeddings().weight
    )
    return embedding


class Trainee(nn.Module):
    """The policy and the two heads, in training.

    state and actions are normalised: (value - mean) / std, as LeRobot's processors do it.
    """

    def __init__(self, vlm_folder: Path | str) -> None:
        super().__init__()
        self.policy: Any = SmolVLAPolicy(config(vlm_folder))
        self.locate_named = _head(3)
        self.locate_each = _head(3 * len(OBJECTS))
        self._last_input: Tensor | None = None
        layer = self.policy.model.vlm_with_expert.get_vlm_model().text_model.layers[-1]
        layer.input_layernorm.register_forward_pre_hook(self._keep)

    def forward(
        self,
        images: Tensor,
        state: Tensor,
        plans: Tensor,
        objects: Tensor,
        tokens: Tensor,
        words: Tensor,
        noise: Tensor,
        time: Tensor,
    ) -> Losses:
        """Losses of a batch.

        images (B, C, H, W, 3) uint8; state (B, 6); plans (B, O, CHUNK, 6); objects (B, C, O, 3) as
        in `draws.Batch`. tokens (B * O, L) int64 and words (B * O, L) bool, false where a text has
        ended. noise (B * O, K, CHUNK, 6) and time (B * O, K), between 0 (the plan) and 1 (noise).
        """
        model = self.policy.model
        count, asked, draws = len(images), plans.shape[1], noise.shape[1]
        seen = self._embed_images(images)
        prefix, valid, blocks = self._embed_prefix(
            [camera.repeat_interleave(asked, 0) for camera in seen],
            tokens, words, state.repeat_interleave(asked, 0),
        )  # fmt: skip
        _, cache = model.vlm_with_expert.forward(
            attention_mask=make_att_2d_masks(valid, blocks),
            position_ids=torch.cumsum(valid, dim=1) - 1,
            past_key_values=None,
            inputs_embeds=[prefix, None],
            use_cache=True,
            fill_kv_cache=True,
        )
        cache = {
            layer: {name: value.repeat_interleave(draws, 0) for name, value in entry.items()}
            for layer, entry in cache.items()
        }
        wanted = plans.flatten(0, 1).repeat_interleave(draws, 0)
        noise, time = noise.flatten(0, 1), time.flatten(0, 1)
        share = time[:, None, None]
        velocity = model.denoise_step(
            valid.repeat_interleave(draws, 0), cache, share * noise + (1 - share) * wanted, time
        )
        actions = F.mse_loss(velocity.float(), noise - wanted)
        cells = GRID * GRID
        assert self._last_input is not None
        read = self._last_input[:, : len(seen) * cells].reshape(-1, len(seen), cells, HIDDEN)
        named = location_loss(
            self.locate_named(read).float(),
            objects.transpose(1, 2).flatten(0, 1),  # (B * O, C, 3)
        )
        each = self.locate_each(torch.stack(seen, 1)).float()  # (B, C, cells, 3 * O)
        each = each.view(*each.shape[:-1], asked, 3).transpose(2, 3)  # (B, C, O, cells, 3)
        self._last_input = None
        assert count == len(each)
        return Losses(actions, named, location_loss(each, objects))

    def _embed_images(self, images: Tensor) -> list[Tensor]:
        """One (B, cells, HIDDEN) a camera, of (B, C, H, W, 3) uint8."""
        pixels = images.permute(1, 0, 4, 2, 3).float() / 255.0
        named = {
            f"observation.images.{camera}": pixels[index]
            for index, camera in enumerate(CAMERA_NAMES)
        }
        prepared, _ = self.policy.prepare_images(named)
        together = self.policy.model.vlm_with_expert.embed_image(torch.cat(prepared))
        return list(together.float().chunk(len(CAMERA_NAMES)))

    def _embed_prefix(
        self, images: list[Tensor], tokens: Tensor, words: Tensor, state: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        present = [torch.ones(len(state), dtype=torch.bool, device=state.device)] * len(images)
        with _embedded(self.policy.model.vlm_with_expert):
            embedded: tuple[Tensor, Tensor, Tensor] = self.policy.model.embed_prefix(
                images, present, tokens, words, state=state
            )
        return embedded

    def _keep(self, _module: nn.Module, inputs: tuple[Tensor]) -> None:
        self._last_input = inputs[0]


def _head(outputs: int) -> nn.Module:
    return nn.Sequential(nn.LayerNorm(HIDDEN), nn.Linear(HIDDEN, outputs))


@contextmanager
def _embedded(model: Any) -> Iterator[None]:
    """The model is handed image tokens in place of pictures."""
    model.embed_image = lambda tokens: tokens
    try:
        yield
    finally:
        del model.embed_image


def location_loss(output: Tensor, places: Tensor) -> Tensor:
    """Cross entropy of the token that holds an object, plus L1 of the place in it, in tokens.

    output: (..., cells, 3): logit, column and row from the token's middle. places: (..., 3): column
    and row in pixels of the half-size picture, depth in metres. What a camera does not have in its
    view asks for nothing.
    """
    output, places = output.flatten(0, -3), places.flatten(0, -2)
    pad = torch.tensor([0.0, SIDE - HEIGHT], device=places.device)
    cells = (places[:, :2] + pad + 0.5) / CELL - 0.5
    inside = (places[:, :2] >= -0.5).all(1) & (cells < GRID - 0.5).all(1) & (places[:, 2] > 0)
    if not inside.any():
        return output.sum() * 0.0
    output, cells = output[inside], cells[inside]
    nearest = cells.round().clamp(0, GRID - 1)
    index = (nearest[:, 1] * GRID + nearest[:, 0]).long()
    found = F.cross_entropy(output[..., 0], index)
    offset = output[torch.arange(len(index), device=index.device), index, 1:]
    return found + (offset - (cells - nearest)).abs().sum(1).mean()
