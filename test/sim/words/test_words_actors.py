# SPDX-License-Identifier: Apache-2.0
"""Policies of pam_ros as actors that are told what to do."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from pam_ros.policy.interface import QueuedAction
from pam_ros.sim.errors import SimError
from pam_ros.sim.words.actors import PolicyActor


class QueueOfThree:
    """A policy of pam_ros: each pass queues three actions that hold the words' length."""

    def __init__(self):
        self.spec = SimpleNamespace(name="three")
        self.instruction = "start"
        self.queue, self.seen, self.passes = [], [], 0

    def instruct(self, text):
        self.instruction = text

    def reset(self):
        self.queue = []

    def observe(self, observation):
        self.seen.append(observation)

    def skip(self):
        pass

    def pop_action(self):
        return self.queue.pop() if self.queue else None

    def step(self, observation):
        self.passes += 1
        self.seen.append(observation)
        value = np.full(6, len(self.instruction), np.float32)
        self.queue = [QueuedAction(value, 0)] * 2
        return SimpleNamespace(action=value)


def test_a_policy_acts_from_its_queue_and_sees_every_observation():
    policy = QueueOfThree()
    actor = PolicyActor(policy)
    actor.reset()
    actor.instruct("red")
    acted = [actor.act({"tick": tick})[0] for tick in range(4)]
    assert acted == [3.0] * 4
    assert policy.passes == 2
    assert [seen["tick"] for seen in policy.seen] == [0, 1, 2, 3]


def test_other_words_drop_what_was_queued():
    policy = QueueOfThree()
    actor = PolicyActor(policy)
    actor.instruct("red")
    actor.act({})
    actor.instruct("green")
    assert actor.act({})[0] == 5.0


def test_a_policy_without_words_is_one_sentence():
    policy = SimpleNamespace(spec=SimpleNamespace(name="demo_act"))
    with pytest.raises(SimError, match="demo_act does not allow this: it reads no words"):
        PolicyActor(policy)


def test_words_of_a_policy_cannot_be_masked():
    with pytest.raises(SimError, match="three cannot be asked to act with its words masked"):
        PolicyActor(QueueOfThree()).instruct(None)
