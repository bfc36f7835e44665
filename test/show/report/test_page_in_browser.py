# SPDX-License-Identifier: Apache-2.0
"""The page, used as a person uses it, in a headless Chromium."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from synthetic_recording import (
    FEATURE_PEAK,
    FORWARD_PEAK,
    GRIDS,
    JOINT_SHARE,
    NOTE,
    NOTE_TEXT,
    OOD_PEAK,
    SIZES,
    TICKS,
    TOP_PEAK,
    WORDS,
    cells,
    color,
    write_recording,
)  # fmt: skip

from pam_ros.attention.overlay import Overlay
from pam_ros.attention.scale import RunningScale
from pam_ros.show.report.page import write_report

SHOWN = "Number(document.getElementById('cameras')?.dataset.tick ?? NaN)"


def stands_at(tick: int, shown: str = SHOWN) -> str:
    """True once the page shows a tick, on its own frame: one that comes late is drawn later."""
    return f"{shown} === {tick} && {shown.replace('tick', 'frame')} === {tick}"


@pytest.fixture
def opened(browser, page):
    browser.open(page)
    browser.wait(stands_at(0))
    yield browser
    assert browser.problems() == []


def test_words_are_marked_by_their_mass_on_the_scale_of_the_heat(opened):
    go(opened, 3)
    found = opened.run(
        "Array.from(document.querySelectorAll('#words span'), w => [w.textContent, w.title])"
    )
    assert found == [[WORDS[0], "0.00 %"], [WORDS[1], "2.00 %"], [WORDS[2], "1.00 %"]]
    assert opened.run("document.getElementById('words').textContent").startswith("language: ")


def go(browser, tick: int) -> None:
    """By the slider."""
    browser.run(
        f"(() => {{ const s = document.getElementById('scrub'); s.value = {tick};"
        "s.dispatchEvent(new Event('input')); })()"
    )
    browser.wait(stands_at(tick))


def heat(browser, *, on: bool) -> None:
    box = "document.getElementById('heat')"
    browser.run(f"{box}.checked === {json.dumps(on)} || {box}.click()")


def picture(browser, camera: str) -> np.ndarray:
    """What the camera's canvas shows, (H, W, 3) uint8."""
    values = browser.run(
        f"(() => {{ const c = document.querySelector('canvas[data-camera={camera}]');"
        "return [c.width, c.height, Array.from("
        "c.getContext('2d').getImageData(0, 0, c.width, c.height).data).join()]; })()"
    )
    pixels = np.fromstring(values[2], dtype=int, sep=",").astype(np.uint8)
    return pixels.reshape(values[1], values[0], 4)[:, :, :3]


def assert_picture_of(browser, tick: int) -> None:
    for camera in SIZES:
        middle = picture(browser, camera)[20:40, 20:60].reshape(-1, 3).astype(int).mean(axis=0)
        # A tick's neighbours differ by 5 in green.
        assert abs(middle[1] - color(camera, tick)[1]) <= 2, (camera, tick, middle)
        # H.264 keeps flat blue and red less exactly.
        assert np.abs(middle - color(camera, tick)).max() <= 12, (camera, tick, middle)


def full_scale(tick: int) -> float:
    """As the live node has it at this tick, with its default look."""
    scale = RunningScale(99.0, 100)
    value = 0.0
    for k in range(tick + 1):
        cameras = [SimpleNamespace(cells=cells(name, k)) for name in SIZES]
        tokens = sum(camera.cells.size for camera in cameras) + 2
        value = scale.scale(
            SimpleNamespace(cameras=cameras, tokens=tokens, method="rollout", layer="")
        )
    return value


def test_scrubbing_shows_every_ticks_own_picture(opened):
    heat(opened, on=False)
    for tick in (*range(TICKS), 3, 38, 19, 20, 0):
        go(opened, tick)
        assert_picture_of(opened, tick)


def test_the_heat_is_that_of_the_live_overlay(opened):
    heat(opened, on=True)
    for tick in (0, 1, 6, 23, TOP_PEAK):
        go(opened, tick)
        for camera, (height, width) in SIZES.items():
            plain = np.full((height, width, 3), color(camera, tick), np.uint8)
            expected = Overlay("turbo", 0.6, 6).draw(
                plain, cells(camera, tick), *GRIDS[camera], full_scale(tick), JOINT_SHARE
            )
            seen = picture(opened, camera)
            error = np.abs(seen.astype(int) - expected)
            # The picture itself comes back from H.264 within 12.
            assert error.max() <= 15, (tick, camera, error.max())
            assert error.mean() <= 4, (tick, camera, error.mean())
            assert np.abs(seen.astype(int) - plain).max() > 60  # there is heat to compare


def test_a_link_from_a_peak_jumps_to_its_frame(opened):
    heat(opened, on=False)
    for kind, words, tick in (
        ("shares", "most on top", TOP_PEAK),
        ("forward", "slowest forward", FORWARD_PEAK),
        ("ood", "most unusual", OOD_PEAK),
        ("feature", "feature 7 strongest", FEATURE_PEAK),
        ("annotation", "slipped", NOTE),
    ):
        links = opened.run(
            f"Array.from(document.querySelectorAll('#moments a.{kind}'), a => a.textContent)"
        )
        place = next(k for k, text in enumerate(links) if words in text)
        opened.run(f"document.querySelectorAll('#moments a.{kind}')[{place}].id = 'chosen'")
        opened.click("#chosen")
        opened.run("document.getElementById('chosen').removeAttribute('id')")
        opened.wait(stands_at(tick))
        assert_picture_of(opened, tick)
        assert opened.run("location.hash") == f"#t={tick / 10:.3f}"


