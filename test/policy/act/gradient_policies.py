# SPDX-License-Identifier: Apache-2.0
"""Policies that gradients are taken of."""

from __future__ import annotations

import math

import numpy as np
import torch

from pam_ros.policy import wrap
from pam_ros.policy.act.gradients import (
    Target,
)

TOP, WRIST = "observation.images.top", "observation.images.wrist"
STATE = "observation.state"
METHODS = ("input_gradients", "integrated_gradients", "grad_cam")
TWO_SIZES = {TOP: (40, 64), WRIST: (33, 48)}
ONE_CAMERA = {TOP: (40, 64)}
SEVENTH = Target(joint=2, step=7)


def wrapped(reference):
    return wrap(reference.policy, reference.preprocessor, reference.postprocessor)


def chunk(policy, prepared):
    """(C, A) float64 of the policy's own stateless pass, which is not the gradients' pass."""
    return policy.forward(prepared).normalised[0].astype(np.float64)


class Linear(torch.nn.Module):
    """Stands for ACT: every action is a fixed weighing of all inputs."""

    def __init__(self, act_module, observation, chunk_shape):
        super().__init__()
        self.config = act_module.config
        self.backbone = act_module.backbone
        self.chunk_shape = chunk_shape
        generator = torch.Generator().manual_seed(3)
        size = math.prod(chunk_shape)
        self.weights = {
            name: torch.randn(size, array.size, generator=generator)
            for name, array in observation.items()
        }

    def forward(self, batch):
        names = [name for name in self.weights if "image" in name]
        total = batch[STATE].flatten(1) @ self.weights[STATE].T
        for name, image in zip(names, batch["observation.images"], strict=True):
            total = total + image.flatten(1) @ self.weights[name].T
        return total.view(-1, *self.chunk_shape), (None, None)
