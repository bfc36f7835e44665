# SPDX-License-Identifier: Apache-2.0
"""The report on a phone: all of it on the page itself, and fingers do what the mouse does."""

from __future__ import annotations

import pytest
from synthetic_recording import TICKS, write_recording
from test_page_in_browser import SHOWN, stands_at

from pam_ros.show.report.page import write_report

WIDTH, HEIGHT = 390, 844


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """One recording, and two side by side."""
    folder = tmp_path_factory.mktemp("phone")
    write_recording(folder / "run", further=True)
    write_recording(folder / "other", invalid=frozenset({2}))
    write_report(folder / "run", folder / "one.html")
    write_report([folder / "run", folder / "other"], folder / "two.html")
    return folder


@pytest.fixture(params=["one.html", "two.html"])
def opened(browser, pages, request):
    browser.resize(WIDTH, HEIGHT, phone=True)
    browser.open(pages / request.param)
    browser.wait(stands_at(0))
    yield browser
    assert browser.problems() == []
    browser.resize(1500, 950)


def touch(browser, kind: str, *points: tuple[float, float]) -> None:
    browser.call("Input.dispatchTouchEvent", type=kind, touchPoints=[
        {"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)
    ])  # fmt: skip


def box_of(browser, selector: str) -> dict:
    browser.run(f"document.querySelector('{selector}').scrollIntoView({{block: 'center'}})")
    return browser.run(f"document.querySelector('{selector}').getBoundingClientRect().toJSON()")


def test_nothing_is_hidden_in_inner_boxes_or_beside_the_page(opened):
    opened.run("document.querySelectorAll('details').forEach(d => { d.open = true; })")
    inner = (
        "[...document.querySelectorAll('body *')].filter(e => "
        "['auto', 'scroll', 'hidden'].includes(getComputedStyle(e).overflowY) && "
        "!e.matches('.hidden, video, select, canvas, input, button, option, script'))"
        ".map(e => e.id || e.className || e.tagName).filter(n => n !== 'moments' || "
        "document.getElementById(n).scrollHeight > document.getElementById(n).clientHeight + 1)"
    )
    assert opened.run(inner) == []
    beside = (
        "[...document.querySelectorAll('body *')].filter(e => !e.matches('.hidden') && "
        f"e.getBoundingClientRect().right > {WIDTH} + 0.5)"
        ".map(e => [e.tagName, e.id, e.className, e.textContent.slice(0, 40)])"
    )
    assert opened.run(beside) == []
    assert opened.run("document.documentElement.scrollWidth") == WIDTH


def test_buttons_are_large_enough_for_fingers(opened):
    small = (
        "[...document.querySelectorAll('button, select, #moments a')].filter(e => {"
        "const b = e.getBoundingClientRect(); return b.width > 0 && b.height < 32; })"
        ".map(e => e.textContent)"
    )
    assert opened.run(small) == []


def test_a_finger_seeks_and_two_zoom(opened):
    box = box_of(opened, "#charts canvas")
    left, wide, y = box["left"] + 44, box["width"] - 50, box["top"] + 60
    touch(opened, "touchStart", (left + 0.25 * wide, y))
    touch(opened, "touchMove", (left + 0.5 * wide, y))
    touch(opened, "touchEnd")
    opened.wait(f"Math.abs({SHOWN} - {(TICKS - 1) / 2}) <= 1")
    span = "(() => { const f = document.querySelector('#charts figure').dataset;"
    span += "return Number(f.until) - Number(f.begin); })()"
    before = opened.run(span)
    touch(opened, "touchStart", (left + 0.4 * wide, y), (left + 0.6 * wide, y))
    touch(opened, "touchMove", (left + 0.2 * wide, y), (left + 0.8 * wide, y))
    touch(opened, "touchEnd")
    opened.wait(f"{span} < 0.6 * {before}")
