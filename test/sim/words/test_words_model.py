# SPDX-License-Identifier: Apache-2.0
"""The trainee against LeRobot's own forward pass, and the geometry of its auxiliary heads."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from pam_ros.sim.scene import CAMERA_NAMES, OBJECTS, Scene
from pam_ros.sim.words.draws import CHUNK, HEIGHT, WIDTH
from pam_ros.sim.words.lerobot_api import AutoTokenizer
from pam_ros.sim.words.model import CELL, Trainee, location_loss
from pam_ros.sim.words.texts import encode
from pam_ros.sim.words.vlm_folder import GRID, SIDE

TEXTS = ["reach the red cube", "go to the blue block", "move the gripper over the green one"] * 3
DRAWS = 2


@pytest.fixture(scope="module")
def trainee(vlm):
    torch.manual_seed(3)
    return Trainee(vlm)


@pytest.fixture(scope="module")
def inputs(batch, stats, vlm):
    generator = torch.Generator().manual_seed(1)
    state = (batch.state - stats.state_mean) / stats.state_std
    plans = (batch.plans - stats.action_mean) / stats.action_std
    tokens, words = encode(AutoTokenizer.from_pretrained(vlm), TEXTS)
    return {
        "images": torch.from_numpy(batch.images),
        "state": torch.from_numpy(state),
        "plans": torch.from_numpy(plans),
        "objects": torch.from_numpy(batch.objects),
        "tokens": tokens,
        "words": words,
        "noise": torch.randn((9, DRAWS, CHUNK, 6), generator=generator),
        "time": torch.rand((9, DRAWS), generator=generator),
    }


def test_the_loss_is_lerobots_own_with_the_same_noise(trainee, inputs):
    with torch.no_grad():
        found = trainee(**inputs).actions
        pixels = inputs["images"].permute(1, 0, 4, 2, 3).float() / 255.0
        losses = []
        for draw in range(DRAWS):
            for observation in range(3):
                asked = slice(3 * observation, 3 * observation + 3)
                batch = {
                    f"observation.images.{camera}": pixels[index, observation].expand(3, -1, -1, -1)
                    for index, camera in enumerate(CAMERA_NAMES)
                }
                batch |= {
                    "observation.state": inputs["state"][observation].expand(3, -1),
                    "observation.language.tokens": inputs["tokens"][asked],
                    "observation.language.attention_mask": inputs["words"][asked],
                    "action": inputs["plans"][observation],
                }
                noise, time = inputs["noise"][asked, draw], inputs["time"][asked, draw]
                losses.append(trainee.policy.forward(batch, noise=noise, time=time)[0])
    assert found.item() == pytest.approx(torch.stack(losses).mean().item(), rel=1e-4)


def test_lerobots_resizing_gives_the_half_size_pictures(trainee):
    with Scene() as scene:
        whole = torch.from_numpy(scene.render("top"))
    pixels = whole.permute(2, 0, 1)[None].float() / 255.0
    small = F.avg_pool2d(pixels, 2)
    named = {f"observation.images.{camera}": pixels for camera in CAMERA_NAMES}
    (found, *_), _ = trainee.policy.prepare_images(named)
    assert found.shape == (1, 3, SIDE, SIDE)
    assert torch.allclose(found[..., SIDE - HEIGHT :, :], 2 * small - 1, atol=1e-5)
    assert (found[..., : SIDE - HEIGHT, :] == -1).all()


def test_every_patch_has_a_position_of_its_own_in_float32_and_in_bfloat16(trainee):
    vision = trainee.policy.model.vlm_with_expert.get_vlm_model().vision_model
    for dtype in (torch.float32, torch.bfloat16):
        seen = []
        embeddings = vision.embeddings
        handle = embeddings.position_embedding.register_forward_pre_hook(
            lambda _, args, seen=seen: seen.append(args[0])
        )
        with torch.no_grad():
            embeddings.to(dtype)(
                torch.zeros(1, 3, SIDE, SIDE, dtype=dtype),
                torch.ones(1, 2 * GRID, 2 * GRID, dtype=torch.bool),
            )
        handle.remove()
        embeddings.to(torch.float32)
        side = torch.arange(2 * GRID)
        assert torch.equal(seen[0][0], (side[:, None] * (2 * GRID + 1) + side).flatten())


def at(column, row):
    """An output that is sure of one place in pixels of the half-size picture."""
    x, y = (column + 0.5) / CELL - 0.5, (row + SIDE - HEIGHT + 0.5) / CELL - 0.5
    output = torch.zeros(GRID * GRID, 3)
    output[:, 0] = -50.0
    output[round(y) * GRID + round(x)] = torch.tensor([50.0, x - round(x), y - round(y)])
    return output


def test_the_location_loss_is_zero_for_the_right_place_alone():
    place = torch.tensor([[93.0, 41.0, 0.7]])
    assert location_loss(at(93.0, 41.0)[None], place).item() == pytest.approx(0.0, abs=1e-5)
    # Five pixels are a quarter of a cell.
    assert location_loss(at(93.0, 41.0)[None], place + torch.tensor([5.0, 0.0, 0.0])).item() == (
        pytest.approx(0.25, abs=1e-5)
    )
    assert location_loss(at(13.0, 41.0)[None], place) > 10


@pytest.mark.parametrize("place", [[-5.0, 50.0, 0.7], [80.0, -9.0, 0.7], [80.0, 50.0, -0.1]])
def test_what_a_camera_does_not_see_asks_for_nothing(place):
    assert location_loss(at(80.0, 50.0)[None], torch.tensor([place])).item() == 0.0


def test_a_cell_is_where_the_policy_has_its_token(trainee):
    """A bright dot moves the token whose cell holds it most, with the vision tower cut out."""
    model = trainee.policy.model.vlm_with_expert.get_vlm_model()
    embeddings, connector = model.vision_model.embeddings, model.connector
    mask = torch.ones(1, 2 * GRID, 2 * GRID, dtype=torch.bool)
    with torch.no_grad():
        grey = torch.zeros(1, 3, SIDE, SIDE)
        before = connector(embeddings(grey, mask).contiguous())
        for column, row in ((3, 2), (93, 41), (WIDTH - 1, HEIGHT - 1)):
            dotted = grey.clone()
            dotted[..., row + SIDE - HEIGHT, column] = 1.0
            moved = (connector(embeddings(dotted, mask).contiguous()) - before).abs().sum(-1)[0]
            assert (
                location_loss(
                    at(float(column), float(row))[None], torch.tensor([[column, row, 0.7]])
                )
                < 1e-4
            )
            assert moved.argmax() == at(column, row)[:, 0].argmax()
            assert (moved > 0).sum() == 1


def test_the_heads_learn_a_batch_and_their_losses_reach_the_policy(trainee, inputs):
    policy = [p for p in trainee.policy.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW([p for p in trainee.parameters() if p.requires_grad], lr=1e-3)
    first = None
    for _ in range(25):
        losses = trainee(**inputs)
        optimiser.zero_grad()
        (losses.named + losses.each).backward()
        optimiser.step()
        first = losses if first is None else first
    assert losses.named < 0.8 * first.named
    assert losses.each < 0.8 * first.each
    assert sum(float(p.grad.abs().sum()) > 0 for p in policy if p.grad is not None) > 20


def test_the_objects_of_a_batch_are_where_the_pictures_show_them(batch):
    colours = np.array([[220, 26, 23], [26, 64, 209], [28, 153, 56]])
    found = 0
    for picture, places in zip(batch.images[:, 0], batch.objects[:, 0], strict=True):
        for colour, (column, row, _) in zip(colours, places, strict=True):
            if not (2 <= column < WIDTH - 2 and 2 <= row < HEIGHT - 2):
                continue
            pixel = picture[round(row), round(column)].astype(int)
            found += int(
                np.abs(colours - pixel).sum(1).argmin()
                == list(map(tuple, colours)).index(tuple(colour))
            )
    assert found >= 7  # of nine; the arm may hide some
    assert batch.objects.shape[2] == len(OBJECTS)
