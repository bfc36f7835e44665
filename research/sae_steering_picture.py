# SPDX-License-Identifier: Apache-2.0
"""The finding as a picture: the feature against the cube's azimuth, and the chunk when steered.

    python -m research.sae_steering_picture --sae SAE --held-out STORE --json sae_finding.json \
        --out picture.png

Left: the feature's mean over the tokens in the first tick of every held-out episode. Right, two
scenes: where the chunk takes the gripper's tip, top camera, steered by -4 (blue) to +4 (red).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch

from pam_ros.policy import load_policy
from pam_ros.policy.act.policy import ActPolicy
from pam_ros.sae.disk import load_sae
from pam_ros.sae.edit import steer
from pam_ros.sae.store.token_store import TokenStore
from pam_ros.share.folders import share_directory
from pam_ros.sim.scene import CAMERA_NAMES, IMAGE_HEIGHT, IMAGE_WIDTH, Scene
from research.sae_finding_effects import first_observations, tips

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pam_ros.sae.arch.model import SAE
    from pam_ros.sae.store.token_store import StoredFrame

AMOUNTS = (-4.0, -2.0, 0.0, 2.0, 4.0)
COLOURS = ((40, 90, 255), (90, 190, 255), (255, 255, 255), (255, 190, 90), (255, 60, 40))
"""Of the paths, RGB."""

SCALE = 1.5
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_INK = (60, 60, 60)


def scatter(points: NDArray[Any], title: str, height: int, width: int) -> NDArray[Any]:
    """(n, 2) azimuth in degrees and activation, as a picture (height, width, 3)."""
    sheet = np.full((height, width, 3), 255, np.uint8)
    left, right, top, bottom = 46, width - 14, 34, height - 44
    limit, largest = 60.0, float(points[:, 1].max()) * 1.05

    def at(x: float, y: float) -> tuple[int, int]:
        across = left + (right - left) * (x + limit) / (2 * limit)
        return round(across), round(bottom - (bottom - top) * y / largest)

    for x in (-60, -30, 0, 30, 60):
        cv2.line(sheet, at(x, 0), at(x, largest), (225, 225, 225), 1)
        cv2.putText(sheet, f"{x}", (at(x, 0)[0] - 12, bottom + 16), _FONT, 0.4, _INK, 1, 16)
    for y in range(int(largest) + 1):
        cv2.line(sheet, at(-limit, y), at(limit, y), (225, 225, 225), 1)
        cv2.putText(sheet, f"{y}", (left - 18, at(0, y)[1] + 4), _FONT, 0.4, _INK, 1, 16)
    for x, y in points:
        cv2.circle(sheet, at(x, y), 3, (200, 40, 30), -1, 16)
    cv2.putText(sheet, title, (left - 30, 20), _FONT, 0.45, _INK, 1, 16)
    label = "azimuth of the red cube, degrees (left is +)"
    cv2.putText(sheet, label, (left + 20, height - 10), _FONT, 0.42, _INK, 1, 16)
    return sheet


def paths(policy: ActPolicy, sae: SAE, frame: StoredFrame, feature: int) -> NDArray[Any]:
    """The top camera's picture with the tip's paths, RGB."""
    prepared = policy.prepare([frame.observation])
    image = np.array(frame.observation[policy.spec.layout.cameras[0].feature], np.uint8)
    image = cv2.resize(image, None, fx=SCALE, fy=SCALE, interpolation=cv2.INTER_CUBIC)
    with Scene() as scene:
        for amount, colour in zip(AMOUNTS, COLOURS, strict=True):
            edit = steer(sae, feature, amount) if amount else None
            chunk = policy.forward(prepared, tokens_layer=policy.tokens_layer, edit=edit).chunks[0]
            way = tips(scene, [frame] * len(chunk), chunk)
            pixels = np.round(scene.project(CAMERA_NAMES[0], way)[:, :2] * SCALE).astype(np.int32)
            cv2.polylines(
                image, [pixels], isClosed=False, color=(0, 0, 0), thickness=4, lineType=16
            )
            cv2.polylines(image, [pixels], isClosed=False, color=colour, thickness=2, lineType=16)
            cv2.circle(image, pixels[-1].tolist(), 6, (0, 0, 0), -1, 16)
            cv2.circle(image, pixels[-1].tolist(), 5, colour, -1, 16)
    return image


def main() -> None:
    """Draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--policy", default=str(share_directory() / "models" / "demo_act"))
    parser.add_argument("--sae", type=Path, required=True)
    parser.add_argument("--held-out", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--scenes", type=int, nargs="+", default=[0, 1], help="held-out episodes")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    content = json.loads(options.json.read_text())
    feature = content["choose"]["feature"]
    policy = load_policy(options.policy, engine="eager")
    assert isinstance(policy, ActPolicy)
    sae = load_sae(options.sae, policy_sha256=policy.spec.sha256, layer=policy.tokens_layer)
    height, width = round(IMAGE_HEIGHT * SCALE), round(IMAGE_WIDTH * SCALE)
    title = f"feature {feature}, mean over the tokens, first ticks"
    sheets = [scatter(np.array(content["test"]["points"]), title, height, width)]
    frames = first_observations(TokenStore(options.held_out), max(options.scenes) + 1)
    sheets += [paths(policy, sae, frames[index], feature) for index in options.scenes]
    cv2.imwrite(str(options.out), np.concatenate(sheets, axis=1)[..., ::-1])


if __name__ == "__main__":
    main()
