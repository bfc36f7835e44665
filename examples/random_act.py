# SPDX-License-Identifier: Apache-2.0
"""An ACT policy of LeRobot's default size with random weights, for a robot without a trained one.

Its heat means nothing; what it is for is to try the whole way with your topics (docs/own_robot.md):

    python examples/random_act.py out/random_act
"""

import sys

import torch
from lerobot.configs.types import FeatureType, PolicyFeature
from lerobot.policies.act.configuration_act import ACTConfig
from lerobot.policies.act.modeling_act import ACTPolicy
from lerobot.policies.factory import make_pre_post_processors

CAMERAS = ("front", "wrist")
HEIGHT, WIDTH = 240, 320
# Where the fake driver's six joints would have gone in the training data [rad].
MEAN = (0.0, 0.4, -0.6, 0.8, 0.0, 0.2)
STD = (0.5, 0.3, 0.3, 0.3, 0.5, 0.1)


def main(folder: str) -> None:
    """Write the checkpoint."""
    torch.manual_seed(0)
    images = {
        f"observation.images.{name}": PolicyFeature(FeatureType.VISUAL, (3, HEIGHT, WIDTH))
        for name in CAMERAS
    }
    state = PolicyFeature(FeatureType.STATE, (len(MEAN),))
    action = PolicyFeature(FeatureType.ACTION, (len(MEAN),))
    config = ACTConfig(
        input_features={**images, "observation.state": state},
        output_features={"action": action},
        pretrained_backbone_weights=None,  # nothing is downloaded
        device="cpu",
    )
    picture = {"mean": torch.full((3, 1, 1), 0.5), "std": torch.full((3, 1, 1), 0.25)}
    joints = {"mean": torch.tensor(MEAN), "std": torch.tensor(STD)}
    statistics = dict.fromkeys(images, picture)
    statistics |= {"observation.state": joints, "action": joints}
    for part in (ACTPolicy(config), *make_pre_post_processors(config, dataset_stats=statistics)):
        part.save_pretrained(folder)
    print(f"{folder} is written")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "out/random_act")
