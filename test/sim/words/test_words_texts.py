# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import torch

from pam_ros.sim.instructions import PHRASINGS
from pam_ros.sim.scene import OBJECTS
from pam_ros.sim.words.lerobot_api import AutoTokenizer, make_smolvla_pre_post_processors
from pam_ros.sim.words.model import config
from pam_ros.sim.words.texts import (
    OBJECT_WORDS,
    OTHER_WORDS,
    draw_text,
    encode,
    give_unseen_words_the_mean,
    seen_tokens,
)


def test_words_of_the_object_are_never_lost_and_none_is_new():
    rng = np.random.default_rng(0)
    known = {*OBJECT_WORDS, *OTHER_WORDS}
    assert not {"point", "at"} & known
    for target in OBJECTS:
        named = {
            tuple(word for word in text.split() if word in OBJECT_WORDS)
            for text in PHRASINGS[target].training
        }
        texts = {draw_text(target, rng) for _ in range(200)}
        assert set(PHRASINGS[target].training) < texts
        for text in texts:
            words = text.split()
            assert set(words) <= known
            assert tuple(word for word in words if word in OBJECT_WORDS) in named


def test_held_out_phrasings_are_never_drawn_whole():
    rng = np.random.default_rng(1)
    texts = {draw_text(name, rng) for name in OBJECTS for _ in range(2000)}
    assert not texts & {text for name in OBJECTS for text in PHRASINGS[name].held_out}


def test_texts_are_encoded_as_lerobots_processors_do_it(vlm, stats):
    tokenizer = AutoTokenizer.from_pretrained(vlm)
    texts = ["reach the red cube", "move the gripper over the blue one"]
    tokens, words = encode(tokenizer, texts)
    before, _ = make_smolvla_pre_post_processors(config(vlm), stats.for_lerobot())
    for index, text in enumerate(texts):
        observation = {
            "observation.images.top": torch.zeros(3, 240, 320),
            "observation.images.wrist": torch.zeros(3, 240, 320),
            "observation.state": torch.zeros(6),
            "task": text,
        }
        wanted = before(observation)["observation.language.tokens"][0]
        assert torch.equal(tokens[index][words[index]], wanted)
    assert words.sum(1).tolist() == [5, 8]
    assert not words[0, 5:].any()


def test_every_word_of_a_phrasing_is_one_token(vlm):
    tokenizer = AutoTokenizer.from_pretrained(vlm)
    for phrasings in PHRASINGS.values():
        for text in (*phrasings.training, *phrasings.held_out):
            assert len(tokenizer(text)["input_ids"]) == len(text.split())


def test_every_text_is_of_seen_tokens(vlm):
    tokenizer = AutoTokenizer.from_pretrained(vlm)
    rng = np.random.default_rng(2)
    seen = set(seen_tokens(tokenizer))
    for name in OBJECTS:
        for _ in range(200):
            assert set(tokenizer(draw_text(name, rng))["input_ids"]) <= seen
    assert not set(tokenizer("point at")["input_ids"]) & seen


def test_words_that_training_never_saw_have_the_mean_of_those_that_it_saw(vlm):
    tokenizer = AutoTokenizer.from_pretrained(vlm)
    before = torch.randn(len(tokenizer), 8, generator=torch.Generator().manual_seed(0))
    embedding = before.clone()
    give_unseen_words_the_mean(embedding, tokenizer)
    mean = before[seen_tokens(tokenizer)].mean(0)
    for token in tokenizer("point at")["input_ids"]:
        assert torch.equal(embedding[token], mean)
    kept = [*seen_tokens(tokenizer), *tokenizer.all_special_ids, *tokenizer("\n")["input_ids"]]
    assert torch.equal(embedding[kept], before[kept])
