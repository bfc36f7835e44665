# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import math

import pytest

from pam_ros.attention.errors import AttentionError
from pam_ros.faithfulness.journal import Journal
from pam_ros.faithfulness.measure import Moment

RUN = {"policy": "ab", "episodes": 3, "fractions": (0.0, 1.0)}


def moment(episode):
    pairs = {"rollout": {"deletion_blur": (0.25, math.pi), "removed": (-0.5, 1.0)}}
    return Moment(episode, 6, pairs, {"rollout": {"deletion_blur": (0.0, 1.0, 2.0)}})


def test_an_interrupted_run_goes_on_with_all_that_was_done(tmp_path):
    file = tmp_path / "report.json.partial"
    first = Journal(file, RUN)
    first.add(moment(0))
    first.add(moment(1))
    again = Journal(file, RUN)
    assert (1, 6) in again
    assert (2, 6) not in again
    assert again.moments == first.moments == (moment(0), moment(1))


def test_a_line_that_was_cut_off_is_done_again(tmp_path):
    file = tmp_path / "journal"
    journal = Journal(file, RUN)
    journal.add(moment(0))
    with file.open("a") as cut:
        cut.write('{"episode": 1, "mom')
    again = Journal(file, RUN)
    assert again.moments == (moment(0),)
    again.add(moment(1))
    assert len(Journal(file, RUN).moments) == 2


def test_the_journal_of_another_run_is_refused_and_kept(tmp_path):
    file = tmp_path / "journal"
    Journal(file, RUN).add(moment(0))
    with pytest.raises(AttentionError, match="of another run"):
        Journal(file, {**RUN, "episodes": 4})
    assert len(Journal(file, RUN).moments) == 1


def test_a_file_that_is_no_journal_is_refused(tmp_path):
    file = tmp_path / "journal"
    Journal(file, RUN).add(moment(0))
    file.write_text(file.read_text() + "{}\n")
    with pytest.raises(AttentionError, match="no measurement"):
        Journal(file, RUN)


def test_what_a_run_decided_is_kept_to_by_the_next(tmp_path):
    file = tmp_path / "journal"
    first = Journal(file, RUN, lambda: {"replace": ["blur", "mean"]})
    assert first.chosen == {"replace": ["blur", "mean"]}
    asked = []
    again = Journal(file, RUN, lambda: asked.append(1) or {"replace": ["blur"]})
    assert again.chosen == first.chosen
    assert not asked


def test_a_moments_facts_are_kept(tmp_path):
    facts = {"cube_change": (0.5, 1.0)}
    Journal(tmp_path / "journal", RUN).add(Moment(0, 6, {}, {}, facts))
    assert Journal(tmp_path / "journal", RUN).moments[0].facts == facts


def test_without_a_file_the_moments_stay_in_memory():
    journal = Journal(None, RUN)
    journal.add(moment(2))
    assert (2, 6) in journal
