# SPDX-License-Identifier: Apache-2.0
"""The feature browser in a real Chromium, and its parts without one."""

import base64
import io
import json
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from chromium import Browser as Chromium
from chromium import find_chromium
from PIL import Image
from planted_book import EPISODES, SILENT, picture

pytest.importorskip("gradio")
from pam_ros.sae.browser.app import Browser
from pam_ros.sae.browser.book import FeatureBook
from pam_ros.sae.browser.errors import FeaturesError
from pam_ros.sae.browser.names import FILE, NO_LABEL, Label, Names
from pam_ros.sae.browser.search import ORDERS, find

ROOT = Path(__file__).parents[3]
IMAGE = re.compile(r'<img class="(\w+)" alt="([^"]*)" src="data:image/\w+;base64,([^"]+)"')


@pytest.fixture
def browser(planted, tmp_path):
    names = Names(tmp_path / FILE, planted.sae.sha256)
    return Browser(planted.book, names, editable=True)


def images(text, kind):
    """(alternative text, PIL image) of each image of a kind."""
    return [
        (alt, Image.open(io.BytesIO(base64.b64decode(data))))
        for found, alt, data in IMAGE.findall(text)
        if found == kind
    ]


def test_a_clip_plays_the_ticks_around_its_peak_with_the_heat_where_it_is(browser):
    book = browser.book
    shown = images(browser.page.clips(2), "clip")
    assert len(shown) == book.about.clips
    for (alt, clip), peak in zip(shown, book.peaks(2, per_episode=True), strict=False):
        assert alt.startswith(f"episode {peak.episode}, frame {peak.frame}: {peak.value:.3g}")
        ticks = book.clip(peak)
        # Equal frames are stored once, for longer.
        assert 1 < clip.n_frames <= len(ticks)
        clip.seek(0)
        first = np.asarray(clip.convert("RGB")).astype(int)
        grey = picture(peak.episode, book.frame_of(ticks[0]), book.about.cameras[0].name)[0, 0, 0]
        heat = book.heat(2)[ticks[0]][0]
        row, col = np.unravel_index(heat.argmax(), heat.shape)
        scale = 180 / 96
        y, x = int((row * 32 + 0.5) * scale), int((col * 32 + 0.5) * scale)
        assert np.abs(first[min(y, 175), x] - grey).max() > 30
        cold_row, cold_col = np.unravel_index(heat.argmin(), heat.shape)
        y, x = int((cold_row * 32 + 0.5) * scale), int((cold_col * 32 + 0.5) * scale)
        assert np.abs(first[min(y, 175), x] - grey).max() < 12


def test_frames_are_the_strongest_of_all_or_of_different_episodes(browser):
    spread = [alt for alt, _ in images(browser.page.frames(2, True), "frame")]
    every = [alt for alt, _ in images(browser.page.frames(2, False), "frame")]
    assert len({re.match(r"episode (\d+)", alt)[1] for alt in spread}) == len(spread) == 5
    assert every[0] == spread[0]
    assert len(every) == 5


def test_a_silent_feature_says_so(browser):
    assert "never active" in browser.page.clips(SILENT)
    assert browser.page.frames(SILENT, True) == ""
    assert "0.000% of tokens" in browser.page.statistics(SILENT)
    assert "episode 10" in browser.page.timelines(SILENT, browser.strongest_episode(SILENT))


def test_timelines_show_every_tick_of_the_episode(browser):
    text = browser.page.timelines(2, EPISODES[2])
    ticks, frames = browser.book.ticks_of(EPISODES[2])
    values = browser.book.activity(2)[ticks]
    for frame, value in zip(frames, values, strict=True):
        assert f"<title>frame {frame}: {value:.4g}</title>" in text
    ((_, raster),) = images(text, "raster")
    assert raster.size == (150, len(EPISODES))


