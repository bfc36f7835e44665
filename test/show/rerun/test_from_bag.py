# SPDX-License-Identifier: Apache-2.0
"""A bag's messages come back from the .rrd file at the stamps that they carry."""

import subprocess
import sys

import numpy as np
import pytest
from mcap.reader import make_reader
from recorded_run import (
    CAMERAS,
    SHARES,
    STAMPS,
    START_NS,
    TICKS,
    attention,
    image,
    make,
    picture,
    run,
    write_bag,
)
from rrd_file import Rrd

from pam_ros.attention.overlay import Overlay
from pam_ros.cli import main
from pam_ros.robot import load_contract
from pam_ros.robot.topics import topics_of
from pam_ros.share.folders import find_contract
from pam_ros.show.rerun.from_bag import OpenBag
from pam_ros.show.rerun.opening import close, into_file


@pytest.fixture
def saved(tmp_path, capsys):
    """Writes a bag, shows it in a file, and opens that; what was printed comes with it."""

    def save(messages, contract="demo_arm"):
        bag = write_bag(tmp_path / "bag", messages)
        file = tmp_path / "made" / "out.rrd"
        code = main(["view", str(bag), "--contract", contract, "--save", str(file)])
        output = capsys.readouterr()
        assert code == 0, output.err
        return Rrd(file), output

    return save


def test_images_and_numbers_come_back_at_the_nanosecond_of_their_stamps(saved):
    rrd, _ = saved(run())
    for name in CAMERAS:
        shown = rrd.pictures(f"/cameras/{name}/image")
        assert [time for time, _ in shown] == STAMPS
        for tick, (_, rgb) in enumerate(shown):
            assert np.abs(rgb.astype(int) - picture(tick, name)).mean() < 4
    assert rrd.numbers("/joints/elbow_flex/measured") == [
        (ns, 2 + 0.125 * tick) for tick, ns in enumerate(STAMPS)
    ]
    assert rrd.numbers("/joints/elbow_flex/command") == [(ns + 10, 1.5) for ns in STAMPS]
    assert rrd.numbers("/joints/elbow_flex/predicted") == [(ns, 2.5) for ns in STAMPS]
    assert "/joints/other/measured" not in rrd.entities()


def test_shares_are_on_both_timelines_and_a_tick_without_a_map_is_left_out(saved):
    rrd, _ = saved(run())
    valid = [tick for tick in range(TICKS) if tick != 2]
    for name, share in (SHARES | {"language_0": 0.03125, "language_1": 0.0625}).items():
        shown = rrd.numbers(f"/shares/{name}")
        assert [time for time, _ in shown] == [STAMPS[tick] for tick in valid]
        assert [value for _, value in shown] == pytest.approx([share] * 3)
        assert [tick for tick, _ in rrd.numbers(f"/shares/{name}", "tick")] == valid
    assert [text for _, text in rrd.values("/log", "TextLog:text")] == [
        "attention: an activation is not finite"
    ]
    # No such token: no curve.
    assert not rrd.entities() & {"/shares/environment:Scalars:scalars"}
    assert rrd.numbers("/entropy", "tick") == [(tick, 1.5) for tick in valid]


def test_heat_is_drawn_on_the_image_with_the_maps_stamp_in_its_own_colours(saved):
    rrd, _ = saved(run())
    for name in CAMERAS:
        shown = rrd.pictures(f"/cameras/{name}/attention", "tick")
        assert [tick for tick, _ in shown] == list(range(TICKS))
        for tick, rgb in (one for one in shown if one[0] != 2):
            cells = np.zeros((2, 3), np.float32)
            cells[1, 2] = SHARES[name]
            # 14 tokens share the mass; the scale's floor is four times what each would have.
            full = max(np.percentile([*[0.0] * 10, 0.5, 0.2] * (tick + 1), 99), 4 / 14)
            expected = Overlay(border=6).draw(
                picture(tick, name), cells, 10, 10, 30, 40, full, SHARES["joint_state"]
            )
            assert np.abs(rgb.astype(int) - expected).mean() < 6
            assert np.abs(picture(tick, name).astype(int) - expected).mean() > 10


def test_a_tick_without_a_map_shows_the_last_one_dimmed_with_its_age(saved):
    rrd, _ = saved(run())
    for name in CAMERAS:
        shown = dict(rrd.pictures(f"/cameras/{name}/attention", "tick"))
        own = shown[1].astype(int) - picture(1, name)
        held = shown[2].astype(int) - picture(2, name)
        # Below the line of text, half of the heat that the tick before has.
        assert np.abs(own[24:]).mean() > 8
        assert np.abs(held[24:] - own[24:] / 2).mean() < 6
        assert np.abs(held[:18] - own[:18] / 2).max() > 100  # the text


def test_recorded_overlays_are_shown_as_they_are(saved):
    rrd, output = saved(run(overlays=True))
    shown = rrd.pictures("/cameras/top/attention")
    assert [time for time, _ in shown] == STAMPS
    assert all(np.abs(rgb.astype(int) - 77).max() <= 2 for _, rgb in shown)
    assert len(rrd.pictures("/cameras/wrist/attention")) == TICKS
    assert "without the image" not in output.out


