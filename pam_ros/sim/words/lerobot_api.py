# SPDX-License-Identifier: Apache-2.0
"""What the policy that reads words takes from lerobot and transformers, in one place."""

from __future__ import annotations

from pam_ros.sim.errors import SimError

try:
    import num2words as _num2words  # SmolVLM's processor needs it when it is made
    from lerobot.configs.policies import PreTrainedConfig
    from lerobot.configs.types import FeatureType, PolicyFeature
    from lerobot.policies.smolvla.configuration_smolvla import SmolVLAConfig
    from lerobot.policies.smolvla.modeling_smolvla import SmolVLAPolicy, make_att_2d_masks
    from lerobot.policies.smolvla.processor_smolvla import make_smolvla_pre_post_processors
    from lerobot.processor import PolicyProcessorPipeline
    from tokenizers import Tokenizer
    from transformers import (
        AutoTokenizer,
        PreTrainedTokenizerFast,
        SmolVLMConfig,
        SmolVLMImageProcessor,
        SmolVLMProcessor,
    )
    from transformers.models.smolvlm.video_processing_smolvlm import SmolVLMVideoProcessor
except ImportError as error:
    raise SimError(
        "a policy that reads words needs transformers and num2words, as LeRobot pins them: "
        f"pip install 'pam_ros[smolvla]' ({error})"
    ) from error

del _num2words

__all__ = [
    "AutoTokenizer",
    "FeatureType",
    "PolicyFeature",
    "PolicyProcessorPipeline",
    "PreTrainedConfig",
    "PreTrainedTokenizerFast",
    "SmolVLAConfig",
    "SmolVLAPolicy",
    "SmolVLMConfig",
    "SmolVLMImageProcessor",
    "SmolVLMProcessor",
    "SmolVLMVideoProcessor",
    "Tokenizer",
    "make_att_2d_masks",
    "make_smolvla_pre_post_processors",
]
