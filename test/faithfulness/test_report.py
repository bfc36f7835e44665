# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import math

import numpy as np
import pytest

from pam_ros.attention.attribution import INTEGRATED_GRADIENTS
from pam_ros.attention.errors import AttentionError
from pam_ros.faithfulness.bootstrap import Interval
from pam_ros.faithfulness.columns import SCORE
from pam_ros.faithfulness.figure import draw, picture
from pam_ros.faithfulness.measure import CENTRE, RANDOM, Moment
from pam_ros.faithfulness.report import Report, from_json
from pam_ros.faithfulness.rows import merged, parts_of, rows_of
from pam_ros.faithfulness.table import tables


def moment(episode, scores, seen=True):
    """Each method's areas under a full distance of 2, and a hit for the first method."""
    pairs = {
        name: {
            "deletion_blur": (2 * score, 2.0),
            "insertion_blur": (2 * score + 0.1, 2.0),
            **({"pointing": (1.0, 1.0)} if seen else {}),
        }
        for name, score in scores.items()
    }
    points = {name: {"deletion_blur": (0.0, s, 2.0, 2.0)} for name, s in scores.items()}
    return Moment(episode, 0, pairs, points)


@pytest.fixture
def report():
    rng = np.random.default_rng(0)
    moments = [
        moment(
            episode,
            {
                "encoder_attention:0": 0.7 + noise,
                "encoder_attention:0:1": 0.9 + noise,
                "grad_cam": 0.95 + noise,
                "rollout": 0.6 + noise,
                RANDOM: 0.5,
                CENTRE: 0.65,
            },
            seen=episode > 0,
        )
        for episode, noise in enumerate(rng.normal(0, 0.01, 30))
    ]
    sanity = {"rollout": {"all": Interval(0.1, math.nan, 0.2, 3)}}
    return Report(
        policy="act",
        policy_sha256="ab" * 32,
        source="simulator",
        first_episode=0,
        episodes=tuple(range(30)),
        moments=(0,),
        fractions=(0.0, 0.5, 1.0),
        blur_cells=1.5,
        swapped_cells=8,
        bfloat16=False,
        rows=rows_of(moments, {"grad_cam": True}, sanity),
    )


def test_a_report_survives_json_as_strict_parsers_read_it(report):
    def refuse(name):
        raise AssertionError(name)

    text = report.to_json()
    json.loads(text, parse_constant=refuse)
    back = from_json(text)
    assert back.to_json() == text
    assert [row.method for row in back.rows] == [row.method for row in report.rows]
    one, two = report.row("rollout"), back.row("rollout")
    assert two.measures[SCORE].mean == pytest.approx(one.measures[SCORE].mean, abs=1e-6)
    assert isinstance(two.measures[SCORE], Interval)
    assert math.isnan(two.sanity["all"].low)
    assert two.sanity["all"].high == 0.2
    assert math.isnan(two.episodes["pointing"][0])
    assert back.fractions == report.fractions


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 1}', '{"schema": 1, "rows": [{}]}'])
def test_what_is_no_report_is_refused(text):
    with pytest.raises(AttentionError, match="no faithfulness report"):
        from_json(text)


def test_a_report_of_another_schema_is_refused(report):
    with pytest.raises(AttentionError, match="schema 99"):
        from_json(report.to_json().replace('"schema": 1', '"schema": 99'))


def test_the_choice_is_the_best_that_needs_no_extra_pass_and_no_heads_number(report):
    best = report.best_without_extra_pass()
    assert best.method == "encoder_attention:0"
    assert best.beats_both
    assert not report.row("rollout").beats_both


def test_an_episode_without_a_value_is_left_out(report):
    pointing = report.row("rollout").measures["pointing"]
    assert pointing.mean == 1.0
    assert pointing.episodes == 29


def test_curves_are_relative_to_all_cells_replaced(report):
    curve = report.row(RANDOM).curves["deletion_blur"]
    assert curve == pytest.approx((0.0, 0.25, 1.0))


