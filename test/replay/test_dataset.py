# SPDX-License-Identifier: Apache-2.0
"""A LeRobot dataset, replayed as if it had been recorded as messages."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from recorded_robot import ATTENTION, HEIGHT, WIDTH, counts, difference, picture, read

from pam_ros.attention.maps import attention_maps
from pam_ros.observations.dataset_messages import parse_episodes
from pam_ros.observations.errors import SourceError
from pam_ros.policy import load_policy
from pam_ros.replay.one_bag import replay_bag
from pam_ros.robot.stamps import stamp_nanoseconds

needs_datasets = pytest.mark.skipif(
    importlib.util.find_spec("datasets") is None, reason="needs lerobot[dataset]"
)
LENGTHS = (5, 3, 6)
TASKS = ("reach", "reach the blue one", "reach")


def frame(episode, number):
    seed = 100 * episode + 2 * number
    return {
        "observation.images.top": picture(seed),
        "observation.images.side": picture(seed + 1),
        "observation.state": np.array([0.1 * episode, 0.01 * number], np.float32),
    }


def write_dataset(root, images=frame, kind="image"):
    """As lerobot itself writes one; with kind "video" all episodes share a file per camera."""
    from pam_ros.sim.training.lerobot_api import LeRobotDataset, disable_progress_bars

    disable_progress_bars()
    vector = {"dtype": "float32", "shape": (2,), "names": ["pan", "lift"]}
    image = {
        "dtype": kind, "shape": (HEIGHT, WIDTH, 3), "names": ["height", "width", "channels"],
    }  # fmt: skip
    made = LeRobotDataset.create(
        repo_id="test/reaches", fps=10, root=root, use_videos=kind == "video",
        features={
            "observation.images.top": dict(image), "observation.images.side": dict(image),
            "observation.state": dict(vector), "action": dict(vector),
        },
    )  # fmt: skip
    for episode, length in enumerate(LENGTHS):
        for number in range(length):
            action = np.array([episode, number], np.float32)
            made.add_frame({**images(episode, number), "action": action, "task": TASKS[episode]})
        made.save_episode()
    made.finalize()
    return root


@pytest.fixture
def dataset(tmp_path):
    return write_dataset(tmp_path / "reaches")


def coloured(episode, number):
    """Colours say which frame it is, and survive a video's compression."""
    whole = np.ones((HEIGHT, WIDTH, 3), np.uint8)
    return {
        **frame(episode, number),
        "observation.images.top": whole * np.array([200, 40, 20 + 15 * number], np.uint8),
        "observation.images.side": whole * np.array([30, 60 + 60 * episode, 180], np.uint8),
    }


