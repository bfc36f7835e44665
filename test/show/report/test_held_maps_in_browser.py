# SPDX-License-Identifier: Apache-2.0
"""A recording with few maps in a browser: where it opens, what is dimmed, what is a dot."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_recording import TICKS, color, write_recording
from test_page_in_browser import go, picture, stands_at

from pam_ros.show.report.page import write_report

MAPS = {3, 4, 13, *range(25, TICKS)}
READOUT = "document.querySelector('#cameras figcaption span').textContent"


@pytest.fixture
def opened(browser, tmp_path):
    write_recording(tmp_path / "run", invalid=frozenset(range(TICKS)) - MAPS)
    write_report(tmp_path / "run", tmp_path / "report.html")
    browser.open(tmp_path / "report.html")
    browser.wait(stands_at(3))
    yield browser
    assert browser.problems() == []


def heat_at(browser, tick):
    """How far the top camera's picture is from its own colour."""
    go(browser, tick)
    return np.abs(picture(browser, "top").astype(int) - color("top", tick)).mean()


def test_it_opens_at_the_first_map_and_dims_a_map_that_is_not_the_ticks_own(opened):
    assert "old" not in opened.run(READOUT)
    own, held, none = (heat_at(opened, tick) for tick in (4, 9, 22))
    assert own > 7
    assert 0.3 * own < held < 0.75 * own
    assert none < 3
    go(opened, 9)
    assert opened.run(READOUT).endswith("map 0.50 s old")
    go(opened, 22)
    assert opened.run(READOUT) == "no map"


def test_a_value_between_two_gaps_is_a_dot(opened):
    """Tick 13 alone has a map within more than a second."""
    count = opened.run(
        "(() => { const c = [...document.querySelectorAll('.chart')].find((f) =>"
        " f.querySelector('h2').textContent.startsWith('Entropy')).querySelector('canvas');"
        "const scale = c.width / c.clientWidth, wide = c.clientWidth - 50;"
        "const x = Math.round((44 + 1.3 / 3.9 * wide) * scale);"
        "const colour = getComputedStyle(document.documentElement).getPropertyValue('--c0').trim();"
        "const probe = document.createElement('canvas').getContext('2d'); probe.fillStyle = colour;"
        "probe.fillRect(0, 0, 1, 1); const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;"
        "const data = c.getContext('2d').getImageData(x - 4, 0, 9, c.height).data; let n = 0;"
        "for (let i = 0; i < data.length; i += 4) n += Math.abs(data[i] - r) + "
        "Math.abs(data[i + 1] - g) + Math.abs(data[i + 2] - b) < 40; return n; })()"
    )
    assert 4 <= count <= 80
