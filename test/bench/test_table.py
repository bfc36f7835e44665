# SPDX-License-Identifier: Apache-2.0
"""Results on disk, the page made of them, and what it says of the promises."""

import json

import pytest

from bench.results import RowResult, SliceResult, read, read_all, write
from bench.table import document
from bench.targets import findings

MACHINE = {
    "cpu": "A processor",
    "cpus": 2,
    "instruction_sets": ["avx2", "avx512", "avx512_bf16"],
    "memory_gib": 24.0,
    "system": "Linux",
    "python": "3.11",
    "versions": {"torch": "2.10.0"},
}


def slice_result(group="tick", rows=None, reference="lerobot_forward", unit="ms", **fields):
    if rows is None:
        rows = {"lerobot_forward": [400.0, 404.0, 396.0], "ours_tick_eager_float32": [300.0] * 3}
    made = tuple(RowResult(key, f"the {key}", tuple(values)) for key, values in rows.items())
    given = {"size": "default", "device": "cpu", "machine": MACHINE, "title": "default ACT"}
    return SliceResult(
        group=group, threads=2, unit=unit, reference=reference, rows=made, **{**given, **fields}
    )


def holding(*results):
    return {found.promise.split(":")[0]: found for found in findings({r.name: r for r in results})}


def test_a_result_is_the_same_after_writing_and_reading(tmp_path):
    missing = RowResult("other", "another", (), "openvino is not installed", "a note")
    result = slice_result()
    result = SliceResult(**{**vars(result), "rows": (*result.rows, missing), "facts": ({"a": 1},)})
    file = write(result, tmp_path)
    assert file.name == "tick-default.json"
    json.loads(file.read_text())
    again = read(file)
    assert again.rows == result.rows
    assert dict(again.machine) == MACHINE
    assert list(read_all(tmp_path)) == ["tick-default"]


def test_the_page_shows_medians_and_ratios_and_says_what_is_missing():
    missing = RowResult("gone", "the gone", (), "openvino is not installed")
    result = slice_result()
    result = SliceResult(**{**vars(result), "rows": (*result.rows, missing)})
    page = document({result.name: result})
    assert "| the lerobot_forward | 400 | 396.4 to 403.6 | 3 | 1 |" in page
    (ours,) = [line for line in page.splitlines() if line.startswith("| the ours_tick")]
    assert ours.startswith("| the ours_tick_eager_float32 | 300 | 300 to 300 | 3 | 0.750 [0.7")
    assert "| the gone | not measured: openvino is not installed |" in page
    assert "A processor, 2 CPUs, 24 GiB" in page
    assert "avx512_bf16" in page


def test_every_line_of_a_table_has_as_many_cells_as_its_head():
    rows = {"lerobot": [900.0], "eager_float32": [700.0]}
    results = [
        slice_result(),
        slice_result("memory", rows, "lerobot", "MiB"),
        slice_result("node", {"plan_command": [5.0, 6.0]}, ""),
        slice_result("capture", {"capture_on": [2.0] * 5, "capture_off": [1.9] * 5}, "capture_off"),
    ]
    page = document({result.name: result for result in results})
    cells = 0
    for line in page.splitlines():
        if line.startswith("| "):
            assert line.count("|") == cells or not cells, line
            cells = line.count("|")
        elif not line.startswith("|"):
            cells = 0
    assert "0.78" in page  # 700 MiB of 900


def test_a_promise_holds_fails_or_was_not_measured():
    found = holding(slice_result())
    eager = found["eager float32"]
    assert (eager.holds, eager.measured[:5]) == ("yes", "0.750")
    assert found["best engine, float32"].holds == "not measured"
    assert found["maps"].holds == "not measured"
    rows = {
        "lerobot_forward": [400.0] * 3,
        "library_tick": [700.0] * 3,
        "ours_tick_eager_float32": [350.0] * 3,
        "ours_tick_openvino_float32": [260.0] * 3,
        "ours_tick_openvino_bfloat16": [160.0] * 3,
    }
    found = {f.promise: f for f in findings({"tick-default": slice_result(rows=rows)})}
    holds = {promise: finding.holds for promise, finding in found.items()}
    assert holds["eager float32: at most 0.80 of lerobot's plain forward"] == "no"
    assert holds["best engine, float32: at most 0.70 of it"] == "yes"
    assert holds["best engine, float32: at most 0.45 of the library's tick"] == "yes"
    (bfloat16,) = [finding for promise, finding in found.items() if "bfloat16" in promise]
    assert bfloat16.holds == "no"
    assert bfloat16.measured.startswith("openvino: 0.400")


def test_a_promise_that_only_the_middle_of_the_interval_keeps_is_unsure():
    rows = {"lerobot_forward": [400.0] * 9, "ours_tick_eager_float32": [250.0] * 5 + [900.0] * 4}
    assert holding(slice_result(rows=rows))["eager float32"].holds == "unsure"


def test_ticks_that_others_disturbed_give_way_to_those_from_images():
    disturbed = slice_result(others=0.25)
    rows = {"lerobot_forward": [400.0] * 3, "ours_images_eager_float32": [330.0] * 3}
    images = slice_result("images", rows)
    found = holding(disturbed, images)["eager float32"]
    assert found.holds == "no"
    assert found.measured.startswith("0.825")
    assert "from images" in found.measured
    assert holding(slice_result(), images)["eager float32"].holds == "yes"


def test_bfloat16_is_promised_for_processors_that_have_it_alone():
    rows = {"lerobot_forward": [400.0] * 3, "ours_tick_eager_bfloat16": [390.0] * 3}
    old = {**MACHINE, "instruction_sets": ["avx2"]}
    results = {"tick-default": slice_result(rows=rows, machine=old)}
    (found,) = [each for each in findings(results) if "bfloat16" in each.promise]
    assert found.holds == "not measured"


@pytest.mark.parametrize(
    ("sets", "took", "holds"),
    [(["avx512_vnni"], 79.0, "yes"), (["amx"], 81.0, "no"), (["avx2"], 79.0, "not measured")],
)
def test_int8_is_promised_of_the_forward_pass_for_processors_that_have_it(sets, took, holds):
    rows = {"lerobot_forward": [400.0] * 3, "ours_forward_openvino_int8": [took] * 3}
    machine = {**MACHINE, "instruction_sets": sets}
    found = holding(slice_result("forward", rows, machine=machine))
    assert found["int8, forward pass alone, VNNI or AMX"].holds == holds
    assert found["the same of the demo policy"].holds == "not measured"


@pytest.mark.parametrize(
    ("on", "pairs", "holds"), [(101.0, 100, "yes"), (103.0, 100, "no"), (101.0, 99, "no")]
)
def test_showing_costs_at_most_two_percent_over_a_hundred_pairs(on, pairs, holds):
    rows = {"capture_on": [on] * pairs, "capture_off": [100.0] * pairs}
    found = holding(slice_result("capture", rows, "capture_off"))
    assert found["cross-attention on against off"].holds == holds


def test_a_cost_that_may_be_two_percent_is_unsure():
    on = [100.0, 105.0] * 50
    rows = {"capture_rollout": on, "capture_off": [100.0] * 100}
    found = holding(slice_result("capture", rows, "capture_off"))
    assert found["rollout on against off"].holds == "unsure"


def test_a_picture_and_the_maps_have_their_milliseconds():
    rows = {"overlays": [2 * 0.61] * 3, "maps": [0.29] * 3}
    found = holding(slice_result("drawing", rows, ""))
    assert (found["overlay"].holds, found["maps"].holds) == ("no", "yes")