def test_the_table_has_the_best_first_the_baselines_last_and_a_verdict(report):
    text = tables(report)
    order = [text.index(f"| {name} ") for name in
             ("grad_cam", "encoder_attention:0:1", "encoder_attention:0", "rollout",
              "random order", "centre bias")]  # fmt: skip
    assert order == sorted(order)
    assert "averaged over heads: encoder_attention:0; it beats random order and centre bias" in text
    assert "0.10 [nan, 0.20]" in text


def test_scores_are_told_as_parts_of_integrated_gradients_in_the_same_episodes():
    moments = [
        moment(episode, {INTEGRATED_GRADIENTS: ig, "contribution": 0.9 * ig, CENTRE: 0.5})
        for episode, ig in enumerate((0.7, 0.8, 0.9))
    ]
    rows = rows_of(moments, {}, {})
    found = parts_of(rows, INTEGRATED_GRADIENTS)
    # moment() adds 0.05 of the full distance of 2 to each insertion, so 0.025 to each score.
    mean, low, high, episodes = found["contribution"][SCORE]
    assert mean == pytest.approx((0.9 * 0.8 + 0.025) / 0.825)
    assert low <= mean <= high
    assert high - low < 0.001
    assert episodes == 3
    assert set(found) == {"contribution", CENTRE}
    assert parts_of(rows, "grad_cam") == {}


def test_a_best_method_below_a_baseline_is_said_to_be(report):
    losing = [moment(e, {"rollout": 0.6, RANDOM: 0.5, CENTRE: 0.65}) for e in range(5)]
    fields = {**report.__dict__, "rows": rows_of(losing, {}, {})}
    assert "rollout; it does not beat centre bias" in tables(Report(**fields))


def test_no_moment_is_no_report():
    with pytest.raises(AttentionError, match="no episode"):
        rows_of([], {}, {})


def test_the_picture_shows_each_curve_where_its_values_are(report):
    image = picture(report)
    blank = picture(Report(**{**report.__dict__, "rows": ()}))
    assert image.shape == blank.shape
    # Random order: grey, a quarter of the way up at half of the cells.
    changed = (image != blank).any(axis=-1)
    assert changed[:, :560].any()
    grey = (image == 150).all(axis=-1)
    across, up = 70 + round(math.sqrt(0.5) * 470), 550 - round((0.25 + 0.2) / 1.4 * 480)
    assert grey[up - 2 : up + 3, across - 2 : across + 3].any()


def test_a_picture_that_cannot_be_written_says_why(report, tmp_path):
    draw(report, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 1000
    with pytest.raises(AttentionError, match="cannot be written"):
        draw(report, tmp_path / "missing" / "curves.png")


def test_reports_of_the_same_episodes_join_and_their_differences_are_made_anew(report):
    part = {**report.__dict__, "rows": tuple(r for r in report.rows if r.method != "grad_cam")}
    rest = {**report.__dict__, "rows": (report.row("grad_cam"), report.row(RANDOM))}
    both = merged(Report(**part), Report(**rest))
    assert {row.method for row in both.rows} == {row.method for row in report.rows}
    assert both.row("grad_cam").measures == report.row("grad_cam").measures
    assert both.row("rollout").above_random == report.row("rollout").above_random
    alone = merged(Report(**rest), Report(**{**rest, "rows": (report.row(CENTRE),)}))
    assert alone.row("grad_cam").above_centre == report.row("grad_cam").above_centre


def test_reports_of_other_episodes_do_not_join(report):
    with pytest.raises(AttentionError, match="episodes differs"):
        merged(report, Report(**{**report.__dict__, "episodes": (1, 2)}))


def test_a_policy_that_ignores_the_pictures_has_a_table_without_scores(report):
    pairs = {"rollout": {"deletion_blur": (0.0, 0.0)}, RANDOM: {}}
    blind = Moment(0, 0, pairs, {"rollout": {}, RANDOM: {}})
    rows = rows_of([blind], {}, {"rollout": {"all": Interval(0.1, 0.0, 0.2, 3)}})
    text = tables(Report(**{**report.__dict__, "rows": rows}))
    assert "No score of a method without an extra pass" in text
    assert "| rollout " in text
