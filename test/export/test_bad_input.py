# SPDX-License-Identifier: Apache-2.0
"""What cannot be exported ends in one sentence that names it, and leaves nothing behind."""

import re
from dataclasses import replace

import pytest
from recorded_arm import export, rows, scene, smooth
from recorded_robot import MS, START_NS, TYPES, write_bag

from pam_ros import cli
from pam_ros.export.errors import ExportError
from pam_ros.export.settings import ExportSettings


def refused(bag, out, settings):
    """Why a recording is refused."""
    told = {}
    from pam_ros.export.dataset import Export

    with pytest.raises(ExportError, match="nothing was exported"):
        Export([bag], out, settings, told.__setitem__).run()
    assert not out.exists()
    assert not out.with_name(out.name + ".unfinished").exists()
    assert "\n" not in told[bag]
    return told[bag]


def test_a_topic_that_is_not_in_the_recording(settings, tmp_path):
    types = {name: kind for name, kind in TYPES.items() if name != "/side/image_raw"}
    bag = write_bag(tmp_path / "bag", [m for m in smooth(4) if m[0] in types], types)
    why = refused(bag, tmp_path / "out", settings)
    assert "lacks /side/image_raw (likely /top/image_raw)" in why
    types = {name: kind for name, kind in TYPES.items() if name != "/joint_commands"}
    bag = write_bag(tmp_path / "still", [m for m in smooth(4) if m[0] in types], types)
    why = refused(bag, tmp_path / "out", settings)
    assert "lacks commands on /joint_commands (there is no such topic)" in why
    assert "/joint_states [sensor_msgs/msg/JointState]" in why


def test_a_recording_in_which_nothing_was_commanded(settings, tmp_path):
    bag = write_bag(tmp_path / "bag", [m for m in smooth(7) if m[0] != "/joint_commands"])
    why = refused(bag, tmp_path / "out", settings)
    assert "none of 7 observations was followed by a command on /joint_commands" in why


def test_stamps_that_do_not_agree(settings, tmp_path):
    messages = [m for m in smooth(7) if m[0] != "/side/image_raw"]
    late = [m for m in smooth(7, START_NS + 300_000 * MS) if m[0] == "/side/image_raw"]
    late = [(t, s, r - 300_000 * MS, data) for t, s, r, data in late]
    bag = write_bag(tmp_path / "bag", sorted([*messages, *late], key=lambda m: m[2]))
    why = refused(bag, tmp_path / "out", settings)
    assert "no stamps of all sources lie within 0.02 s of each other" in why


def test_observations_at_another_rate_than_the_datasets(settings, tmp_path):
    bag = write_bag(tmp_path / "bag", smooth(40, period_ns=33 * MS, lag_ns=9 * MS))
    why = refused(bag, tmp_path / "out", settings)
    assert "its observations come 30.3 a second, and the dataset would say 10: --fps 30" in why


@pytest.mark.parametrize("period_ms", [645, 770, 258])
def test_the_rate_that_a_refusal_names_is_taken(settings, tmp_path, period_ms):
    bag = write_bag(tmp_path / "bag", smooth(9, period_ns=period_ms * MS, lag_ns=9 * MS))
    why = refused(bag, tmp_path / "out", settings)
    fps = int(re.search(r"--fps (\d+) takes them at that rate", why).group(1))
    made, _ = export([bag], tmp_path / "out", replace(settings, fps=fps))
    assert made.summary["fps"] == fps == round(1000 / period_ms)
    assert made.summary["check"]["frames"] >= 6


def test_a_refusal_after_an_episode_that_was_whole_leaves_the_way_free(settings, tmp_path):
    slow = [*smooth(3, period_ns=645 * MS), *smooth(9, START_NS + 20_000 * MS, 645 * MS)]
    bag = write_bag(tmp_path / "bag", slow)
    assert "--fps 2 takes them" in refused(bag, tmp_path / "out", settings)
    made, _ = export([bag], tmp_path / "out", replace(settings, fps=2))
    (recording,) = made.summary["recordings"]
    assert len(recording["episodes"]) == 2


def test_observations_that_are_too_rare_for_a_dataset(settings, tmp_path):
    bag = write_bag(tmp_path / "bag", smooth(9, period_ns=2500 * MS, lag_ns=9 * MS))
    why = refused(bag, tmp_path / "out", replace(settings, fps=1))
    assert why.endswith("would say 1: a LeRobot dataset has at least one frame a second")


def test_a_rate_that_is_not_a_whole_number(contract, bag, tmp_path):
    with open(contract) as file:  # noqa: PTH123
        text = file.read()
    with open(contract, "w") as file:  # noqa: PTH123
        file.write(text.replace("rate_hz: 10.0", "rate_hz: 12.5"))
    with pytest.raises(ExportError, match=r"rate_hz is 12.5, .* such as --fps 12"):
        export([bag], tmp_path / "out", ExportSettings(contract))


