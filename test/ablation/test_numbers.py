# SPDX-License-Identifier: Apache-2.0
"""Numbers with units, for people."""

import math

import pytest

from pam_ros.ablation.numbers import amount, figures, times, unit_of


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"), (0.0998, "0.10"), (0.214, "0.21"), (1.0, "1.0"), (9.96, "10"), (99.6, "100"),
        (123.4, "123"), (0.00052, "0.00052"), (0.0000612, "6e-05"), (-0.214, "-0.21"),
        (math.nan, ""),
    ],
)  # fmt: skip
def test_numbers_have_two_figures(value, shown):
    assert figures(value) == shown


def test_short_lengths_are_in_millimetres_and_a_bare_number_has_no_unit():
    assert amount(0.0031, "m") == "3.1 mm"
    assert amount(0.5, "m") == "0.50 m"
    assert amount(0.2, "") == "0.20"
    assert unit_of("percent") == "%"
    assert unit_of("none") == ""


def test_what_is_above_a_floor_of_nothing_is_more():
    assert times(0.2, 0.1) == "2.0 times"
    assert times(0.2, 0.0) == "more than"
