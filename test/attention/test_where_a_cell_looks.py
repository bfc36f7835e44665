# SPDX-License-Identifier: Apache-2.0
"""The overlay's geometry against the network: a cell is drawn where its feature comes from."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.act.modeling_act import ACTPolicy

from pam_ros.attention.overlay import Overlay
from pam_ros.policy import wrap

TOP = "observation.images.top"
HEIGHT, WIDTH = 200, 256  # 200 is not a multiple of 32: the last row of cells is cut


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=["stride 32", "stride 16"])
def act(request):
    """A randomly initialised ACT policy with its own backbone."""
    dilated = request.param == "stride 16"
    torch.manual_seed(0)
    config = ACTConfig(
        input_features={TOP: PolicyFeature(FeatureType.VISUAL, (3, HEIGHT, WIDTH))},
        output_features={"action": PolicyFeature(FeatureType.ACTION, (2,))},
        pretrained_backbone_weights=None,
        vision_backbone="resnet50" if dilated else "resnet18",
        replace_final_stride_with_dilation=dilated,
        dim_model=16,
        n_heads=2,
        dim_feedforward=16,
        n_encoder_layers=1,
        use_vae=False,
        device="cpu",
    )
    return ACTPolicy(config).eval()


def response(act, x, y, seed):
    """How far each cell's feature moves when the 16x16 patch centred on pixel (x, y) changes."""
    rng = np.random.default_rng(seed)
    image = torch.from_numpy(rng.normal(size=(1, 3, HEIGHT, WIDTH))).float()
    perturbed = image.clone()
    patch = perturbed[:, :, max(0, y - 8) : y + 8, max(0, x - 8) : x + 8]
    patch[...] = torch.from_numpy(rng.normal(size=patch.shape))
    with torch.inference_mode():
        before, after = act.model.backbone(torch.cat([image, perturbed]))["feature_map"]
    return (after - before).norm(dim=0).numpy()


def test_a_patch_where_a_cell_is_drawn_moves_that_cells_feature_most(act):
    (tokens,) = wrap(act, dict, lambda actions: actions).spec.layout.cameras
    if tokens.dx == 16:
        pytest.skip("a dilated stage skips cells: the next test shows where its cells look")
    for row in range(tokens.rows):
        for col in range(row % 2, tokens.cols, 2):
            x, y = tokens.x0 + col * tokens.dx, tokens.y0 + row * tokens.dy
            moved = response(act, int(x), int(y), seed=row * tokens.cols + col)
            assert np.unravel_index(moved.argmax(), moved.shape) == (row, col)


def test_the_features_that_a_patch_moves_are_centred_on_the_cell_drawn_there(act):
    (tokens,) = wrap(act, dict, lambda actions: actions).spec.layout.cameras
    middle_row, middle_col = tokens.rows // 2, tokens.cols // 2
    offsets = []
    for seed in range(12):
        row, col = middle_row - seed % 2, middle_col - seed % 3 + 1
        x, y = tokens.x0 + col * tokens.dx, tokens.y0 + row * tokens.dy
        moved = response(act, int(x), int(y), seed) ** 2
        rows, cols = np.indices(moved.shape)
        total = moved.sum()
        offsets.append(((rows * moved).sum() / total - row, (cols * moved).sum() / total - col))
    # Were a cell drawn in the middle of its tile, these would be about -0.5.
    assert np.abs(np.mean(offsets, axis=0)).max() < 0.25


def test_a_cells_heat_peaks_where_it_looks(act):
    (tokens,) = wrap(act, dict, lambda actions: actions).spec.layout.cameras
    overlay = Overlay("inferno", alpha=1.0)  # ever brighter with the mass
    black = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for row in range(1, tokens.rows - 1, 2):
        for col in range(1, tokens.cols - 1, 2):
            cells = np.zeros((tokens.rows, tokens.cols), np.float32)
            cells[row, col] = 1
            grid = (tokens.x0, tokens.y0, tokens.dx, tokens.dy)
            brightness = overlay.draw(black, cells, *grid, 1.0).sum(axis=2)
            y, x = np.unravel_index(brightness.argmax(), brightness.shape)
            assert (x, y) == (tokens.x0 + col * tokens.dx, tokens.y0 + row * tokens.dy)