def test_pictures_of_two_sizes(bag, settings, tmp_path):
    def smaller(number, camera):
        return scene(number, camera)[::2, ::2].copy()

    from recorded_arm import command, observation

    other = [
        message
        for number in range(4)
        for stamp in [START_NS + number * 100 * MS]
        for message in (
            *observation(number, stamp, (scene, smaller)), *command(number, stamp + 50 * MS)
        )
    ]  # fmt: skip
    second = write_bag(tmp_path / "second", other)
    with pytest.raises(ExportError) as caught:
        export([bag, second], tmp_path / "out", settings)
    assert str(caught.value).startswith(
        f"observation.images.side is 32x48 (height x width) in bag {second} and 64x96 in bag {bag}"
    )
    assert not (tmp_path / "out.unfinished").exists()
    # Within one recording, what differs from its episode's first picture is left out.
    first = [m for m in smooth(9) if m[1] < START_NS + 500 * MS]
    changing = write_bag(tmp_path / "changing", [*first, *_later(other, 500)])
    _, told = export([changing], tmp_path / "changed", settings)
    assert told[changing].counts["other_size"] == 4
    assert len(rows(tmp_path / "changed")) == 5


def _later(messages, milliseconds):
    from recorded_robot import image, joints

    for number, (topic, stamp, received, _) in enumerate(messages):
        moved = stamp + milliseconds * MS
        if "image" in topic:
            size = scene(number, 0)[::2, ::2].copy() if "side" in topic else scene(number, 0)
            data = image(moved, size)
        else:
            data = joints(moved)
        yield topic, moved, received + milliseconds * MS, data


def test_a_video_codec_that_does_not_take_the_size(settings, tmp_path):
    from recorded_arm import command, observation

    def odd(number, camera):
        return scene(number, camera)[:, :95].copy()

    messages = [
        message
        for number in range(4)
        for stamp in [START_NS + number * 100 * MS]
        for message in (
            *observation(number, stamp, (odd, odd)), *command(number, stamp + 50 * MS)
        )
    ]  # fmt: skip
    bag = write_bag(tmp_path / "bag", messages)
    why = refused(bag, tmp_path / "out", replace(settings, codec="h264"))
    assert "--images does without videos" in why
    export([bag], tmp_path / "out", replace(settings, images=True))
    assert len(rows(tmp_path / "out")) == 4


def test_a_recording_that_was_cut_off_is_exported_up_to_there(settings, tmp_path):
    bag = write_bag(tmp_path / "bag", smooth(40))
    (file,) = bag.glob("*.mcap")
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 2 // 3])
    _, told = export([bag], tmp_path / "out", settings)
    assert 5 < told[bag].frames < 40
    assert any("is damaged or was not closed" in note for note in told[bag].notes)
    assert len(rows(tmp_path / "out")) == told[bag].frames


def test_a_recording_that_fails_keeps_the_dataset_from_being_made(bag, settings, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "broken_0.mcap").write_bytes(b"no bag")
    (broken / "metadata.yaml").write_text("{}")
    told = {}
    from pam_ros.export.dataset import Export

    with pytest.raises(ExportError, match="1 of 2 recordings failed, and no dataset was made"):
        Export([bag, broken], tmp_path / "out", settings, told.__setitem__).run()
    assert "cannot be read" in told[broken]
    assert not (tmp_path / "out").exists()
    made, _ = export([bag, broken], tmp_path / "out", settings, leave_out_failed=True)
    assert made.failed == (str(broken),)
    assert len(rows(tmp_path / "out")) == 11


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["nothing.mcap", "--contract", "demo_arm"], "bag nothing.mcap does not exist"),
        (["BAG", "--contract", "nobody"], "contract 'nobody' is neither a file nor"),
        (["BAG", "--contract", "CONTRACT", "--topic", "x"], "write CONTRACT_TOPIC=BAG_TOPIC"),
        (["BAG", "--contract", "CONTRACT", "--fps", "-1"], "--fps must be 0 to 1000"),
        (["BAG", "--contract", "CONTRACT", "--workers", "0"], "--workers must be 1 to 1024"),
        (["BAG", "--contract", "CONTRACT", "--topic", "/a=/b"], "the contract has no such topic"),
    ],
)
def test_a_wrong_option_is_one_sentence(bag, contract, tmp_path, capsys, options, words):
    places = {"BAG": str(bag), "CONTRACT": contract}
    arguments = [places.get(option, option) for option in options]
    assert cli.main(["export", "lerobot", *arguments, "--out", str(tmp_path / "out")]) == 1
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_there_is_to_export_to(capsys):
    assert cli.main(["export"]) == 0
    assert "lerobot" in capsys.readouterr().out
    assert cli.main(["export", "hdf5"]) == 1
    assert "'hdf5' is not one of lerobot" in capsys.readouterr().err
