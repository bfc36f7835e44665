# SPDX-License-Identifier: Apache-2.0
"""The chunk's way for other words, on policies whose answer is known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from linear_policy import Holding, Reading, moment, seen

from pam_ros.ablation.errors import AblationError
from pam_ros.ablation.job import Looked
from pam_ros.ablation.journal import Journal
from pam_ros.ablation.language.job import Job, Wanted
from pam_ros.ablation.language.measure import one_key
from pam_ros.ablation.language.page import page
from pam_ros.ablation.language.report import from_json
from pam_ros.ablation.language.rows import Rows
from pam_ros.ablation.language.table import text
from pam_ros.ablation.measure import NOISE, Measured
from pam_ros.policy.interface import PolicyError

NAMES = [("pan", "rad"), ("lift", "rad")]
TEXT = "go there now"


class Counting(Reading):
    """Adds the number of letters of its words to lift, and needs words."""

    def chunk(self):
        letters = sum(map(len, self.instruction.split()))
        return super().chunk() + np.array([0, letters], np.float32)

    def instruct(self, text):
        if not text:
            raise PolicyError("linear needs words")
        super().instruct(text)


class Deaf(Reading):
    """Takes words and does not read them."""

    def chunk(self):
        self.instruction, own = "", self.instruction
        chunk = super().chunk()
        self.instruction = own
        return chunk


class Both(Holding):
    """Reads words, and draws noise that it can hold; a word moves pan by one."""

    def __init__(self):
        super().__init__()
        from dataclasses import replace

        self.spec = replace(self.spec, instruction=True)
        self.instruction = TEXT

    def instruct(self, text):
        self.instruction = text

    def chunk(self):
        return super().chunk() + np.array([10.0 * len(self.instruction.split()), 0], np.float32)


def moments(count=8, task=lambda episode: TEXT):
    found = []
    for episode in range(count):
        for frame in range(2):
            left = 20 + 20 * episode + frame
            following = (seen(left + 1, 60, 0.1),)
            here = seen(left, 60, 0.1)
            more = {"following": following, "task": task(episode)}
            found.append(moment(episode, frame, here, **more))
    return found


def report_of(policy, looked=None, **wanted):
    job = Job(policy, Looked("here", looked or moments(), NAMES), Wanted(**wanted))
    journal = Journal(None, {})
    job.measure(journal, lambda _: None)
    return job.report(journal)


def row(report, kind):
    return next(one for one in report.rows if one.kind == kind)


def told(policy, words=TEXT):
    """A policy whose own words are these."""
    policy.instruction = words
    return policy


def ways(found):
    return [joint.value for joint in found.joints]


def test_each_kind_of_words_moves_it_as_far_as_it_must():
    report = report_of(told(Reading()), others=("go", "go there and on to the next"))
    # Two words less, four words more: root mean square.
    assert ways(row(report, "other")) == pytest.approx([np.sqrt((4 + 16) / 2), 0], abs=1e-6)
    assert ways(row(report, "masked")) == pytest.approx([3, 0], abs=1e-6)
    for kind in ("swapped", "nonsense", "absent"):
        assert ways(row(report, kind)) == pytest.approx([0, 0], abs=1e-6)
    assert row(report, "other").moments == 16
    assert [(one.word, ways(one)[0]) for one in report.words] == [
        ("go", pytest.approx(1)), ("there", pytest.approx(1)), ("now", pytest.approx(1)),
    ]  # fmt: skip
    # 'next' is one grey level of the left camera.
    assert report.floor == "next"
    (following,) = report.references
    assert ways(following) == pytest.approx([1 / 255, 0], abs=1e-6)
    # Of one of the texts at each moment: two words at half of them, four at the others.
    assert row(report, "other").of_floor.value == pytest.approx(3 * 255, rel=1e-3)
    assert report.verdict == "yes"
    assert report.sentence.startswith("Does it read its words? Yes: another instruction moves the")


def test_spreads_are_those_of_the_training_data():
    report = report_of(told(Reading()), others=("go",))
    # pan has a spread of 0.5, lift of 5: two words are 4 spreads of one of two joints.
    assert row(report, "other").chunk.value == pytest.approx(4 / np.sqrt(2), rel=1e-6)


def test_what_the_policy_refuses_is_not_made_and_says_why():
    looked = [moment(0, 0, seen(1, 2, 0), task="go")]
    report = report_of(told(Counting(), "go"), looked, others=("refused",))
    assert row(report, "masked").why_not == "linear needs words"
    assert row(report, "other").why_not == "linear knows no such word"
    assert row(report, "swapped").why_not == "there is no other order of these words"
    assert row(report, "absent").moments == 1
    # "giraffe" has five letters more, "umbrella" six.
    assert ways(row(report, "absent"))[1] == pytest.approx(np.sqrt((25 + 36) / 2), rel=1e-6)
    (word,) = report.words
    assert (word.word, word.why_not) == ("go", "linear needs words")
    assert "Not made: no words at all: linear needs words." in text(report)
    assert "one frame alone" in report.notes[0]
    assert report.verdict == "unclear"


def test_a_policy_that_does_not_read_what_it_takes_is_found_out():
    report = report_of(Deaf(), others=("go", "something else"))
    assert report.verdict == "no"
    assert report.sentence.endswith("No: whatever is said, the chunk moves by 0 action spreads.")


def test_words_are_compared_with_other_noise_and_share_their_own():
    report = report_of(Both(), others=("go",))
    assert (report.noise, report.floor) == ("common", "noise")
    # Two words less at 10 each, and nothing of the noise.
    assert ways(row(report, "other")) == pytest.approx([20, 0], abs=1e-5)
    noise = report.reference("noise")
    assert 0.1 < ways(noise)[0] < 5
    assert report.verdict == "yes"
    assert "times as far as other noise does" in report.sentence
    assert row(report, "other").of_floor.value > 4


def test_each_moment_has_its_own_instruction_and_those_of_the_others():
    tasks = ["go", "go there", "go there now"]
    report = report_of(Reading(), moments(6, lambda episode: tasks[episode % 3]))
    assert report.instructions == {"go": 4, "go there": 4, "go there now": 4}
    assert {one.instruction for one in report.words} == set(tasks)
    # The policy's own, "go there", is one of them.
    wanted = [np.sqrt((1 + 4) / 2), 1.0, np.sqrt((4 + 1) / 2)]
    assert ways(row(report, "other"))[0] == pytest.approx(np.median(wanted), rel=1e-6)


def test_an_instruction_that_was_asked_for_is_said_at_every_moment():
    report = report_of(Reading(), instruction="a b c d")
    assert report.instructions == {"a b c d": 16}
    assert ways(row(report, "masked"))[0] == pytest.approx(4)


def test_the_policy_has_its_own_words_afterwards():
    policy = Reading()
    report_of(policy, others=("go",))
    assert policy.instruction == "go there"


def test_where_nothing_says_what_it_was_told_it_is_refused():
    policy = Reading()
    policy.instruction = ""
    with pytest.raises(AblationError, match="does not say what the policy is told: name it with"):
        report_of(policy, [moment(0, 0, seen(1, 2, 0))])
    with pytest.raises(AblationError, match="the instruction 'refused' cannot be read: linear"):
        report_of(Reading(), instruction="refused")


def test_the_file_holds_all_of_it_and_the_page_shows_it():
    report = report_of(Reading(), others=("go <there>",))
    again = from_json(report.to_json(), "file")
    assert again.to_json() == report.to_json()
    assert text(again) == text(report)
    shown = page(report)
    assert "go &lt;there&gt;" in shown and "go <there>" not in shown
    assert report.sentence.partition("?")[2].strip() in shown
    with pytest.raises(AblationError, match="file is no language report"):
        from_json("{}", "file")
    with pytest.raises(AblationError, match="has schema 9: this version reads 1"):
        from_json('{"schema": 9}', "file")


def test_an_interrupted_run_goes_on(tmp_path):
    looked = Looked("here", moments(), NAMES)
    job = Job(Reading(), looked, Wanted(others=("go",)))
    file = tmp_path / "journal"
    asked = []

    def stop(said):
        asked.append(said)
        if len(asked) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        job.measure(Journal(file, job.identity("a", ())), stop)
    journal = Journal(file, job.identity("a", ()))
    job.measure(journal, asked.append)
    assert len(asked) == 16
    assert job.report(journal).to_json() == report_of(Reading(), others=("go",)).to_json()
    other = Job(Reading(), looked, Wanted(others=("elsewhere",)))
    with pytest.raises(AblationError, match="of another run"):
        Journal(file, other.identity("a", ()))


def test_several_texts_are_no_better_than_one_against_one_draw_of_noise():
    """Words that move the chunk just as other noise does are not said to be read."""
    rng = np.random.default_rng(3)
    yes = 0
    for _ in range(60):
        measured = []
        for frame in range(40):
            texts = np.exp(rng.normal(size=4))
            ways = {
                "other": (float(np.sqrt(np.square(texts).mean())),),
                one_key("other"): (float(texts[0]),),
                NOISE: (float(np.exp(rng.normal())),),
            }
            measured.append(Measured(frame, 0, ways, (0.0,), (1.0,), ()))
        found = Rows(measured, [1.0], NOISE).row("other", ("a", "b", "c", "d"))
        yes += found.above_floor.low > 0
    assert yes <= 6  # one in forty by chance