def test_features_are_a_bar_each_and_a_mark_where_they_look(saved):
    rrd, _ = saved(run())
    codes = rrd.values("/features/code", "BarChart:values", "tick")
    assert [tick for tick, _ in codes] == list(range(TICKS))
    for tick, code in codes:
        expected = np.zeros(16)
        expected[7], expected[3] = 2.5, 1 + tick
        np.testing.assert_allclose(code["buffer"], expected)
    marks = rrd.values("/cameras/wrist/image/features", "Points2D:positions", "tick")
    assert [point for _, point in marks] == [[70.0, 50.0]] * TICKS
    labels = rrd.values("/cameras/wrist/image/features", "Points2D:labels", "tick")
    assert {label for _, label in labels} == {"#7"}
    assert rrd.numbers("/features/unusual/score")[0][1] == pytest.approx(0.4)


def test_what_went_in_is_counted(saved):
    broken = image(START_NS, picture(0, "top"))
    broken.encoding = "no encoding"
    _, output = saved([*run(), ("/top/image_raw", START_NS, broken)])
    assert f"/top/image_raw: {TICKS}\n" in output.out
    assert "/top/image_raw: 1 could not be read" in output.out


def test_maps_without_their_image_are_counted(saved):
    messages = [m for m in run() if m[0] != "/wrist/image_raw"]
    rrd, output = saved(messages)
    assert "3 maps without the image" in output.out
    assert len(rrd.pictures("/cameras/top/attention")) == TICKS


def test_a_bag_without_any_of_the_topics_lists_those_it_has(tmp_path, capsys):
    text = make("std_msgs/msg/String", data="hello")
    bag = write_bag(tmp_path / "bag", [("/chatter", START_NS, text)])
    file = tmp_path / "out.rrd"
    assert main(["view", str(bag), "--contract", "demo_arm", "--save", str(file)]) == 1
    error = capsys.readouterr().err
    assert "none of the contract's topics" in error
    assert "it has /chatter" in error
    assert not file.exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nowhere", "--contract", "demo_arm"], "bag nowhere does not exist"),
        (["nowhere", "--contract", "nothing"], "contract 'nothing' is neither a file"),
    ],
)
def test_bad_arguments_are_one_sentence(arguments, sentence, tmp_path, capsys):
    assert main(["view", *arguments, "--save", str(tmp_path / "x.rrd")]) == 1
    assert sentence in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_named(tmp_path, capsys):
    bag = write_bag(tmp_path / "bag", run())
    (tmp_path / "folder").mkdir()
    target = str(tmp_path / "folder")
    assert main(["view", str(bag), "--contract", "demo_arm", "--save", target]) == 1
    assert "folder cannot be written" in capsys.readouterr().err


def test_a_damaged_bag_is_shown_up_to_the_damage(tmp_path, capsys):
    # The second of its two chunks is broken.
    bag = write_bag(tmp_path / "bag", run(), chunk_before=len(list(run())) // 2)
    (file,) = bag.glob("*.mcap")
    with file.open("rb") as opened:
        chunk = make_reader(opened).get_summary().chunk_indexes[-1]
    data = bytearray(file.read_bytes())
    middle = chunk.chunk_start_offset + chunk.chunk_length // 4
    data[middle : middle + 20_000] = b"\xff" * 20_000
    file.write_bytes(data)
    rrd = tmp_path / "x.rrd"
    assert main(["view", str(bag), "--contract", "demo_arm", "--save", str(rrd)]) == 1
    assert "all before the damage is shown" in capsys.readouterr().err
    assert [time for time, _ in Rrd(rrd).pictures("/cameras/top/image")][:2] == STAMPS[:2]


def test_the_blueprint_shows_each_camera_and_joint_of_the_contract(tmp_path):
    """Read back from the file as Rerun's own printer shows it."""
    contract = load_contract(find_contract("so101_degrees"))
    recording = into_file(tmp_path / "empty.rrd", topics_of(contract), "empty")
    close(recording)
    command = [sys.executable, "-m", "rerun", "rrd", "print", "-vvv", str(tmp_path / "empty.rrd")]
    printed = subprocess.run(
        command, capture_output=True, text=True, timeout=200, check=True
    ).stdout
    for name in ("front", "wrist"):
        assert f"cameras/{name}/image" in printed
        assert f"cameras/{name}/attention" in printed
    for joint in contract.command.joints:
        assert f"joints/{joint.name}" in printed


def test_a_viewer_opens_at_the_first_map(tmp_path, capsys):
    """The cursor of the time panel, read back as Rerun's own printer shows it."""
    contract = load_contract(find_contract("demo_arm"))
    late = [
        (topic, ns, attention(0, STAMPS[0], valid=False))
        if topic.endswith("act_attention/attention") and message.tick == 0
        else (topic, ns, message)
        for topic, ns, message in run()
    ]
    bag = write_bag(tmp_path / "bag", late)
    with OpenBag(bag, contract, topics_of(contract)) as opened:
        assert opened.first_map_ns() == STAMPS[1]
    file = tmp_path / "out.rrd"
    assert main(["view", str(bag), "--contract", "demo_arm", "--save", str(file)]) == 0
    command = [sys.executable, "-m", "rerun", "rrd", "print", "-vvv", str(file)]
    printed = subprocess.run(
        command, capture_output=True, text=True, timeout=200, check=True
    ).stdout
    assert f"[{STAMPS[1]}]" in printed.split("TimePanelBlueprint:time ", 1)[1]
