# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pam_ros import cli
from pam_ros.attention.errors import AttentionError
from pam_ros.faithfulness.bootstrap import Interval
from pam_ros.faithfulness.compare import comparison
from pam_ros.faithfulness.measure import CENTRE, RANDOM, Moment
from pam_ros.faithfulness.report import Report, from_json
from pam_ros.faithfulness.rows import rows_of
from pam_ros.faithfulness.table import tables


def report(policy, scores, source="simulator", **fields):
    """Scores by method: one number for blur and mean, or a pair."""
    noise = np.random.default_rng(0).normal(0, 0.01, 20)

    def pairs(score, episode):
        blur, mean = score if isinstance(score, tuple) else (score, score)
        return {
            f"{kind}_{word}": (value + noise[episode], 1.0)
            for word, value in (("blur", blur), ("mean", mean))
            for kind in ("deletion", "insertion")
        }

    moments = [
        Moment(e, 0, {name: pairs(score, e) for name, score in scores.items()},
               {name: {} for name in scores})
        for e in range(20)
    ]  # fmt: skip
    given = dict.fromkeys(("policy_sha256",), "ab" * 32)
    return Report(
        policy=policy, source=source, first_episode=0, episodes=tuple(range(20)), moments=(0,),
        fractions=(0.0, 1.0), blur_cells=1.5, swapped_cells=8, bfloat16=False,
        rows=rows_of(moments, {}, {}, fields.pop("cost", None)), **given, **fields,
    )  # fmt: skip


BASELINES = {RANDOM: 0.5, CENTRE: 0.7}


@pytest.fixture
def two():
    first = {"contribution": 0.9, "rollout": 0.75, **BASELINES}
    second = {"contribution": (0.9, 0.6), "rollout": 0.6, **BASELINES}
    return [report("one", first), report("two", second, lacking={"grad_cam": "no gradients"})]


def test_each_measure_has_a_column_for_each_policy(two):
    text = comparison(two)
    head = next(line for line in text.split("\n") if line.startswith("| score "))
    assert [cell.strip() for cell in head.split("|")[1:-1]] == [
        "score", "one, simulator", "two, simulator",
    ]  # fmt: skip
    (row,) = [line for line in text.split("\n") if line.startswith("| rollout")][:1]
    assert "0.75 [" in row
    assert "0.60 [" in row
    assert "| score, mean" in text


def test_a_sentence_says_on_which_policy_and_by_which_replacement(two):
    text = comparison(two)
    assert (
        "contribution above centre bias: on one, simulator by blur, mean; "
        "on two, simulator by blur, not by mean." in text
    )
    assert (
        "rollout above centre bias: on one, simulator by blur, mean; on two, simulator not" in text
    )
    # By mean both are at 0.6 on the second policy.
    assert "contribution above rollout: on one, simulator by blur, mean; on two" in text


def test_a_map_that_one_policy_lacks_is_said_to_be_lacking(two):
    lines = [line for line in comparison(two).split("\n") if line.startswith("| grad_cam")]
    assert lines
    assert all("no map" in line for line in lines)


def test_costs_and_what_a_distractor_does_stand_side_by_side_too(two):
    facts = {name: Interval(0.25, 0.2, 0.3, 20) for name in ("cube_change", "distractor_change",
             "distractor_share")}  # fmt: skip
    dear = report("three", {"rollout": 0.7, **BASELINES}, cost={"rollout": 1.5}, facts=facts)
    text = comparison([two[0], dear])
    (cost,) = [line for line in text.split("\n") if line.startswith("| rollout") and "1.50" in line]
    assert [cell.strip() for cell in cost.split("|")[1:-1]] == ["rollout", "", "1.50"]
    assert text.count("0.25 [0.20, 0.30]") == 3


def test_the_command_prints_the_comparison_of_files(two, tmp_path, capsys):
    files = [tmp_path / "one.json", tmp_path / "two.json"]
    for file, found in zip(files, two, strict=True):
        file.write_text(found.to_json())
    assert cli.main(["faithfulness", "--compare", *map(str, files)]) == 0
    assert capsys.readouterr().out == comparison([from_json(f.read_text()) for f in files])


def test_one_report_or_the_same_twice_is_no_comparison(two):
    with pytest.raises(AttentionError, match="at least two reports"):
        comparison(two[:1])
    with pytest.raises(AttentionError, match="two of the reports are of one, simulator"):
        comparison([two[0], two[0]])


def test_a_table_says_what_needs_a_simulator_is_not_measured():
    scores = {"rollout": 0.75, **BASELINES}
    text = tables(report("one", scores, source="pusht", cost={"rollout": 1.034}))
    head, _, row = text.split("\n")[:3]
    assert [cell.strip() for cell in head.split("|")[1:-1]] == [
        "method", "score", "cost", "cube removed", "cube moved", "heat on cube",
        "heat on distractor", "pointing",
    ]  # fmt: skip
    assert row.count("not measured") == 5
    assert "| 1.03 |" in row
    assert "not measured" not in tables(report("one", scores))


def test_a_table_has_a_row_for_a_map_that_the_policy_does_not_have(two):
    text = tables(two[1])
    assert "| grad_cam" in text
    assert "no map: no gradients" in text


def test_differences_to_centre_and_rollout_are_there_for_each_replacement(two):
    text = tables(two[0])
    assert "| above centre bias |" in text
    assert "| above rollout |" in text
    row = two[0].rows[0]
    assert row.method == "contribution"
    assert row.above_rollout["score_mean"].mean == pytest.approx(0.15)
    assert row.above_rollout["score_mean"].low > 0


def test_agreement_with_road_is_one_line(two):
    agreement = {"score": Interval(0.75, 0.5, 1.0, 20), "score_all": Interval(1.0, 0.9, 1.0, 20)}
    text = tables(replace(two[0], agreement=agreement))
    said = "Rank correlation of the methods' order with ROAD's: "
    assert f"{said}blur 0.75 [0.50, 1.00], all 1.00 [0.90, 1.00].\n" in text


def test_noise_that_passes_do_not_share_is_told(two):
    assert "each picture's its own" in tables(replace(two[0], noise="own"))
    assert "all drew the same" in tables(replace(two[0], noise="shared"))