@needs_datasets
@pytest.mark.parametrize("with_contract", [True, False])
def test_every_frame_of_the_chosen_episodes_gets_its_map(
    dataset, settings, tmp_path, checkpoint, with_contract
):
    settings = replace(
        settings,
        contract=settings.contract if with_contract else "",
        method="cross_attention",
        episodes="0,2",
    )
    out = tmp_path / "out"
    report = replay_bag(dataset, out, settings)
    assert (report.ticks, report.valid, report.counts) == (11, 11, {})
    maps = read(out, ATTENTION)
    where = [(0, number) for number in range(5)] + [(2, number) for number in range(6)]
    assert [m.episode for m in maps] == [episode for episode, _ in where]
    policy = load_policy(checkpoint, device="cpu")
    chunks = {}
    for (episode, number), message in zip(where, maps, strict=True):
        output = policy.explain(frame(episode, number))
        chunks[episode, number] = output.chunk
        expected = attention_maps(output.attention, policy.spec.layout)
        for camera, wanted in zip(message.cameras, expected.cameras, strict=True):
            assert np.abs(camera.cells - wanted.cells.ravel()).max() <= 1e-6
    stamps = np.diff([stamp_nanoseconds(m.header.stamp) for m in maps])
    assert set(stamps[:4]) | set(stamps[5:]) == {100_000_000}
    # Beside what was recorded; every episode begins with a chunk of its own.
    recorded = read(out, "/joint_commands")
    assert [list(one.position) for one in recorded] == [[float(e), float(n)] for e, n in where]
    predicted = read(out, "/act_attention/predicted_command")
    for (episode, number), command in zip(where, predicted, strict=True):
        row = chunks[episode, 4 * (number // 4)][number % 4]
        assert np.abs(np.array(command.position) - row).max() <= 1e-6
    assert counts(out)["/top/image_raw"] == 11


@needs_datasets
def test_the_frames_of_a_video_are_those_of_their_episode(settings, tmp_path):
    """All episodes share one file: without its offset, an episode shows another one's frames."""
    pytest.importorskip("av")
    dataset = write_dataset(tmp_path / "videos", coloured, kind="video")
    assert len(list(dataset.glob("videos/observation.images.top/**/*.mp4"))) == 1
    out = tmp_path / "out"
    report = replay_bag(dataset, out, replace(settings, episodes="1,2"))
    assert (report.ticks, report.valid, report.counts) == (9, 9, {})
    where = [(1, number) for number in range(3)] + [(2, number) for number in range(6)]
    for name in ("top", "side"):
        for message, (episode, number) in zip(read(out, f"/{name}/image_raw"), where, strict=True):
            pixels = message.data.reshape(HEIGHT, WIDTH, 3).astype(int)
            wanted = coloured(episode, number)[f"observation.images.{name}"]
            assert np.abs(pixels - wanted).max() <= 6, (name, episode, number)


@needs_datasets
def test_a_hub_id_is_the_dataset_of_that_name_in_lerobots_folder(settings, tmp_path, monkeypatch):
    # Where 0.6 and 0.4 of lerobot look up the folder.
    try:
        from lerobot.datasets import dataset_metadata as place
    except ImportError:
        from lerobot.datasets import lerobot_dataset as place

    write_dataset(tmp_path / "home" / "test" / "reaches")
    monkeypatch.setattr(place, "HF_LEROBOT_HOME", tmp_path / "home")
    monkeypatch.chdir(tmp_path)
    report = replay_bag(Path("test/reaches"), tmp_path / "out", replace(settings, episodes="1"))
    assert (report.ticks, report.valid) == (3, 3)


@needs_datasets
def test_a_dataset_of_an_older_format_names_its_converter(dataset, settings, tmp_path):
    info = dataset / "meta" / "info.json"
    info.write_text(info.read_text().replace('"v3.0"', '"v2.1"'))
    with pytest.raises(SourceError, match="convert_dataset_v21_to_v30"):
        replay_bag(dataset, tmp_path / "out", settings)


@needs_datasets
def test_a_dataset_that_is_not_there_is_named(settings, tmp_path):
    with pytest.raises(SourceError, match="dataset nobody/nothing cannot be opened"):
        replay_bag(Path("nobody/nothing"), tmp_path / "out", settings)


def test_episodes_are_numbers_and_ranges():
    assert parse_episodes("", 3) == [0, 1, 2]
    assert parse_episodes("4,0-2, 9", 10) == [0, 1, 2, 4, 9]
    for text in ("a", "1-", "-1", "3", "2-1"):
        with pytest.raises(SourceError, match="--episodes"):
            parse_episodes(text, 3)


@needs_datasets
def test_a_contract_does_not_turn_or_cut_what_was_recorded_turned_and_cut(
    dataset, settings, tmp_path
):
    contract = yaml.safe_load(Path(settings.contract).read_text())
    for camera in contract["cameras"]:
        camera |= {"topic": "/wide/image_raw", "rotate": 90}
        camera["crop"] = {"x": 300, "y": 200, "width": 64, "height": 48}
        camera["resize"] = {"keep_aspect": True}
    file = tmp_path / "turned.yaml"
    file.write_text(yaml.safe_dump(contract))
    found = []
    for name, by in (("plain", settings.contract), ("turned", str(file))):
        chosen = replace(settings, contract=by, episodes="0")
        assert replay_bag(dataset, tmp_path / name, chosen).valid == LENGTHS[0]
        found.append(read(tmp_path / name, ATTENTION))
    assert difference(*found) == 0
    assert "/wide/image_raw/side" in counts(tmp_path / "turned")


@needs_datasets
def test_a_policy_that_reads_words_is_told_the_task_of_each_frame(
    second_policy, dataset, settings, tmp_path
):
    cameras = {"observation.images.top": (64, 96), "observation.images.side": (64, 96)}
    folder = second_policy(tmp_path / "second", cameras, instruction="")
    settings = replace(settings, policy=str(folder), method="joint_attention")
    assert replay_bag(dataset, tmp_path / "out", settings).valid == sum(LENGTHS)
    told = [(one.episode, one.instruction) for one in read(tmp_path / "out", ATTENTION)]
    assert told == [(e, TASKS[e]) for e, length in enumerate(LENGTHS) for _ in range(length)]
