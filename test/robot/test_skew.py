# SPDX-License-Identifier: Apache-2.0
"""How far apart stamps are, and which tolerance they would need."""

from __future__ import annotations

import pytest

from pam_ros.robot.skew import measure_skew

MS = 1_000_000


def times(every_ms, first_ms=1000, count=40):
    return [(first_ms + k * every_ms) * MS for k in range(count)]


def test_the_slowest_source_is_what_the_others_are_measured_by():
    skew = measure_skew(
        {"top": times(100), "fast": times(10, 993, 500), "late": times(50, 1020, 90)}, 0.01
    )
    assert skew.reference == "top"
    assert skew.apart_s == pytest.approx({"fast": 0.003, "late": 0.02})
    assert skew.share == 0.0
    assert skew.tolerance_s == pytest.approx(0.02)


def test_the_trigger_is_the_reference_if_there_is_one():
    skew = measure_skew({"top": times(100), "side": times(50, 1000, 80)}, 0.05, "side")
    assert skew.reference == "side"
    assert skew.share == 1.0


def test_the_tolerance_that_fits_does_fit():
    sources = {
        "top": times(33, 1000, 300),
        "state": times(7, 1001, 1400),
        "side": times(40, 990, 250),
    }
    skew = measure_skew(sources, 0.005)
    assert 0 < skew.share < 1
    assert measure_skew(sources, skew.tolerance_s).share >= 0.99
    assert measure_skew(sources, skew.tolerance_s - 0.002).share < 0.99


def test_without_two_sources_there_is_nothing_to_say():
    assert measure_skew({"top": times(100)}, 0.05) is None
    assert measure_skew({"top": times(100), "side": []}, 0.05) is None
    assert measure_skew({"top": times(100), "side": [0, 0]}, 0.05) is None


def test_sources_that_never_overlap_are_told_how_far_they_are():
    skew = measure_skew({"top": times(100), "side": times(100, 3_600_000)}, 0.05)
    assert skew.share == 0.0
    assert skew.tolerance_s > 3500
