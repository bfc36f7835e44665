# SPDX-License-Identifier: Apache-2.0
"""Hook points of Diffusion Policy, in lerobot's own modules. It has no attention.

backbone.CAMERA       (B * history, channels, rows, cols), the ResNet's last feature map
conditioning          (B, dim), all that the U-Net sees of the observations
unet.down.K, unet.mid.K, unet.up.K
(B, channels, horizon), each block's output in every denoising step
unet                  (B, horizon, action_dim), its prediction in every denoising step
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pam_ros.policy.diffusion.spec import encoders_of
from pam_ros.policy.hooks.points import HookPoint
from pam_ros.policy.hooks.sites import MethodSite, OutputSite
from pam_ros.policy.short_names import short_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from pam_ros.policy.hooks.sites import Site
    from pam_ros.policy.interface import PolicySpec


def diffusion_sites(model: Any, spec: PolicySpec) -> Iterator[Site]:
    """Every site of a lerobot DiffusionModel, in the order of its pass."""
    encoders, count = encoders_of(model), len(spec.cameras)
    names = short_names(camera.feature for camera in spec.cameras)
    shared = len(encoders) == 1 and count > 1
    for number, camera in enumerate(spec.cameras):
        name = f"backbone.{names[camera.feature]}"
        point = HookPoint(name, ("batch * history", "channels", "rows", "cols"))
        if shared:
            rows = _Every(number, count)
            yield OutputSite(point, encoders[0].backbone, rows.read, rows.write)
        else:
            yield OutputSite(point, encoders[number].backbone)
    yield MethodSite(
        HookPoint("conditioning", ("batch", "dim")), model, "_prepare_global_conditioning"
    )
    unet, steps = model.unet, spec.denoising_steps
    axes = ("batch", "channels", "horizon")
    for number, block in enumerate(unet.down_modules):
        yield OutputSite(HookPoint(f"unet.down.{number}", axes, steps), block[1])
    for number, block in enumerate(unet.mid_modules):
        yield OutputSite(HookPoint(f"unet.mid.{number}", axes, steps), block)
    for number, block in enumerate(unet.up_modules):
        yield OutputSite(HookPoint(f"unet.up.{number}", axes, steps), block[1])
    yield OutputSite(HookPoint("unet", ("batch", "horizon", "action"), steps), unet)


class _Every:
    """One camera's part of what an encoder gives that reads those of all, one after the other."""

    def __init__(self, number: int, count: int) -> None:
        self._rows = slice(number, None, count)

    def read(self, output: Tensor) -> Tensor:
        """Its rows."""
        return output[self._rows]

    def write(self, output: Tensor, new: Tensor) -> Tensor:
        """All rows, with new ones of its own."""
        whole = output.clone()
        whole[self._rows] = new
        return whole
