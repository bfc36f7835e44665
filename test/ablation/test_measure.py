# SPDX-License-Identifier: Apache-2.0
"""How far the chunk goes, against a policy whose answer is known in closed form."""

import numpy as np
import pytest
from linear_policy import LEFT, Holding, Linear, Noisy, Reading, moment, seen

from pam_ros.ablation.inputs import inputs_of
from pam_ros.ablation.measure import EVERYTHING, NEXT, NOISE, measure
from pam_ros.ablation.passes import Passes
from pam_ros.ablation.plan import planned
from pam_ros.ablation.replacements import FRAMES, REPLACEMENTS, TRAINING, Replacer, means_of

HERE, THERE = seen(51, 102, 0.1), seen(204, 153, 0.4)
FIRST, NEXT_ONE = seen(0, 102, 0.0), seen(51, 102, 0.2)


def look(policy, here=None, other=None, *, words=tuple(REPLACEMENTS), asked=False):
    here = here or moment(0, 5, HERE, first=FIRST, following=(NEXT_ONE,))
    other = other or moment(1, 3, THERE)
    means = means_of(policy.spec, [HERE, THERE])
    passes = Passes(policy)
    plan = planned(inputs_of(policy.spec), words, [here, other], passes, asked=asked)
    return measure(here, other, plan, passes, Replacer(policy.spec, means)), plan


def test_each_joint_goes_as_far_as_the_closed_form_says():
    found, _ = look(Linear())
    ways = {name: pytest.approx(way, abs=1e-6) for name, way in found.ways.items()}
    brighter, darker = (204 - 51) / 255, (153 - 102) / 255
    assert ways["left:other"] == (brighter, 0.0)
    assert ways["right:other"] == (0.0, 10 * darker)
    assert ways["cameras:other"] == (brighter, 10 * darker)
    assert ways["state:other"] == (2 * 0.3, 0.0)
    # The mean of two frames, rounded to a grey level; the state's is the training data's 0.5.
    assert ways["left:mean"] == ((128 - 51) / 255, 0.0)
    assert ways["state:mean"] == (2 * 0.4, 0.0)
    # An even picture is its own blur.
    assert ways["left:blur"] == (0.0, 0.0)
    assert ways["left:first"] == (51 / 255, 0.0)
    assert ways["state:first"] == (2 * 0.1, 0.0)
    assert ways[EVERYTHING] == (brighter + 0.6, 10 * darker)
    assert ways[NEXT] == (2 * 0.1, 0.0)
    assert NOISE not in found.ways


def test_nothing_is_frozen_at_the_first_frame_and_nothing_follows_the_last():
    found, _ = look(Linear(), moment(0, 0, HERE, following=None), moment(1, 1, THERE, first=HERE))
    assert not any(name.endswith(":first") for name in found.ways)
    assert NEXT not in found.ways


def test_the_next_frames_chunk_is_compared_step_by_step_of_the_same_time():
    class Planning(Linear):
        def chunk(self):
            # It goes on along one line: the plan never changes.
            start = float(self.seen[-1]["observation.state"][0])
            return np.tile(start + 0.1 * np.arange(3, dtype=np.float32)[:, None], (1, 2))

    found, _ = look(Planning(), moment(0, 1, HERE, following=(NEXT_ONE,)))
    assert found.ways[NEXT] == pytest.approx((0.0, 0.0), abs=1e-6)


def test_the_whole_history_is_replaced_by_the_others_of_the_same_age():
    policy = Linear(history=2)
    here = moment(0, 5, HERE, history=(FIRST, HERE))
    other = moment(1, 3, THERE, history=(NEXT_ONE, THERE))
    found, _ = look(policy, here, other)
    # The oldest left picture counts too: 0 becomes 51, and 51 becomes 204.
    assert found.ways["left:other"] == pytest.approx(((204 - 51 + 51 - 0) / 255, 0.0), abs=1e-6)
    # One that is shorter is as old as it can be.
    found, _ = look(policy, here, moment(1, 0, THERE))
    assert found.ways["left:other"] == pytest.approx(((204 - 51 + 204 - 0) / 255, 0.0), abs=1e-6)


def test_common_noise_is_no_motion_and_told_apart():
    found, _ = look(Holding())
    assert found.ways["right:other"] == pytest.approx((0.0, 2.0), abs=1e-6)
    assert found.ways[NOISE][0] > 0.1


def test_noise_that_cannot_be_held_moves_the_chunk_and_its_size_is_known():
    policy = Noisy()
    assert not Passes(policy).noise_is_common
    found, _ = look(policy)
    assert found.ways["right:other"][0] > 0.1
    assert found.ways[NOISE][0] > 0.1
    # By a grey level of one pixel, which brightens nothing that counts.
    assert found.ways[NOISE][1] < 1e-3


def test_words_are_taken_away_or_anothers():
    here, other = moment(0, 1, HERE, task="to the left"), moment(1, 1, THERE, task="stop")
    policy = Reading()
    found, _ = look(policy, here, other)
    assert found.ways["words:empty"] == pytest.approx((3.0, 0.0), abs=1e-6)
    assert found.ways["words:other"] == pytest.approx((2.0, 0.0), abs=1e-6)
    assert found.ways["left:mean"] == pytest.approx(((128 - 51) / 255, 0.0), abs=1e-6)
    assert policy.instruction == "go there"


def test_what_cannot_be_made_says_why_and_the_rest_goes_on():
    found, plan = look(Reading(), asked=True)
    reasons = {ablation.key: ablation.why_not for ablation in plan if ablation.why_not}
    assert reasons["words:other"] == "all frames have the same words"
    assert reasons["state:blur"] == "there is no such thing for the joint state"
    assert "words:other" not in found.ways
    assert "words:empty" in found.ways
    (lacking,) = [one for one in look(Linear(instruction=True))[1] if one.key == "words:empty"]
    assert lacking.why_not == "the policy cannot be given other words"


def test_means_say_what_they_are_of():
    spec = Linear(statistics={}).spec
    means = means_of(spec, [HERE, THERE])
    assert set(means.taken_from.values()) == {FRAMES}
    assert means.values["observation.state"] == pytest.approx([0.25])
    known = means_of(Linear().spec, [HERE, THERE])
    assert known.taken_from["observation.state"] == TRAINING
    assert known.taken_from[LEFT] == FRAMES


def test_a_chunk_that_is_not_finite_is_told():
    class Broken(Linear):
        def chunk(self):
            return super().chunk() * np.float32("nan")

    with pytest.raises(Exception, match="linear predicts a chunk that is not finite"):
        look(Broken())