def test_labels_cannot_bring_markup_into_the_page(browser):
    evil = '<img src=x onerror="alert(1)"> [a](javascript:alert(1)) **b**'
    browser.save(3, Label(evil), NO_LABEL)
    heading = browser.heading(3)
    assert "<img" not in heading.replace("\\<", "")
    assert "[a](" not in heading.replace("\\[", "")


def test_search_finds_numbers_words_and_orders(browser):
    browser.save(5, Label("Red cube", "near the gripper"), NO_LABEL)
    browser.save(3, Label("gripper"), NO_LABEL)
    book, labels = browser.book, browser.names.all()
    assert find(book, labels, "gripper", "number") == [3, 5]
    assert find(book, labels, "CUBE near", "number") == [5]
    assert find(book, labels, "#12", "number") == [12]
    assert find(book, labels, "99 nothing", "number") == []
    assert find(book, labels, "", "named first")[:2] == [3, 5]
    assert find(book, labels, "", "number")[:3] == [0, 1, 2]
    often = find(book, labels, "", "most often active")
    assert sorted(often) == list(range(16))
    assert (np.diff(book.tick_density[often]) <= 0).all()
    for order in ORDERS:
        assert find(book, labels, "", order)[-1] == SILENT or order == "named first"


def test_names_cannot_be_changed_where_that_is_not_wanted(planted, tmp_path):
    browser = Browser(planted.book, Names(tmp_path / FILE, planted.sae.sha256), editable=False)
    with pytest.raises(FeaturesError, match="cannot be changed here"):
        browser.save(1, Label("x"), NO_LABEL)
    assert not (tmp_path / FILE).exists()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A command that serves a page at a port of this machine."""

    def __init__(self, command, port, **options):
        self.url = f"http://127.0.0.1:{port}/"
        self._process = subprocess.Popen(command, **options)

    def __enter__(self):
        end = time.monotonic() + 400
        try:
            while not self._answers():
                assert self._process.poll() is None, "the app has ended"
                assert time.monotonic() < end, "the app does not answer"
                time.sleep(0.1)
        except BaseException:
            self._process.kill()
            raise
        return self

    def _answers(self):
        try:
            urllib.request.urlopen(self.url, timeout=60).close()
        except OSError:
            return False
        return True

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait(120)


def served(arguments):
    port = free_port()
    command = [sys.executable, "-m", "pam_ros.cli", "features", "show", *map(str, arguments)]
    return Server([*command, "--port", str(port), "--no-browser"], port, cwd=ROOT)


@pytest.fixture
def page():
    executable = find_chromium()
    if executable is None:
        pytest.skip("no Chromium")
    browser = Chromium(executable, 1500, 1300)
    yield browser
    browser.close()


CLIPS = "[...document.querySelectorAll('#clips img.clip')].map(i => i.alt + i.src.length)"
MOMENTS = "[...document.querySelectorAll('#clips img.clip')].map(i => i.alt.split(':')[0])"
LOADED = "[...document.querySelectorAll('#clips img.clip')].every(i => i.naturalWidth > 0)"
HEADING = "document.querySelector('#heading')?.innerText.trim() || ''"


def go(page, url):
    page.call("Page.navigate", url=url)
    page.wait(f"{CLIPS}.length > 0")


def type_into(page, selector, text):
    page.click(selector)
    page.run(f"document.querySelector({json.dumps(selector)}).select()")
    page.call("Input.insertText", text=text)


def choose(page, book, number):
    """Search for a number and take it, until its clips are there: they may come after its name."""
    type_into(page, "#search textarea, #search input", str(number))
    page.call("Input.dispatchKeyEvent", type="keyDown", key="Enter", code="Enter",
              windowsVirtualKeyCode=13, text="\r")  # fmt: skip
    page.call("Input.dispatchKeyEvent", type="keyUp", key="Enter", code="Enter")
    page.wait(f"({HEADING}).startsWith('Feature {number}')")
    moments = [
        f"episode {peak.episode}, frame {peak.frame}"
        for peak in book.peaks(number, per_episode=True)[: book.about.clips]
    ]
    page.wait(f"{MOMENTS}.join() === {json.dumps(','.join(moments))} && {LOADED}")


def test_choosing_a_feature_changes_clips_and_a_name_is_kept(planted, page, tmp_path):
    sae = tmp_path / "sae"
    shutil.copytree(planted.folder / "sae", sae)
    with served([planted.folder / "book", "--sae", sae]) as app:
        go(page, app.url)
        choose(page, planted.book, 2)
        arm = page.run(CLIPS)
        assert len(arm) == 4
        choose(page, planted.book, 3)
        object_clips = page.run(CLIPS)
        assert len(object_clips) == 4
        assert not set(arm) & set(object_clips)
        type_into(page, "#name textarea, #name input", "the object")
        type_into(page, "#description textarea", "stays where it is")
        page.click("#save")
        page.wait("document.querySelector('#said').innerText.includes('Saved')")
        page.wait(f"({HEADING}) === 'Feature 3: the object'")
        saved = Names(sae / FILE, planted.sae.sha256)
        assert saved.all() == {3: Label("the object", "stays where it is")}
        # Somebody else names it; what was on this page must not overwrite that.
        saved.write(3, Label("a cube"), Label("the object", "stays where it is"))
        type_into(page, "#name textarea, #name input", "mine")
        page.click("#save")
        page.wait("document.body.innerText.includes('meanwhile')")
        assert saved.of(3) == Label("a cube")
        choose(page, planted.book, 2)
        page.click("#next")
        page.wait(f"!({HEADING}).startsWith('Feature 2')")


def test_the_app_listens_on_this_machine_alone(planted):
    with served([planted.folder / "book"]) as app:
        port = int(app.url.rsplit(":", 1)[1].strip("/"))
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
        listening = [line.split()[1] for line in lines if line.split()[3] == "0A"]
        assert [a for a in listening if a.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]


def test_the_exported_space_runs_by_itself_with_the_names_and_no_paths(planted, page, tmp_path):
    from pam_ros.cli import main

    sae = tmp_path / "sae"
    sae.mkdir()
    names = Names(sae / FILE, planted.sae.sha256)
    names.write(2, Label("the arm"), NO_LABEL)
    space = tmp_path / "space"
    book = planted.folder / "book"
    assert main(["features", "export", str(book), "--sae", str(sae), "--out", str(space)]) == 0
    for file in space.rglob("*"):
        assert not file.is_file() or b"/home/somebody" not in file.read_bytes()
    assert "/home/somebody" in FeatureBook(book).about.dataset
    header = (space / "README.md").read_text().split("---")[1]
    assert {"sdk: gradio", "app_file: app.py"} <= set(header.strip().splitlines())
    port = free_port()
    # Isolated: nothing of this checkout is on its path.
    code = (
        "import runpy, sys; sys.path.insert(0, '.'); runpy.run_path('app.py', run_name='__main__')"
    )
    environment = {"PATH": "/usr/bin:/bin", "GRADIO_SERVER_PORT": str(port), "HOME": str(tmp_path)}
    environment["GRADIO_ANALYTICS_ENABLED"] = "False"
    command = [sys.executable, "-P" if sys.version_info >= (3, 11) else "-s", "-c", code]
    with Server(command, port, cwd=space, env=environment) as app:
        go(page, app.url)
        choose(page, planted.book, 2)
        assert page.run(HEADING) == "Feature 2: the arm"
        assert len(page.run(CLIPS)) == 4
        assert page.run(
            "getComputedStyle(document.querySelector('#save') ?? document.head).display"
        ) in {
            "none",
            "",
        }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["show", "nowhere"], "nowhere is no feature book"),
        (["export", "nowhere", "--out", "x"], "nowhere is no feature book"),
    ],
)
def test_bad_arguments_are_one_sentence(arguments, sentence, capsys):
    from pam_ros.cli import main

    assert main(["features", *arguments]) == 1
    assert sentence in capsys.readouterr().err