def test_a_click_on_a_curve_jumps_to_that_time(opened):
    # The plot begins 44 pixels from the left and ends 6 from the right.
    wide = opened.run("document.querySelector('#charts canvas').clientWidth")
    opened.click("#charts canvas", x=(44 + 0.5 * (wide - 50)) / wide)
    opened.wait(f"Math.abs({SHOWN} - {(TICKS - 1) / 2}) <= 1")


def test_a_page_opened_by_such_a_link_begins_there(browser, page):
    browser.open(page, "#t=1.2")
    browser.wait(f"{SHOWN} === 12")


def test_keys_move_through_the_recording(opened):
    for key, shift, tick in (
        ("ArrowRight", False, 1),
        ("ArrowRight", False, 2),
        ("ArrowLeft", False, 1),
        ("ArrowRight", True, 11),
        ("End", False, TICKS - 1),
        ("ArrowRight", False, TICKS - 1),
        ("Home", False, 0),
    ):
        opened.press(key, shift)
        opened.wait(f"{SHOWN} === {tick}")


def test_space_plays_in_the_time_of_the_stamps_and_pauses(opened):
    heat(opened, on=False)
    # Whenever a frame has been put up, after the page has been told: its time, and what is shown.
    opened.run(
        "(() => { const video = document.getElementById('video'); window.played = [];"
        "const next = () => video.requestVideoFrameCallback((_, frame) => {"
        f"if (!video.seeking) window.played.push([frame.mediaTime, {SHOWN}]); next(); }}); next();"
        "})()"
    )
    opened.press(" ")
    opened.wait(f"{SHOWN} >= 12")
    played = opened.run("window.played")
    assert played[-1][1] >= 12
    for time_s, tick in played:
        assert time_s == pytest.approx(tick / 10, abs=0.02)
    opened.press(" ")
    opened.wait(
        "document.getElementById('video').paused && !document.getElementById('video').seeking"
    )
    stopped = opened.run(SHOWN)
    opened.wait(stands_at(stopped))
    assert_picture_of(opened, stopped)
    assert opened.run(SHOWN) == stopped < TICKS - 1


def test_at_the_end_playing_stops_and_begins_again_from_the_start(opened):
    go(opened, TICKS - 4)
    opened.run("document.getElementById('speed').value = '2'")
    opened.press(" ")
    opened.wait(f"{SHOWN} === {TICKS - 1} && document.getElementById('video').paused")
    # Slowly, so that a busy machine sees it on the way.
    opened.run("document.getElementById('speed').value = '0.25'")
    opened.press(" ")
    opened.wait(f"{SHOWN} > 2 && {SHOWN} < {TICKS - 5}")
    opened.press(" ")


def test_it_begins_again_while_a_seek_to_the_end_is_under_way(opened):
    go(opened, TICKS - 1)
    opened.run("document.getElementById('speed').value = '0.25'")
    assert opened.run(
        "(() => { const video = document.getElementById('video');"
        " video.currentTime = video.duration;"
        " document.body.dispatchEvent(new KeyboardEvent('keydown', {key: ' ', bubbles: true}));"
        " return video.seeking; })()"
    )
    opened.wait(f"{SHOWN} > 2 && {SHOWN} < {TICKS - 5}")
    opened.press(" ")


def test_a_note_of_the_bag_is_text_and_not_markup(opened):
    assert NOTE_TEXT in opened.run("document.querySelector('#moments a.annotation').textContent")
    assert opened.run("document.querySelectorAll('#moments b b, #now b').length") == 0


def test_a_feature_shows_where_it_peaks(opened):
    heat(opened, on=False)
    go(opened, FEATURE_PEAK)
    before = picture(opened, "top")
    opened.click(".feature[data-feature='7'] button")
    after = picture(opened, "top")
    rows, cols = np.nonzero(np.abs(after.astype(int) - before).max(axis=2) > 30)
    x0, y0, dx, dy = GRIDS["top"]
    x, y = x0 + FEATURE_PEAK % 4 * dx, y0 + FEATURE_PEAK % 3 * dy
    assert abs((cols.min() + cols.max()) / 2 - x) < 2
    assert abs((rows.min() + rows.max()) / 2 - y) < 2
    text = opened.run("document.querySelector('.feature[data-feature=\"7\"] p').textContent")
    assert text == "Active in 50 % of the ticks; peaks on top 100 %."


def test_dark_and_light_change_the_page(opened):
    background = "getComputedStyle(document.body).backgroundColor"
    before = opened.run(background)
    opened.click("#theme")
    assert opened.run(background) != before


def test_irregular_stamps_show_the_right_frames(browser, tmp_path):
    from synthetic_recording import Timing

    steps = np.array([0.02, 0.5, 0.1, 0.013, 1.7] * 8)
    timing = Timing(tuple(np.cumsum(steps).tolist()))
    write_recording(tmp_path / "run", timing)
    write_report(tmp_path / "run", tmp_path / "report.html")
    browser.open(tmp_path / "report.html")
    browser.wait(stands_at(0))
    heat(browser, on=False)
    for tick in (39, 3, 4, 5, 17, 18, 0):
        go(browser, tick)
        assert_picture_of(browser, tick)
    assert browser.problems() == []
