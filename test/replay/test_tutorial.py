# SPDX-License-Identifier: Apache-2.0
"""The tutorial's commands, as docs/tutorial.md has them, on a run of the demo."""

import importlib.util
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from recorded_robot import ATTENTION, counts, read

from pam_ros.robot.stamps import stamp_nanoseconds
from pam_ros.show.report.packed import read_data

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial.md"
COMMANDS = [
    shlex.split(line)[1:]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("    pam_ros ")
]
NEEDED = ("mujoco", "cyclonedds")
STRIP = 22
LEAST_TICKS = 20
LEAST_MAPS = 5
CLOSEST_NS = 35_000_000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        any(importlib.util.find_spec(name) is None for name in NEEDED),
        reason=f"the demo needs {' and '.join(NEEDED)}",
    ),
    pytest.mark.skipif("AMENT_PREFIX_PATH" in os.environ, reason="runs on the embedded runtime"),
]


def command(words):
    return [sys.executable, "-m", "pam_ros.cli", *words]


def environment():
    # `features show` opens a browser.
    return {**os.environ, "PYTHONPATH": str(ROOT), "BROWSER": "true"}


def option(words, name):
    return words[words.index(name) + 1]


def run(words, folder):
    return subprocess.run(
        command(words), cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )


def recorded(words, folder):
    """The demo; a longer one where a busy machine has made too few maps in the page's time."""
    bag = folder / "out/tour/bag"
    for longer in (1, 4, 16):
        shutil.rmtree(folder / "out", ignore_errors=True)
        again = list(words)
        again[again.index("--duration") + 1] = str(longer * int(option(words, "--duration")))
        done = run(again, folder)
        assert done.returncode == 0, f"{again}\n{done.stdout}{done.stderr}"
        maps = read(bag, ATTENTION)
        if len(maps) > LEAST_TICKS and sum(one.valid for one in maps) >= LEAST_MAPS:
            return done.stdout
    pytest.fail(f"{len(maps)} ticks, and too few have a map")


def exported(words, folder):
    """The export; on a busy machine at the rate that its refusal names."""
    done = run(words, folder)
    slow = re.search(r"--fps \d+ takes them at that rate", done.stderr)
    if done.returncode and slow:
        done = run([*words, *slow.group().split()[:2]], folder)
    assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def tour(tmp_path_factory):
    """The folder in which all commands but the last, which stays, were run; and what each said."""
    folder = tmp_path_factory.mktemp("tour")
    (folder / "models").symlink_to(ROOT / "models")
    said = {}
    for words in COMMANDS[:-1]:
        if words[0] == "demo":
            text = recorded(words, folder)
        elif words[0] == "export":
            text = exported(words, folder)
        else:
            done = run(words, folder)
            assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
            text = done.stdout
        said[" ".join(words)] = text
    return folder, said


def heat(message):
    return np.concatenate([camera.cells for camera in message.cameras])


def of(word, said):
    return [text for words, text in said.items() if words.startswith(word)]


def test_the_page_has_the_commands_that_it_is_about():
    words = [" ".join(found[:2]) for found in COMMANDS]
    assert {"demo --duration", "features show"} < set(words)
    assert {found[0] for found in COMMANDS} == {
        "demo", "report", "video", "replay", "ablate", "export", "sae", "features",
    }  # fmt: skip
    # Nothing is hidden from the test by another way to write a command.
    assert (
        len(re.findall(r"^ {4}\S", PAGE.read_text(encoding="utf-8"), re.M)) == len(COMMANDS) == 13
    )


def test_replay_gives_the_demos_maps_again_and_misses_none(tour):
    folder, said = tour
    live, out = folder / "out/tour/bag", folder / "out/tour/replayed"
    maps = read(live, ATTENTION)
    assert len(maps) > LEAST_TICKS
    for text in of("replay", said):
        assert f"{len(maps)} ticks, {len(maps)} with a map" in text
    # The demo's node computes in bfloat16 where the CPU has it, and leaves out maps that are late.
    again = {message.tick: message for message in read(out, ATTENTION)}
    assert sorted(again) == [message.tick for message in sorted(maps, key=lambda one: one.tick)]
    alike = [np.corrcoef(heat(one), heat(again[one.tick]))[0, 1] for one in maps if one.valid]
    assert len(alike) >= LEAST_MAPS
    assert min(alike) > 0.999
    before, after = counts(live), counts(out)
    assert after["/act_attention/predicted_command"] == len(maps)
    assert after["/act_attention/attention/wrist/image"] == len(maps)
    for topic in ("/top/image_raw", "/joint_states", "/joint_commands", "/demo_robot/result"):
        assert after[topic] == before[topic]


def test_each_joint_that_was_asked_for_has_maps_of_its_own(tour):
    folder, _ = tour
    ticks = len(read(folder / "out/tour/bag", ATTENTION))
    for joint in ("shoulder_pan", "gripper"):
        maps = read(folder / "out/tour/by_joint", f"/act_attention/attention_map/{joint}")
        assert len(maps) == ticks
        assert {message.target for message in maps} == {joint}


def test_the_encoded_replay_has_features_of_every_tick(tour):
    folder, _ = tour
    found = read(folder / "out/tour/encoded", "/sae_recorder/features")
    assert len(found) == len(read(folder / "out/tour/bag", ATTENTION))
    assert all(message.valid and message.dictionary_size == 256 for message in found)


def test_the_page_and_the_video_show_the_run(tour):
    folder, _ = tour
    (data,) = read_data(folder / "out/tour/report.html")
    maps = read(folder / "out/tour/bag", ATTENTION)
    assert len(data["curves"]["entropy"]) == len(maps)
    av = pytest.importorskip("av")
    with av.open(str(folder / "out/tour/video.mp4")) as video:
        frames = list(video.decode(video=0))
    # They begin with the first overlay. Of two ticks that were closer than frames may be, as after
    # a late one, one shows.
    first = min(message.tick for message in maps if message.valid)
    shown, last = 0, 0
    for stamp in sorted(stamp_nanoseconds(one.header.stamp) for one in maps if one.tick >= first):
        if stamp - last > CLOSEST_NS:
            shown, last = shown + 1, stamp
    assert len(frames) >= 0.95 * shown - 1
    # The first camera's picture lies left, below its name; in the mean its colours are the bag's.
    images = read(folder / "out/tour/bag", "/top/image_raw")
    height, width = images[0].height, images[0].width
    recorded = np.mean([message.data.reshape(-1, 3).mean(axis=0) for message in images], axis=0)
    shown = np.mean(
        [
            frame.to_ndarray(format="rgb24")[STRIP : STRIP + height, :width].mean(axis=(0, 1))
            for frame in frames
        ],
        axis=0,
    )
    assert abs(recorded[0] - recorded[2]) > 10
    assert np.abs(shown - recorded).max() < 4


@pytest.mark.skipif(importlib.util.find_spec("gradio") is None, reason="needs pam_ros[features]")
def test_the_browser_answers_on_this_machine_and_ends_with_ctrl_c(tour):
    folder, _ = tour
    words = COMMANDS[-1]
    with subprocess.Popen(
        command(words), cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            address = f"http://127.0.0.1:{option(words, '--port')}"
            said = process.stdout.readline()
            with urllib.request.urlopen(address, timeout=60) as answer:
                page = answer.read().decode()
            process.send_signal(signal.SIGINT)
            rest, _ = process.communicate(timeout=60)
        finally:
            process.kill()
    assert said == f"{address} shows it, on this machine alone; Ctrl-C ends it\n"
    assert "Sparse features" in page
    assert "share" not in rest
    assert process.returncode in {0, 130}
