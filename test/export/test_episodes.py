# SPDX-License-Identifier: Apache-2.0
"""Where episodes begin and end, and what they are called."""

from dataclasses import replace

import pytest
from recorded_arm import (
    ALL_TYPES,
    action,
    as_float32,
    attention,
    command,
    export,
    observation,
    opened,
    rows,
    said,
    smooth,
)
from recorded_robot import MS, START_NS, write_bag

from pam_ros.export.errors import ExportError
from pam_ros.export.marks import EpisodeMarks


def numbered(*episodes):
    """The rows of so many episodes, by the numbers of their observations."""
    return [
        (episode, as_float32(action(number)))
        for episode, numbers in enumerate(episodes)
        for number in numbers
    ]


def tasks(out):
    data = opened(out)
    return [data[int(row)]["task"] for row in data.meta.episodes["dataset_from_index"]]


def test_a_maps_episode_is_an_episode(settings, tmp_path):
    def told():
        for number in range(9):
            stamp = START_NS + number * 100 * MS
            yield from observation(number, stamp)
            yield from command(number, stamp + 50 * MS)
            yield from attention(number, stamp, stamp + 52 * MS, episode=3 + (number >= 5))

    bag = write_bag(tmp_path / "bag", told(), ALL_TYPES)
    made, _ = export([bag], tmp_path / "dataset", settings)
    assert rows(tmp_path / "dataset") == numbered(range(5), range(5, 9))
    (recording,) = made.summary["recordings"]
    assert [one["frames"] for one in recording["episodes"]] == [5, 4]
    assert recording["episodes"][1]["start_ns"] == START_NS + 500 * MS + 1234567


def test_people_mark_episodes_and_name_their_task(settings, tmp_path):
    """What lies before the first mark and after an end is no episode."""
    marks = {
        2: "episode: pick up the cube", 4: "slipped a little", 6: "episode end",
        9: "episode: put it down", 12: "Episode",
    }  # fmt: skip

    def told():
        for number in range(16):
            stamp = START_NS + number * 100 * MS
            if number in marks:
                yield from said(marks[number], stamp - 10 * MS)
            yield from observation(number, stamp)
            yield from command(number, stamp + 50 * MS)

    bag = write_bag(tmp_path / "bag", told(), ALL_TYPES)
    _, reports = export([bag], tmp_path / "dataset", replace(settings, task=""))
    assert reports[bag].counts == {"between_episodes": 5}
    assert rows(tmp_path / "dataset") == numbered(range(2, 6), range(9, 12), range(12, 16))
    assert tasks(tmp_path / "dataset") == ["pick up the cube", "put it down", ""]


def test_what_marks_an_episode_and_what_does_not():
    marks = EpisodeMarks([(10, "episode:  lift it "), (20, "episode end"), (30, "an episode")])
    said_at = {moment: marks.at(moment) for moment in (5, 10, 25, 35)}
    assert [mark.exported for mark in said_at.values()] == [False, True, False, False]
    assert said_at[10].task == "lift it"
    assert EpisodeMarks([]).at(5).exported
    ends_only = EpisodeMarks([(10, "EPISODE END")])
    assert [ends_only.at(moment).exported for moment in (5, 15)] == [True, False]


def test_a_gap_begins_an_episode(settings, tmp_path):
    """Longer than what the live node would have planned over: 2 max_age_s and 3 periods."""
    late = list(smooth(5, START_NS + 2_000 * MS))
    bag = write_bag(tmp_path / "bag", [*smooth(5), *late])
    export([bag], tmp_path / "dataset", settings)
    assert rows(tmp_path / "dataset") == numbered(range(5), range(5))


def test_a_short_gap_is_told_and_stays_in_the_episode(settings, tmp_path):
    messages = [m for m in smooth(10) if not 300 <= (m[1] - START_NS) // MS < 600]
    bag = write_bag(tmp_path / "bag", messages)
    _, reports = export([bag], tmp_path / "dataset", settings)
    assert reports[bag].counts["missing_frames"] == 3
    assert rows(tmp_path / "dataset") == numbered([0, 1, 2, 6, 7, 8, 9])


def test_a_clock_that_begins_again_begins_an_episode(settings, tmp_path):
    again = [(t, s, r + 60_000 * MS, data) for t, s, r, data in smooth(15)]
    bag = write_bag(tmp_path / "bag", [*smooth(15), *again])
    _, reports = export([bag], tmp_path / "dataset", settings)
    assert reports[bag].counts["clock_jump"] == 1
    assert rows(tmp_path / "dataset") == numbered(range(15), range(15))


def test_an_episode_of_one_frame_is_left_out(settings, tmp_path):
    bag = write_bag(tmp_path / "bag", [*smooth(4), *smooth(1, START_NS + 9_000 * MS)])
    _, reports = export([bag], tmp_path / "dataset", settings)
    assert reports[bag].counts["too_short"] == 1
    assert rows(tmp_path / "dataset") == numbered(range(4))


def test_recordings_follow_each_other_in_the_order_named(settings, tmp_path):
    bags = [write_bag(tmp_path / name, smooth(count)) for name, count in (("b", 3), ("a", 4))]
    export(bags, tmp_path / "dataset", settings)
    assert rows(tmp_path / "dataset") == numbered(range(3), range(4))


def test_a_rate_of_its_own_takes_observations_at_that_rate(settings, tmp_path):
    bag = write_bag(tmp_path / "bag", smooth(31, period_ns=33 * MS, lag_ns=10 * MS))
    with pytest.raises(ExportError):
        export([bag], tmp_path / "dataset", settings)
    _, reports = export([bag], tmp_path / "slower", replace(settings, fps=10))
    assert 9 <= reports[bag].frames <= 11
    assert opened(tmp_path / "slower").fps == 10
    export([bag], tmp_path / "faster", replace(settings, fps=30))
    assert 28 <= len(rows(tmp_path / "faster")) <= 31
