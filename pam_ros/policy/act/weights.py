# SPDX-License-Identifier: Apache-2.0
"""The tensors of a checkpoint's file as the ACT module takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from pam_ros.policy.checkpoint import check_weights

if TYPE_CHECKING:
    from collections.abc import Mapping


_EMBEDDING = "encoder_1d_feature_pos_embed.weight"
# Its name until July 2024: for the same tokens in the same order, latent and joint state.
_EMBEDDING_2024 = "encoder_robot_and_latent_pos_embed.weight"


def fit_weights(
    name: str, weights: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """The tensors that the ACT module needs, as float32; half precision is widened.

    Args:
        name: the checkpoint's, for errors.
        weights: of the file, named as in lerobot's ACTPolicy ("model.encoder...").
        expected: of the module, named from within ("encoder..."), on any device.

    Raises:
        PolicyError: a tensor is missing, left over, of another shape, or not finite.
    """
    found = {key.removeprefix("model."): tensor for key, tensor in weights.items()}
    # The VAE encoder runs in training alone.
    found = {key: tensor for key, tensor in found.items() if not key.startswith("vae_encoder")}
    if _EMBEDDING_2024 in found:
        found[_EMBEDDING] = found.pop(_EMBEDDING_2024)
    check_weights(name, found, expected)
    return {key: tensor.to(torch.float32).contiguous() for key, tensor in found.items()}
