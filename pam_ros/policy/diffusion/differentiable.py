# SPDX-License-Identifier: Apache-2.0
"""The chunk as a function of the pictures, at noise that stays the same.

lerobot's own modules compute it, in copies that share the weights and nothing else: the hooks of a
pass, and the place where its scheduler is, are not theirs. So another thread may step the policy
meanwhile.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from pam_ros.policy.act.contribution_baselines import PictureBaselines
from pam_ros.policy.act.path import zero_observation
from pam_ros.policy.diffusion.passes import conditioning, denoised, feature_maps
from pam_ros.policy.diffusion.spec import encoders_of
from pam_ros.policy.hooks.sites import unhook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from pam_ros.policy.diffusion.prepare import Preparation, Prepared
    from pam_ros.policy.interface import PolicySpec


class Differentiable:
    """For one thread at a time. Make it while no pass runs.

    Args:
        model: lerobot's DiffusionModel, whose parameters take no gradients.
        spec: the policy's.
        preparation: of its inputs.
    """

    def __init__(self, model: Any, spec: PolicySpec, preparation: Preparation) -> None:
        self._spec = spec
        self._whole = _sharing(model)
        self._tail = _sharing(model)
        for encoder in encoders_of(self._tail):
            # What is left of it reads feature maps instead of pictures.
            encoder.resize, encoder.do_crop, encoder.backbone = None, False, nn.Identity()
        zeros = zero_observation(spec)
        self.zeros = preparation.histories([(zeros,) * spec.history], [0])
        """Black pictures and vectors of zeros, normalised."""
        self._baselines = PictureBaselines(spec, _Zeros(self.zeros))

    def conditioning(self, inputs: Prepared) -> Tensor:
        """(B, D), all that the U-Net sees of these inputs."""
        return conditioning(self._whole, inputs)

    def features(self, inputs: Prepared) -> Tensor:
        """(B, S, cameras, C, rows, cols), the feature maps of these inputs' pictures."""
        return feature_maps(self._whole, inputs)

    def chunks(self, inputs: Prepared) -> Tensor:
        """(B, C, A) normalised, of pictures."""
        return self.of_conditioning(self.conditioning(inputs), inputs.seeds)

    def of_features(self, inputs: Prepared, features: Tensor) -> Tensor:
        """(B, C, A) normalised, of feature maps; the inputs' pictures are not read."""
        cond = conditioning(self._tail, inputs._replace(images=features))
        return self.of_conditioning(cond, inputs.seeds)

    def of_conditioning(self, cond: Tensor, seeds: Sequence[int]) -> Tensor:
        """(B, C, A) normalised."""
        return denoised(self._whole, cond, seeds)[:, self._spec.history - 1 :]

    def baseline(self, images: Tensor, name: str, episode: int = -1) -> tuple[Tensor, str, str]:
        """What pictures (1, S, cameras, 3, H, W) are compared with, its name, why it is another.

        Args:
            images: normalised.
            name: one of CONTRIBUTION_BASELINES.
            episode: of the pictures, for the running mean.
        """
        singles = [image[None] for image in images.flatten(0, 2)]
        starts, baseline, reason = self._baselines.of(name, singles, episode)
        return torch.cat(list(starts)).view_as(images), baseline, reason


class _Zeros:
    """What PictureBaselines takes of a Preparation."""

    def __init__(self, zeros: Prepared) -> None:
        assert zeros.images is not None
        self.images = tuple(image[None] for image in zeros.images.flatten(0, 2))

    def one(self, observation: object) -> _Zeros:  # noqa: ARG002  (there is but one)
        return self


def expanded(inputs: Prepared, count: int) -> Prepared:
    """One history's inputs, so many times, with the same noise."""

    def many(part: Tensor | None) -> Tensor | None:
        return None if part is None else part.expand(count, *part.shape[1:])

    state = inputs.state.expand(count, *inputs.state.shape[1:])
    return inputs._replace(
        state=state,
        images=many(inputs.images),
        environment=many(inputs.environment),
        seeds=inputs.seeds * count,
    )


def _sharing(model: Any) -> Any:
    """A copy of the modules with the very tensors of the original, and without its hooks."""
    shared = [*model.parameters(), *model.buffers()]
    copied = copy.deepcopy(model, {id(tensor): tensor for tensor in shared})
    unhook(copied)
    return copied
