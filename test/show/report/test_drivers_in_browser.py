# SPDX-License-Identifier: Apache-2.0
"""What moved which joint: a click on its curve shows the heat of its own maps."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_recording import (
    FURTHER,
    FURTHER_GAP,
    FURTHER_SHIFT,
    GRIDS,
    SIZES,
    TICKS,
    cells,
    color,
    write_recording,
)
from test_page_in_browser import full_scale, go, picture, stands_at

from pam_ros.attention.overlay import Overlay
from pam_ros.show.report.page import write_report
from pam_ros.show.report.recording import read_recording

DRIVEN = "document.getElementById('driven')"


@pytest.fixture(scope="module")
def with_pan(tmp_path_factory):
    """The report of a recording that has maps of pan, and none of lift."""
    folder = tmp_path_factory.mktemp("drivers")
    write_recording(folder / "run", further=True)
    write_report(folder / "run", folder / "report.html")
    return folder / "report.html"


@pytest.fixture
def opened(browser, with_pan):
    browser.open(with_pan)
    browser.wait(stands_at(0))
    yield browser
    assert browser.problems() == []


def curve(browser, joint: str, tick: int) -> None:
    """Click on the joint's curve at a tick, and wait until it is shown."""
    figure = f"document.querySelector('[data-joint={joint}]').closest('figure')"
    browser.run(f"{figure}.querySelector('canvas').id = 'curve'")
    wide = browser.run("document.getElementById('curve').clientWidth")
    part = (38 + tick / (TICKS - 1) * (wide - 38 - 6)) / wide
    browser.click("#curve", part)
    browser.run("document.getElementById('curve').removeAttribute('id')")
    browser.wait(stands_at(tick))


def hottest(browser, camera: str, tick: int) -> tuple[float, float]:
    """x and y [pixels] of the middle of what differs most from the camera's own picture."""
    away = np.abs(picture(browser, camera).astype(int) - color(camera, tick)).sum(axis=2)
    rows, cols = np.nonzero(away > 0.97 * away[8:-8, 8:-8].max())
    return float(cols.mean()), float(rows.mean())


def strong(camera: str, tick: int) -> tuple[float, float]:
    """x and y [pixels] of its strong cell."""
    mass = cells(camera, tick)
    row, col = np.unravel_index(int(mass.argmax()), mass.shape)
    x0, y0, dx, dy = GRIDS[camera]
    return x0 + col * dx, y0 + row * dy


def test_a_click_on_a_joints_curve_shows_what_moved_it_there(opened):
    assert opened.run(f"{DRIVEN}.hidden")
    curve(opened, "pan", 21)
    assert opened.run(f"{DRIVEN}.dataset.target") == "pan[0:10]"
    assert opened.run(f"{DRIVEN}.textContent").startswith("Heat: what moves pan[0:10]. ")
    pan = {camera: picture(opened, camera) for camera in SIZES}
    for camera, (height, width) in SIZES.items():
        plain = np.full((height, width, 3), color(camera, 21), np.uint8)
        expected = Overlay("turbo", 0.6, 6).draw(
            plain, cells(camera, 21 + FURTHER_SHIFT), *GRIDS[camera], full_scale(21), 0.25
        )
        assert np.abs(pan[camera].astype(int) - expected).max() <= 15
    assert hottest(opened, "top", 21) == pytest.approx(strong("top", 22), abs=8)
    # Other ticks have its own maps too; scrubbing keeps the joint.
    go(opened, 6)
    assert hottest(opened, "top", 6) == pytest.approx(strong("top", 7), abs=8)

    # Back to the ticks' own map, by the sentence's button and by the title.
    opened.click("#driven button")
    assert opened.run(f"{DRIVEN}.hidden")
    assert hottest(opened, "top", 6) == pytest.approx(strong("top", 6), abs=8)
    opened.click("[data-joint=pan]")
    assert opened.run("document.querySelector('[data-joint=pan]').ariaPressed") == "true"
    opened.click("[data-joint=pan]")
    assert opened.run(f"{DRIVEN}.hidden")


def test_a_tick_without_its_map_shows_the_one_before_dimmed(opened):
    curve(opened, "pan", FURTHER_GAP)
    words = opened.run("document.querySelector('#cameras figcaption span').textContent")
    assert words.endswith("map 0.10 s old")
    assert opened.run("document.querySelector('[data-camera=top]').dataset.map") == str(
        FURTHER_GAP - 1
    )


def test_a_joint_without_maps_says_how_to_get_them(opened):
    curve(opened, "lift", 12)
    said = opened.run(f"{DRIVEN}.textContent")
    assert said.startswith("This recording has no map of what moves lift: record with ")
    assert 'contribution_targets: ["lift"]' in said
    assert '--targets "lift"' in said
    assert hottest(opened, "top", 12) == pytest.approx(strong("top", 12), abs=8)
    assert opened.run("document.querySelector('[data-joint=lift]').ariaPressed") == "true"


def test_the_maps_of_a_target_are_no_ticks_of_their_own(tmp_path):
    write_recording(tmp_path / "run", further=True, invalid=frozenset({3}))
    found = read_recording(tmp_path / "run")
    assert len(found.ticks) == TICKS
    (pan,) = found.further
    assert pan.target == "pan[0:10]"
    assert [bool(tick.cameras) for tick in pan.ticks] == [k != FURTHER_GAP for k in range(TICKS)]
    assert found.topics[FURTHER].count == TICKS - 1
    alone = tmp_path / "alone"
    write_recording(alone, without=frozenset({"/act_attention/attention"}), further=True)
    from pam_ros.show.report.errors import ReportError

    with pytest.raises(ReportError, match="has no attention maps"):
        read_recording(alone)
