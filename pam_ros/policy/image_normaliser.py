# SPDX-License-Identifier: Apache-2.0
"""Normalised images straight from uint8 pixels, where lerobot's pipeline is one that is known.

lerobot's way takes five passes over a float32 image on the CPU. Scaling and normalising are one
multiplication and addition per pixel; here they are done in one, on the policy's device, to which
an image travels as it is. The numbers are read off lerobot's own pipeline, by what it makes of each
pixel value; where a pipeline does anything else, lerobot's way stays.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from pam_ros.policy.interface import CameraSpec

logger = logging.getLogger(__name__)

# Steps of lerobot that change no pixel by its place or its neighbours, and nothing by chance.
_KNOWN_STEPS = frozenset(
    {
        "RenameObservationsProcessorStep",
        "AddBatchDimensionProcessorStep",
        "DeviceProcessorStep",
        "NormalizerProcessorStep",
    }
)
# Largest difference to lerobot's value, relative to 1 or to the largest value.
TOLERANCE = 1e-6


class ImageNormaliser:
    """(H, W, 3) uint8 of one camera to (1, 3, H, W) float32, normalised, channels last in memory.

    Args:
        scale, shift: (3,) float64: normalised = pixel * scale + shift.
        width: the image's.
        device: where the result is.
    """

    def __init__(
        self, scale: NDArray[np.float64], shift: NDArray[np.float64], width: int, device: str
    ) -> None:
        # A row of the image at a time: broadcasting over three channels alone would crawl.
        self._scale, self._shift = (
            torch.from_numpy(np.tile(values, width).astype(np.float32)).to(device)
            for values in (scale, shift)
        )
        self._device = torch.device(device)
        self._pinned: Tensor | None = None
        self._uploaded: torch.cuda.Event | None = None
        self._rows: Tensor | None = None

    def __call__(self, image: NDArray[np.generic], *, reuse: bool = False) -> Tensor:
        """The normalised image.

        reuse: put it into memory that the next call with reuse overwrites, since new memory of this
            size costs more than the arithmetic. For one thread alone. Without it the result is the
            caller's own, and calls in other threads may run meanwhile.
        """
        height, width, channels = image.shape
        if not (image.flags.c_contiguous and image.flags.writeable):
            image = image.copy()  # torch takes neither backward views nor read-only arrays
        pixels = torch.from_numpy(image).view(height, width * channels)
        if self._device.type == "cuda":
            pixels = self._upload_pinned(pixels) if reuse else pixels.to(self._device)
        rows = self._memory(pixels) if reuse else torch.empty_like(pixels, dtype=torch.float32)
        rows.copy_(pixels)
        torch.addcmul(self._shift, rows, self._scale, out=rows)
        return rows.view(1, height, width, channels).permute(0, 3, 1, 2)

    def _memory(self, pixels: Tensor) -> Tensor:
        if self._rows is None:
            # In inference mode or out of it: what is made in it cannot be written to outside.
            with torch.inference_mode(mode=False):
                self._rows = torch.empty_like(pixels, dtype=torch.float32)
        return self._rows

    def _upload_pinned(self, pixels: Tensor) -> Tensor:
        if self._pinned is None or self._uploaded is None:
            with torch.inference_mode(mode=False):
                self._pinned = torch.empty_like(pixels, pin_memory=True)
            self._uploaded = torch.cuda.Event()  # type: ignore[no-untyped-call]
        # The pass of the last image may have failed before anybody waited for its upload.
        self._uploaded.synchronize()
        self._pinned.copy_(pixels)
        with torch.cuda.device(self._device):
            uploaded = self._pinned.to(self._device, non_blocking=True)
            self._uploaded.record()  # type: ignore[no-untyped-call]
        return uploaded


def read_off(preprocessor: Any, camera: CameraSpec, device: str) -> ImageNormaliser | None:
    """What does as lerobot's pipeline on this camera's images, or None where that is not known."""
    steps = [type(step).__name__ for step in getattr(preprocessor, "steps", ())]
    if not steps or not _KNOWN_STEPS.issuperset(steps):
        logger.info("%s: normalised by the pipeline's own steps", camera.feature)
        return None
    size = (camera.height, camera.width)
    if camera.height * camera.width < 256:
        return None
    values = np.arange(camera.height * camera.width, dtype=np.uint8).reshape(
        size
    )  # 0 to 255, again
    theirs = _pipeline(preprocessor, camera, np.stack([values] * 3, axis=-1))
    if theirs is None:
        return None
    table = theirs.flatten(1)[:, :256].double().cpu().numpy()  # (3, 256)
    scale, shift = (table[:, 255] - table[:, 0]) / 255, table[:, 0]
    ours = ImageNormaliser(scale, shift, camera.width, device)
    noise = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    for image in (noise, 255 - noise):
        expected = _pipeline(preprocessor, camera, image)
        found = ours(image)[0]
        if expected is None or not torch.allclose(
            found, expected.to(found), rtol=0, atol=TOLERANCE * max(1.0, float(np.abs(table).max()))
        ):
            logger.info("%s: normalised by lerobot's steps, which differ", camera.feature)
            return None
    return ours


def as_lerobot_takes_it(image: NDArray[np.generic]) -> Tensor:
    """(H, W, 3) uint8 to (1, 3, H, W) float32 in [0, 1], channels last in memory."""
    if not (image.flags.c_contiguous and image.flags.writeable):
        image = image.copy()
    return torch.from_numpy(image).permute(2, 0, 1).to(torch.float32).div_(255)[None]


def _pipeline(preprocessor: Any, camera: CameraSpec, image: NDArray[np.uint8]) -> Tensor | None:
    """What the pipeline makes of an image: (3, H, W)."""
    with torch.no_grad():
        batch = preprocessor({camera.feature: as_lerobot_takes_it(image)})
    normalised = batch.get(camera.feature)
    if not isinstance(normalised, torch.Tensor) or normalised.shape != (1, 3, *image.shape[:2]):
        return None
    return normalised[0]
