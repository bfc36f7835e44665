# SPDX-License-Identifier: Apache-2.0
"""The small SmolVLM that the policy is built on: configuration and tokenizer, without weights.

LeRobot's SmolVLA names a vision language model by a folder or hub id and reads from it how large to
build what it trains. Here that folder is written from nothing, 30 kB, and goes with the checkpoint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pam_ros.sim.instructions import ABSENT, PHRASINGS
from pam_ros.sim.words.lerobot_api import (
    PreTrainedTokenizerFast,
    SmolVLMConfig,
    SmolVLMImageProcessor,
    SmolVLMProcessor,
    SmolVLMVideoProcessor,
    Tokenizer,
)

if TYPE_CHECKING:
    from pathlib import Path

SIDE = 160
"""Pixels a side of what the vision tower sees: half a picture, with black above it."""

PATCH = 10
SHUFFLE = 2
"""The connector makes one token of so many patches in a row and in a column."""

GRID = SIDE // (PATCH * SHUFFLE)
"""Image tokens in a row and in a column."""

HIDDEN = 128
LAYERS = 4

_SPECIAL = (
    "<|endoftext|>",
    "<|im_end|>",
    "<image>",
    "<fake_token_around_image>",
    "<global-img>",
    "<end_of_utterance>",
)
_MORE_WORDS = (
    "take pick put place push pull lift hold grasp touch look turn stop wait find bring give "
    "a an and on in of with from by near left right up down back away onto into under between "
    "black white yellow orange purple brown grey pink small large big little round square "
    "cup bowl box lid pen plate bottle table robot arm hand thing object tower please now then it"
)
"""Words that no phrasing has: a tokenizer knows more than one task's."""


def write_vlm_folder(folder: Path) -> None:
    """Write configuration, tokenizer and processors into `folder`; the same files every time."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer()
    SmolVLMProcessor(
        image_processor=SmolVLMImageProcessor(),
        tokenizer=tokenizer,
        video_processor=SmolVLMVideoProcessor(),
    ).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    _config(tokenizer).save_pretrained(folder)


def _tokenizer() -> PreTrainedTokenizerFast:
    from tokenizers import decoders, models, pre_tokenizers, trainers  # noqa: PLC0415

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    texts = [
        text
        for phrasings in PHRASINGS.values()
        for text in (*phrasings.training, *phrasings.held_out)
    ]
    # Each word as a beginning and as a continuation, so that it becomes one token.
    words = sorted({word for text in [*texts, *ABSENT, _MORE_WORDS] for word in text.split()})
    tokenizer.train_from_iterator(
        [*texts, *words, *(f"{word} {word}" for word in words)] * 2,
        trainers.BpeTrainer(
            vocab_size=1000,
            min_frequency=2,
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            special_tokens=list(_SPECIAL),
            show_progress=False,
        ),
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=_SPECIAL[0],
        eos_token=_SPECIAL[5],
        pad_token=_SPECIAL[1],
        extra_special_tokens={
            "image_token": _SPECIAL[2],
            "fake_image_token": _SPECIAL[3],
            "global_image_token": _SPECIAL[4],
            "end_of_utterance_token": _SPECIAL[5],
        },
    )


def _config(tokenizer: PreTrainedTokenizerFast) -> SmolVLMConfig:
    return SmolVLMConfig(
        text_config={
            "model_type": "llama",
            "hidden_size": HIDDEN,
            "intermediate_size": 4 * HIDDEN,
            "num_hidden_layers": LAYERS,
            "num_attention_heads": 4,
            "num_key_value_heads": 4,
            "head_dim": HIDDEN // 4,
            "vocab_size": len(tokenizer),
            "max_position_embeddings": 2048,
            "rms_norm_eps": 1e-5,
            "pad_token_id": tokenizer.pad_token_id,
        },
        vision_config={
            "hidden_size": 128,
            "intermediate_size": 512,
            "num_hidden_layers": 3,
            "num_attention_heads": 4,
            # One patch more than there is. transformers finds a patch's position by comparing
            # fractions, and where both sides have as many patches, rounding decides: 4.57 in
            # float32 gives each patch its neighbour's. With one more, no fraction is near a
            # boundary, and every version and dtype agrees.
            "image_size": SIDE + PATCH,
            "patch_size": PATCH,
        },
        scale_factor=SHUFFLE,
        pad_token_id=tokenizer.pad_token_id,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
    )
