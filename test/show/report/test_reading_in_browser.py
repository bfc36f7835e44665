# SPDX-License-Identifier: Apache-2.0
"""What the report says of what it shows: at the picture, at the mouse, in the title."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from synthetic_recording import (
    GAP_PEAK,
    GRIDS,
    JOINT_SHARE,
    NOTE_TEXT,
    SIZES,
    TICKS,
    cells,
    color,
    write_recording,
)
from test_page_in_browser import SHOWN, full_scale, go, picture, stands_at

from pam_ros.attention.drawing import DRAWING
from pam_ros.show.report.heat import colours
from pam_ros.show.report.page import Showing, write_report

TIP = "document.getElementById('tip')"


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """The page of a recording with maps of pan, of which somebody says what it is of."""
    folder = tmp_path_factory.mktemp("told")
    write_recording(folder / "run", further=True)
    showing = Showing(robot="arm <1>", task="pick it up")
    write_report(folder / "run", folder / "report.html", showing)
    return folder / "report.html"


@pytest.fixture
def opened(browser, told):
    browser.resize(1500, 950)
    browser.open(told)
    browser.wait(stands_at(0))
    yield browser
    assert browser.problems() == []


def text(browser, selector: str) -> str:
    return browser.run(f"document.querySelector({json.dumps(selector)}).textContent")


def chart(browser, title: str) -> str:
    """A selector of a chart's canvas."""
    name = re.sub(r"\W", "", title)
    browser.run(
        "[...document.querySelectorAll('.chart')].find(f => !f.querySelector('.chart') && "
        f"f.querySelector('h2').textContent.startsWith({json.dumps(title)}))"
        f".querySelector('canvas').id = {json.dumps(name)}"
    )
    return f"#{name}"


def share_at(time_s: float, wide: float, left: int = 44) -> float:
    """Which part of a chart's width shows a time, when it shows all."""
    return (left + time_s / ((TICKS - 1) / 10) * (wide - left - 6)) / wide


def axis(browser, selector: str) -> list[float]:
    """The lowest and the highest value that a chart's axis has room for."""
    figure = f"document.querySelector({json.dumps(selector)}).closest('figure')"
    return browser.run(f"[Number({figure}.dataset.low), Number({figure}.dataset.high)]")


def test_the_title_says_robot_task_policy_and_day(opened):
    assert text(opened, "h1") == "arm <1>: pick it up"
    assert text(opened, "#of") == f"policy synthetic {'a' * 12} · 2023-11-14 22:13 UTC"
    assert opened.run("document.title") == (
        f"arm <1>: pick it up, synthetic {'a' * 12}, 2023-11-14 22:13 UTC"
    )


def test_the_heat_is_explained_at_the_picture(opened):
    go(opened, 6)
    assert text(opened, ".look .how") == "rollout · layer all · head mean · query mean"
    scale = 100 * full_scale(6)
    said = f"0{scale / 2:.1f} %{scale:.1f} %of all attention, on one cell"
    assert text(opened, ".colour-bar") == said
    said = f"magenta border: the joint state's share, {100 * JOINT_SHARE:.1f} %"
    assert text(opened, ".look .border") == said
    # The bar's ends have the colours of no heat and of full heat, on grey.
    bar = opened.run(
        "(() => { const c = document.querySelector('.colour-bar canvas'), x = c.getContext('2d');"
        "return [0, 255].map(i => [...x.getImageData(i, 5, 1, 1).data].slice(0, 3)); })()"
    )
    hot = colours()[255] * DRAWING.alpha + 128 * (1 - DRAWING.alpha)
    assert np.abs(np.array(bar) - [[128] * 3, hot]).max() <= 2
    # A further target's heat is explained as what it is.
    opened.click("[data-joint=pan]")
    assert text(opened, ".look .how").startswith("rollout of pan[0:10]")
    opened.click("[data-joint=pan]")


def test_the_mouse_reads_a_cells_mass_and_marks_it_on_the_bar(opened):
    go(opened, 6)
    row, col = np.unravel_index(int(cells("top", 6).argmax()), cells("top", 6).shape)
    x0, y0, dx, dy = GRIDS["top"]
    height, width = SIZES["top"]
    at = {"x": (x0 + col * dx + 0.5) / width, "y": (y0 + row * dy + 0.5) / height}
    opened.point("canvas[data-camera=top]", **at)
    strong = float(cells("top", 6).max())
    assert text(opened, "#tip") == (
        f"cell {row}, {col} {100 * strong:.1f} %of full heat {100 * strong / full_scale(6):.0f} %"
    )
    marked = (
        "[...document.querySelector('.colour-bar canvas').getContext('2d')"
        ".getImageData(0, 5, 256, 1).data].reduce((n, v, i) => n + (i % 4 === 0 && v === 255), 0)"
    )
    assert opened.run(marked) >= 2  # at the end of the bar half of it is seen
    opened.point("h1")
    assert opened.run(f"{TIP}.hidden")
    assert opened.run(marked) == 0


