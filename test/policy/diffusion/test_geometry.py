# SPDX-License-Identifier: Apache-2.0
"""Where each cell looks, by probes through lerobot's own resize, crop and ResNet."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tiny_diffusion import TOP, make_diffusion
from torch import nn

from pam_ros.policy import load_policy
from pam_ros.policy.diffusion.spec import axis

SIZES = [(96, 128), (240, 320), (123, 211), (101, 180), (480, 640)]
STEPS = {
    "plain": lambda _: {},
    "crop": lambda hw: {"crop_shape": (int(hw[0] * 0.85), int(hw[1] * 0.9))},
    "resize": lambda _: {"resize_shape": (97, 160)},
    "resize_and_crop": lambda _: {"resize_shape": (120, 164), "crop_ratio": 0.87},
}


def encoder_of(size, steps):
    reference = make_diffusion({TOP: size}, **steps)
    return reference, reference.policy.diffusion.rgb_encoder


def places(reference, tmp_path):
    """(rows,) and (cols,) of pixels where the policy's cells look."""
    policy = load_policy(reference.save(tmp_path / "policy"), device="cpu")
    (grid,) = policy.spec.layout.cameras
    return grid.y0 + grid.dy * np.arange(grid.rows), grid.x0 + grid.dx * np.arange(grid.cols)


def before_the_network(encoder, picture):
    """What lerobot's forward does to (1, C, H, W) before its backbone."""
    seen = []
    handle = encoder.backbone.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.inference_mode():
        encoder(picture)
    handle.remove()
    return seen[0]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_the_network_reads_at_pixel_32_c_what_was_there(size, steps, tmp_path):
    reference, encoder = encoder_of(size, steps(size))
    y, x = places(reference, tmp_path)
    height, width = size
    # A picture whose values are its own pixel numbers says where each pixel of what is read is of.
    rows = torch.arange(height, dtype=torch.float32)[:, None].expand(height, width)
    cols = torch.arange(width, dtype=torch.float32).expand(height, width)
    picture = torch.stack([cols, rows, torch.zeros_like(rows)])[None]
    read = before_the_network(encoder, picture)[0]
    at = read[:2, ::32, ::32].numpy()
    assert at.shape[1:] == (len(y), len(x))
    # A resized pixel is the mean of some, whose middle is where it should be to a part of a pixel;
    # at the very edge there are none on one side.
    resized = encoder.resize is not None
    inner, tolerance = (slice(1, -1), 0.1) if resized else (slice(None), 1e-4)
    for found, expected in ((at[0].mean(axis=0), x), (at[1].mean(axis=1), y)):
        np.testing.assert_allclose(found[inner], expected[inner], atol=tolerance)
        np.testing.assert_allclose(found, expected, atol=0.5 if resized else 1e-4)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_a_spot_is_strongest_and_even_in_the_cell_that_looks_at_it(size, tmp_path):
    reference, encoder = encoder_of(size, STEPS["crop"](size))
    y, x = places(reference, tmp_path)
    # Weights above 0 and no norms, and nothing mixed but where the map shrinks: each cell is a bell
    # round the place where it looks, that its neighbours' just reach.
    for name, module in list(encoder.backbone.named_modules()):
        if isinstance(module, nn.Conv2d):
            nn.init.constant_(module.weight, 1 / module.weight[0].numel())
            if module.kernel_size == (3, 3) and module.stride == (1, 1):
                with torch.no_grad():
                    module.weight.zero_()[:, :, 1, 1] = 1 / module.in_channels
        if isinstance(module, nn.GroupNorm):
            parent = encoder.backbone.get_submodule(name.rpartition(".")[0])
            setattr(parent, name.rpartition(".")[2], nn.Identity())
    features = []
    encoder.backbone.register_forward_hook(lambda *given: features.append(given[2]))
    row, col = len(y) // 2, len(x) // 2
    for shift in (-2, 0, 2):
        picture = torch.zeros(1, 3, *size)
        cy, cx = round(y[row]) + shift, round(x[col]) + shift
        picture[:, :, cy - 2 : cy + 3, cx - 2 : cx + 3] = 1.0
        with torch.inference_mode():
            encoder(picture)
        (found,) = features.pop()[:, 0]
        for line, index in ((found[:, col], row), (found[row], col)):
            assert int(line.argmax()) == index
            if 0 < index < len(line) - 1:
                lean = float(line[index + 1] - line[index - 1])
                assert line[index - 1] > 0 or line[index + 1] > 0
                if shift:
                    assert np.sign(lean) == np.sign(shift)
                else:
                    assert lean == pytest.approx(0, abs=1e-4 * float(line[index + 1]))


def test_a_crop_of_an_odd_rest_is_rounded_as_torchvision_does():
    from torchvision.transforms import CenterCrop

    for size in range(90, 110):
        for crop in range(80, 90):
            line = torch.arange(size, dtype=torch.float32).expand(1, size, size)
            cut = CenterCrop((crop, crop))(line)
            assert axis(size, None, crop).start == float(cut[0, 0, 0])
