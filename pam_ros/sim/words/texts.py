# SPDX-License-Identifier: Apache-2.0
"""Instructions to train on: phrasings, some of them with words lost or exchanged, and their tokens.

Three phrasings of each object are few: a policy may learn each by heart. So in a part of the texts
the words beside the object's own are dropped or exchanged for each other. No word comes in that the
training phrasings do not have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from pam_ros.sim.instructions import PHRASINGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from torch import Tensor

DISTURBED = 0.3
"""Share of the texts whose words may be dropped or exchanged."""

OBJECT_WORDS = frozenset({"red", "blue", "green", "cube", "block", "cylinder", "can", "one"})
OTHER_WORDS = tuple(
    sorted(
        {
            word
            for phrasings in PHRASINGS.values()
            for text in phrasings.training
            for word in text.split()
        }
        - OBJECT_WORDS
    )
)


def draw_text(target: str, rng: np.random.Generator) -> str:
    """Words that ask for one of OBJECTS."""
    phrases = PHRASINGS[target].training
    text = phrases[rng.integers(len(phrases))]
    if rng.random() >= DISTURBED:
        return text
    words = []
    for word in text.split():
        chance = 1.0 if word in OBJECT_WORDS else rng.random()
        if chance >= 0.5:
            words.append(word)
        elif chance >= 0.25:
            words.append(OTHER_WORDS[rng.integers(len(OTHER_WORDS))])
    return " ".join(words)


def encode(tokenizer: Any, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Tokens (N, L) int64 and which of them are words, (N, L) bool, as LeRobot's processors do it.

    Each text ends with a line break; the longest has L tokens, the others are filled up.
    """
    encoded = tokenizer([f"{text}\n" for text in texts], padding="longest", return_tensors="pt")
    return encoded["input_ids"], encoded["attention_mask"].to(torch.bool)


def seen_tokens(tokenizer: Any) -> list[int]:
    """The tokens that can occur in texts to train on, of words alone; sorted."""
    texts = [f"{before}{word}" for word in (*OBJECT_WORDS, *OTHER_WORDS) for before in ("", " ")]
    return sorted({token for text in texts for token in tokenizer(text)["input_ids"]})


@torch.no_grad()
def give_unseen_words_the_mean(embedding: Tensor, tokenizer: Any) -> None:
    """Let each token that training never saw have the mean embedding of those that it saw.

    Such a token still has the random vector that it began with, and a word of it disturbs the
    policy like noise. The mean is close to all of the words that were seen and to none in
    particular (Hewitt 2021, "Initializing New Word Embeddings for Pretrained Language Models").

    Args:
        embedding: (tokens, width), changed in place. Special tokens and the line break that ends a
            text keep what they have.
        tokenizer: whose tokens these are.
    """
    seen = seen_tokens(tokenizer)
    kept = {*seen, *tokenizer.all_special_ids, *tokenizer("\n")["input_ids"]}
    unseen = [token for token in range(len(embedding)) if token not in kept]
    embedding[unseen] = embedding[seen].mean(0)
