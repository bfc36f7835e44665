# SPDX-License-Identifier: Apache-2.0
"""When a soak, a row and a hold have failed, on made-up runs."""

import pytest

from . import holding, soak_report, table
from .command import main
from .table import line, page
from .trial import Outcome
from .witness import Command

MB = 1_000_000


def record(minutes=1.0, rate=10.0, **changes):
    seconds = minutes * 60.0
    times = [round(place / rate, 3) for place in range(int(seconds * rate))]
    made = {
        "minutes": minutes,
        "processors": 2,
        "observations": times,
        "ticks": [[at, 0.06, 1] for at in times],
        "reports": [
            {"at": float(at), "message": "", "counts": {"messages_skipped": 0}}
            for at in range(int(seconds) + 1)
        ],
        "samples": {"node": [[at, 500 * MB, 30, at * 0.5] for at in range(0, int(seconds), 1)]},
        "others": [[at, 0.1, 1.0] for at in range(0, int(seconds), 1)],
    }
    return {**made, **changes}


def test_a_steady_run_falls_short_of_nothing():
    figures = soak_report.figures_of(record())
    assert figures["shortcomings"] == []
    assert figures["missed"] == 0
    assert figures["processes"]["node"]["cpu_share"] == pytest.approx(0.5)
    assert "Every criterion is met" in soak_report.page(figures)


def test_growth_of_three_percent_after_the_warm_up_is_too_much():
    samples = [[at, (500 + (15 if at > 30 else 0)) * MB, 30, 0.0] for at in range(60)]
    figures = soak_report.figures_of(record(samples={"node": samples}))
    assert figures["shortcomings"] == ["node grew by 3.0% after the warm-up"]
    # The warm-up itself may grow.
    samples = [[at, (500 if at > 8 else 100) * MB, 30, 0.0] for at in range(60)]
    assert soak_report.figures_of(record(samples={"node": samples}))["shortcomings"] == []


def test_a_descriptor_that_stays_open_is_seen():
    samples = [[at, 500 * MB, 30 + (at > 50), 0.0] for at in range(60)]
    figures = soak_report.figures_of(record(samples={"node": samples}))
    assert figures["shortcomings"] == ["node has more descriptors open at the end"]


def test_a_missed_tick_needs_a_counter_that_rose():
    whole = record()
    ticks = [row for row in whole["ticks"] if row[0] != 30.0]
    figures = soak_report.figures_of(record(ticks=ticks))
    assert figures["missed_without_a_cause"] == 1
    reports = [
        {"at": float(at), "message": "", "counts": {"messages_skipped": int(at > 30)}}
        for at in range(61)
    ]
    figures = soak_report.figures_of(record(ticks=ticks, reports=reports))
    assert (figures["missed"], figures["missed_without_a_cause"]) == (1, 0)


def test_a_tail_that_gets_longer_is_seen():
    ticks = [[at, 0.06 if at < 50 else 0.08, 1] for at in record()["observations"]]
    (sentence,) = soak_report.figures_of(record(ticks=ticks))["shortcomings"]
    assert "1.333" in sentence


def test_the_hold_is_the_first_repeat_of_the_longest_rest():
    stamps = [0.0, 0.1, 0.2, 0.36, 0.46, 0.56, 0.66]
    places = [1.0, 2.0, 3.0, 3.0, 3.0, 3.0, 4.0]
    commands = [Command(s, s, ("a",), (p,)) for s, p in zip(stamps, places, strict=True)]
    assert holding.longest_rest(commands) == pytest.approx(0.16)
    assert holding.longest_rest(commands[:3]) is None


def test_a_row_fails_by_a_breach_or_a_problem_and_the_page_says_why():
    good = Outcome("fault", "done", "held", 20, [], "log: a reason", 0.5)
    bad = Outcome("other", "done", "held", 20, ["pan commanded to nan"], "log: a | b", None)
    assert good.passed
    assert not bad.passed
    assert "FAILED  other" in line(bad)
    text = page({"seconds": 9, "rows": [good.as_dict(), bad.as_dict()]}, None)
    assert "1 of 2 rows passed" in text
    assert "**failed**: pan commanded to nan" in text
    assert "a \\| b" in text


def test_runs_on_a_real_ros2_are_kept_by_middleware_and_shown(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "RESULTS", tmp_path)
    monkeypatch.setattr(table, "PAGE", tmp_path / "faults.md")
    good = Outcome("fault", "done", "held", 20, [], "log: a reason", 0.5).as_dict()
    bad = Outcome("other", "done", "held", 20, ["pan | nan"], "log: a", None).as_dict()

    def run(rmw, rows, seconds):
        return {"rmw": rmw, "distribution": "jazzy", "seconds": seconds, "rows": rows}

    table.write_ros2_run(run("rmw_second", [good, bad], 7))
    table.write_ros2_run(run("rmw_first", [good], 8))
    table.write_ros2_run(run("rmw_second", [good, bad], 9))
    lines = (tmp_path / "faults.md").read_text().splitlines()
    assert [line for line in lines if "rmw_" in line and line.startswith("| Jazzy")] == [
        "| Jazzy | rmw_first | 1 of 1 | 8 | none |",
        "| Jazzy | rmw_second | 1 of 2 | 9 | other: pan \\| nan |",
    ]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--rmw", "rmw_any"], "--setup and --rmw are for --runtime rclpy"),
        (["--runtime", "rclpy", "--setup", "/nowhere/setup.bash"], "/nowhere/setup.bash"),
    ],
)
def test_options_for_a_ros2_that_do_not_fit_are_refused_in_one_sentence(capsys, options, sentence):
    with pytest.raises(SystemExit):
        main(options)
    assert sentence in capsys.readouterr().err