def test_the_mouse_reads_curves_and_points_in_all_of_them(opened):
    selector = chart(opened, "Command away")
    wide = opened.run(f"document.querySelector('{selector}').clientWidth")
    other = chart(opened, "Entropy")
    count = (
        f"(() => {{ const c = document.querySelector('{other}'); let n = 0;"
        "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
        "for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n; })()"
    )
    before = opened.run(count)
    opened.point(selector, share_at(GAP_PEAK / 10, wide))
    said = text(opened, "#tip")
    assert said == f"{GAP_PEAK / 10:.2f} sCommand away from the prediction, widest joint 0.400"
    assert opened.run(count) > before
    opened.point("h1")
    assert opened.run(f"{TIP}.hidden")
    assert opened.run(count) == before


def test_the_wheel_zooms_where_it_does_not_scroll_the_page(opened):
    selector = chart(opened, "Command away")
    whole = axis(opened, selector)
    opened.wheel("#episodes", -120)
    opened.wait("document.getElementById('chooser').querySelector('select').value === ''")
    span = "(() => { const f = document.querySelector('#charts figure').dataset;"
    span += "return Number(f.until) - Number(f.begin); })()"
    opened.wait(f"{span} < 3.5")
    opened.press("0")
    opened.wait(f"{span} > 3.8")
    # Over a curve the page scrolls; with Ctrl, or when it was clicked, time zooms.
    opened.wheel(selector, -120)
    assert opened.run(span) > 3.8
    opened.wheel(selector, -120, control=True)
    opened.wait(f"{span} < 3.5")
    opened.press("0")
    opened.click(selector)
    opened.wheel(selector, -120)
    opened.wait(f"{span} < 3.5")
    opened.press("0")
    assert axis(opened, selector) == whole


def test_the_axis_follows_what_is_seen(opened):
    selector = chart(opened, "Command away")
    assert axis(opened, selector)[1] > 0.4
    # The second half does not hold the peak.
    opened.run("document.querySelector('#chooser select').value = '1'")
    opened.run("document.querySelector('#chooser select').dispatchEvent(new Event('change'))")
    opened.wait(f"{SHOWN} === 20")
    assert axis(opened, selector)[1] < 0.02
    opened.press("0")
    assert axis(opened, selector)[1] > 0.4


def test_joints_can_be_chosen(opened):
    shown = "[...document.querySelectorAll('.joints figure')].filter(f => !f.hidden).length"
    assert opened.run(shown) == 2
    opened.click("[data-choose=pan]")
    assert opened.run(shown) == 1
    assert opened.run("document.querySelector('[data-choose=pan]').ariaPressed") == "false"
    assert opened.run("document.querySelector('[data-joint=pan]').closest('figure').hidden")
    opened.click(".choice button:last-child")
    assert opened.run(shown) == 0
    opened.click(".choice button:nth-last-child(2)")
    assert opened.run(shown) == 2


def test_a_camera_is_enlarged_and_put_back(opened):
    wide = "document.querySelector('canvas[data-camera=side]').clientWidth"
    before = opened.run(wide)
    opened.click("canvas[data-camera=side]")
    assert opened.run(wide) > 1.8 * before
    # The same heat: it is the same canvas.
    go(opened, 3)
    assert np.abs(picture(opened, "side").astype(int) - color("side", 3)).max() > 30
    opened.press("Escape")
    assert opened.run(wide) == before
    for large in ("top", "side", None):
        opened.press("c")
        found = opened.run("document.querySelector('.large canvas')?.dataset.camera ?? null")
        assert found == large


def test_episodes_can_be_chosen_and_stepped_through(opened):
    options = "[...document.querySelectorAll('#chooser option')].map(o => o.textContent)"
    assert opened.run(options) == [
        "All 2 episodes", "Episode 0 · reached · 1.9 s", "Episode 1 · missed · 1.9 s",
    ]  # fmt: skip
    opened.press("]")
    opened.wait(f"{SHOWN} === 20")
    go(opened, 25)
    opened.press("[")
    opened.wait(f"{SHOWN} === 20")
    opened.press("[")
    opened.wait(f"{SHOWN} === 0")
    opened.press("e")
    assert opened.run("document.querySelector('#chooser select').value") == "0"
    opened.press("]")
    opened.wait(f"{SHOWN} === 20")
    assert opened.run("document.querySelector('#chooser select').value") == "1"
    # The strip says at the mouse what is there, and what somebody said.
    wide = opened.run("document.getElementById('episodes').clientWidth")
    opened.point("#episodes", (8 + 1.7 / 3.9 * (wide - 16)) / wide)
    assert opened.run(f"{TIP}.lastChild.textContent") == NOTE_TEXT
    assert "Episode 0 · reached" in text(opened, "#tip")


def test_the_theme_is_the_systems_until_somebody_chooses(opened):
    page = "getComputedStyle(document.body).backgroundColor"
    line = "(() => { const c = document.querySelector('#charts canvas'), x = c.getContext('2d');"
    line += "return [...x.getImageData(c.width - 30, c.height - 30, 1, 1).data].join(); })()"
    seen = set()
    for scheme in ("light", "dark", "light"):
        opened.scheme(scheme)
        opened.wait(f"document.documentElement.dataset.theme === '{scheme}'")
        seen.add((opened.run(page), opened.run(line)))
    # Page and curves changed together.
    assert len(seen) == len({background for background, _ in seen}) == 2
    opened.click("#theme")
    opened.wait("document.documentElement.dataset.theme === 'dark'")
    opened.click("#theme")
    opened.wait("document.documentElement.dataset.theme === 'light'")
    opened.scheme("dark")
    opened.wait("document.documentElement.dataset.theme === 'dark'")
