# SPDX-License-Identifier: Apache-2.0
"""A notebook draws what the robot draws: every default of a drawing stands once."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from pam_ros.attention.drawing import DRAWING, SCALES, Drawing
from pam_ros.attention.errors import AttentionError
from pam_ros.attention.overlay import COLORMAPS, Overlay
from pam_ros.attention.scale import RunningScale, TickScale, UniformScale, make_scale


def test_an_overlay_and_the_scales_take_the_defaults_from_the_drawing():
    overlay = Overlay()
    assert (overlay.colormap, overlay.alpha, overlay.border) == ("turbo", 0.6, 6)
    assert (RunningScale().percentile, RunningScale().window) == (99.0, 100)
    assert {RunningScale().floor, TickScale().floor, DRAWING.floor} == {4.0}
    assert UniformScale().multiples == DRAWING.multiple
    assert DRAWING.colormap in COLORMAPS


def test_the_node_and_the_report_have_the_same():
    from pam_ros.nodes.act.parameter_table import TABLE
    from pam_ros.show.report.heat import colours

    given = {
        entry.name.removeprefix("overlay_").removeprefix("scale_"): entry.default
        for entry in TABLE
        if entry.name.startswith("overlay_")
    }
    assert Drawing(**given) == DRAWING
    np.testing.assert_array_equal(colours(), colours(DRAWING.colormap))
    assert inspect.signature(colours).parameters["colormap"].default == DRAWING.colormap


@pytest.mark.parametrize("name", SCALES)
def test_each_scale_is_made_with_its_own_numbers(name):
    made = make_scale(Drawing(scale=name, percentile=90.0, window=7, multiple=3.0, floor=2.0))
    expected = {
        "tick": TickScale(2.0),
        "running": RunningScale(90.0, 7, 2.0),
        "uniform": UniformScale(3.0),
    }
    assert type(made) is type(expected[name])
    assert {key: value for key, value in vars(made).items() if key != "_ticks"} == {
        key: value for key, value in vars(expected[name]).items() if key != "_ticks"
    }


def test_a_scale_that_cannot_be_is_refused():
    with pytest.raises(AttentionError, match="window 0 must be at least 1 tick"):
        make_scale(Drawing(window=0))
