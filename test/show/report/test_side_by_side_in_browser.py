# SPDX-License-Identifier: Apache-2.0
"""Two recordings on one page: linked time, axes that can be compared, and their own heat."""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_recording import TICKS, Timing, color, write_recording
from test_page_in_browser import SHOWN, go, stands_at

from pam_ros import cli
from pam_ros.show.report.errors import ReportError
from pam_ros.show.report.packed import read_data
from pam_ros.show.report.page import write_report

OTHER = SHOWN.replace("cameras", "cameras-2")
#: The other recording has half the rate, began 0.5 s later, and its first episode lasts longer.
STEP_S, LATER_S, LATE_TICKS = 0.2, 0.5, 30


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """The page of two recordings whose stamps overlap."""
    folder = tmp_path_factory.mktemp("pair")
    write_recording(folder / "one")
    stamps = tuple(LATER_S + STEP_S * tick for tick in range(LATE_TICKS))
    write_recording(folder / "other", Timing(stamps), ticks=LATE_TICKS)
    report = write_report([folder / "one", folder / "other"], folder / "pair.html")
    assert report.ticks == TICKS + LATE_TICKS
    return folder / "pair.html"


@pytest.fixture
def opened(browser, pair):
    browser.resize(1500, 950)
    browser.open(pair)
    browser.wait(f"document.getElementById('cameras-2') && {SHOWN} === 0 && {OTHER} >= 0")
    yield browser
    assert browser.problems() == []


def way(browser, name: str) -> None:
    browser.run(
        f"(() => {{ const s = document.getElementById('link-way'); s.value = '{name}';"
        "s.dispatchEvent(new Event('change')); })()"
    )


def other_picture(browser, camera: str) -> np.ndarray:
    values = browser.run(
        f"(() => {{ const c = document.querySelector('#cameras-2 canvas[data-camera={camera}]');"
        "return [c.width, c.height, [...c.getContext('2d')"
        ".getImageData(0, 0, c.width, c.height).data]]; })()"
    )
    return np.array(values[2], np.uint8).reshape(values[1], values[0], 4)[:, :, :3]


def test_by_stamps_both_show_the_same_moment(opened):
    assert opened.run("document.getElementById('link-way').value") == "stamps"
    opened.run("document.getElementById('heat').click()")
    for tick, other in ((5, 0), (9, 2), (25, 10), (39, 17), (7, 1)):
        go(opened, tick)
        opened.wait(stands_at(other, OTHER))
        middle = other_picture(opened, "top")[20:40, 20:60].reshape(-1, 3).astype(int).mean(axis=0)
        assert abs(middle[1] - color("top", other)[1]) <= 2
    # Before the other began, it shows its first tick and says so.
    go(opened, 0)
    opened.wait(f"{OTHER} === 0")
    said = opened.run("document.getElementById('now-2').textContent")
    assert "nothing recorded" not in said  # 0.5 s away is less than a gap


def test_from_the_first_ticks_and_from_the_episodes_on(opened):
    way(opened, "start")
    go(opened, 10)
    opened.wait(f"{OTHER} === 5")
    way(opened, "episode")
    # Tick 24 is 0.4 s into the second episode; the other's second one begins at its tick 20.
    go(opened, 24)
    opened.wait(f"{OTHER} === 22")
    go(opened, 6)
    opened.wait(f"{OTHER} === 3")


def test_playing_moves_both(opened):
    way(opened, "start")
    opened.press(" ")
    opened.wait(f"{SHOWN} >= 10 && {OTHER} >= 4")
    opened.press(" ")
    opened.wait("document.getElementById('video').paused")
    tick = opened.run(SHOWN)
    opened.wait(f"Math.abs({OTHER} * 2 - {tick}) <= 1")


def test_curves_have_one_axis_and_one_window(opened):
    way(opened, "start")
    shown = (
        "['charts', 'charts-2'].map(id => [...document.querySelectorAll(`#${id} .chart`)]"
        ".filter(f => !f.querySelector('.chart')).map(f => ({...f.dataset, title: "
        "f.querySelector('h2').textContent})))"
    )
    first, second = opened.run(shown)
    assert [chart["title"] for chart in first] == [chart["title"] for chart in second]
    for _ in range(2):
        for one, other in zip(*opened.run(shown), strict=True):
            assert one == other
        # Once more when a curve of the second was zoomed.
        opened.wheel("#charts-2 canvas", -120, control=True)
        opened.wait("Number(document.querySelector('#charts figure').dataset.begin) > 0.1")
    opened.press("0")


def test_a_click_on_the_others_curve_leads_both(opened):
    way(opened, "start")
    wide = opened.run("document.querySelector('#charts-2 canvas').clientWidth")
    opened.click("#charts-2 canvas", (44 + 2.0 / 3.9 * (wide - 50)) / wide)
    opened.wait(f"{OTHER} === 10 && {SHOWN} === 20")


def test_titles_say_what_tells_them_apart(opened):
    titles = "[...document.querySelectorAll('.view > h2')].map(h => h.textContent)"
    assert opened.run(titles) == ["A: recording one", "B: recording other"]
    assert opened.run("document.getElementById('of').textContent").startswith("rollout · policy")


def test_joints_are_chosen_for_both(opened):
    shown = "[...document.querySelectorAll('.joints figure')].filter(f => !f.hidden).length"
    assert opened.run(shown) == 4
    opened.click("#charts-2 [data-choose=lift]")
    assert opened.run(shown) == 2
    pressed = "[...document.querySelectorAll('[data-choose=lift]')].map(b => b.ariaPressed)"
    assert opened.run(pressed) == ["false", "false"]


def test_the_command_takes_two_and_no_more(recording, tmp_path, capsys):
    page = tmp_path / "pair.html"
    arguments = ["--task", "reach", "--robot", "arm", "-o", str(page)]
    assert cli.main(["report", str(recording), str(recording), *arguments]) == 0
    assert f"{2 * TICKS} ticks" in capsys.readouterr().out
    one, other = read_data(page)
    assert one == other
    assert one["heading"]["robot"] == "arm"
    with pytest.raises(ReportError, match="2 side by side: got 3"):
        write_report([recording] * 3, page)
