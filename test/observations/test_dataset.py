# SPDX-License-Identifier: Apache-2.0
"""Data sets as people have them: other sizes, other names, older formats."""

import importlib.util
import json
import re
import shlex
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest
from recorded_robot import CONTRACT, HEIGHT, WIDTH, picture

from pam_ros.observations.dataset import DatasetSource
from pam_ros.observations.errors import SourceError
from pam_ros.observations.reading import Reading
from pam_ros.observations.recording import open_recording
from pam_ros.policy import load_policy

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("datasets") is None, reason="needs lerobot[dataset]"
)
TOP, SIDE = "observation.images.top", "observation.images.side"
FRAMES = 4


def state(frame):
    return np.array([0.1 * frame, -0.1 * frame], np.float32)


def write_dataset(root, *, size=(HEIGHT, WIDTH), joints=2, actions=2, cameras=(TOP, SIDE)):
    """Two episodes, as lerobot writes them."""
    from pam_ros.sim.training.lerobot_api import LeRobotDataset, disable_progress_bars

    disable_progress_bars()
    image = {"dtype": "image", "shape": (*size, 3), "names": ["height", "width", "channels"]}
    made = LeRobotDataset.create(
        repo_id="test/reaches", fps=10, root=root, use_videos=False,
        features={
            **{camera: dict(image) for camera in cameras},
            "observation.state": {"dtype": "float32", "shape": (joints,), "names": None},
            "action": {"dtype": "float32", "shape": (actions,), "names": None},
        },
    )  # fmt: skip
    for episode in range(2):
        for frame in range(FRAMES):
            pictures = {
                camera: cv2.resize(picture(number), size[::-1], interpolation=cv2.INTER_NEAREST)
                for number, camera in enumerate(cameras, 10 * episode + 2 * frame)
            }
            made.add_frame(
                {
                    **pictures,
                    "observation.state": np.resize(state(frame), joints),
                    "action": np.zeros(actions, np.float32),
                    "task": f"reach {episode}",
                }
            )
        made.save_episode()
    made.finalize()
    return root


def change_info(root, change):
    path = root / "meta" / "info.json"
    info = json.loads(path.read_text())
    change(info)
    path.write_text(json.dumps(info))


def test_frames_have_their_task_stamp_and_source_pictures(policy, tmp_path):
    source = DatasetSource(policy, str(write_dataset(tmp_path / "d")))
    frames = list(source.frames(None))
    assert [(f.episode, f.frame) for f in frames] == [(e, n) for e in (0, 1) for n in range(FRAMES)]
    assert [f.stamp_ns for f in frames[:3]] == [0, 100_000_000, 200_000_000]
    assert [f.task for f in frames] == ["reach 0"] * FRAMES + ["reach 1"] * FRAMES
    assert source.lengths() == {0: FRAMES, 1: FRAMES}
    for frame in frames:
        assert (frame.whole.sources["top"] == frame.observation[TOP]).all()
        assert frame.observation["observation.state"].tolist() == state(frame.frame).tolist()
    picked = list(source.chosen([(1, 2), (0, 3)]))
    assert [(f.episode, f.frame) for f in picked] == [(0, 3), (1, 2)]


@pytest.mark.parametrize("size", [(2 * HEIGHT, 2 * WIDTH), (32, 48)])
def test_pictures_of_another_size_are_resized_to_the_policys(policy, tmp_path, size):
    source = DatasetSource(policy, str(write_dataset(tmp_path / "d", size=size)))
    frame = next(source.frames(None))
    assert frame.whole.sources["top"].shape == (*size, 3)
    wanted = cv2.resize(
        cv2.resize(picture(0), size[::-1], interpolation=cv2.INTER_NEAREST),
        (WIDTH, HEIGHT),
        interpolation=cv2.INTER_AREA if size[0] > HEIGHT else cv2.INTER_LINEAR,
    )
    assert np.abs(frame.observation[TOP].astype(int) - wanted).max() <= 2
    assert np.isfinite(policy.explain(frame.observation).chunk).all()
    assert source.notes == []


def test_a_picture_of_another_shape_is_said_to_be_squashed(policy, tmp_path):
    source = DatasetSource(policy, str(write_dataset(tmp_path / "d", size=(HEIGHT, 2 * WIDTH))))
    assert (
        f"{TOP} is 64x192 (height x width) and is squashed to the policy's 64x96"
        in (source.notes[0])
    )


def test_a_robots_crop_is_not_of_a_dataset_which_was_cut_before(policy, contract, tmp_path):
    root = write_dataset(tmp_path / "d")
    text = (tmp_path / "contract.yaml").read_text()
    cropped = tmp_path / "cropped.yaml"
    crop = "crop: {x: 300, y: 0, width: 96, height: 64}, resize: policy"
    cropped.write_text(text.replace("resize: policy", crop))
    source = DatasetSource(policy, str(root), reading=Reading(contract=str(cropped)))
    assert (next(source.frames(None)).observation[TOP] == picture(0)).all()


def test_a_state_of_another_length_is_told_with_both_lengths(policy, tmp_path):
    root = write_dataset(tmp_path / "d", joints=3)
    said = (
        rf"dataset {re.escape(str(root))}: observation\.state has 3 values; the policy's "
        r"observation\.state has 2"
    )
    with pytest.raises(SourceError, match=said):
        DatasetSource(policy, str(root))
    with pytest.raises(SourceError, match=said):
        open_recording(root, policy, Reading(), tmp_path / "work")


def test_actions_of_another_length_are_left_out_and_told(policy, tmp_path):
    opened = open_recording(
        write_dataset(tmp_path / "d", actions=3), policy, Reading(), tmp_path / "work"
    )
    assert "recorded actions are left out: they have 3 values" in opened.recording.notes[0]
    assert {message.topic for message in opened.recording.messages()} == {
        "/top/image_raw", "/side/image_raw", "/joint_states",
    }  # fmt: skip


def test_names_that_are_a_mapping_come_in_the_order_of_their_numbers(policy, tmp_path):
    root = write_dataset(tmp_path / "d")

    def as_mapping(info):
        info["features"]["action"]["names"] = {"delta_y": 1, "delta_x": 0}

    change_info(root, as_mapping)
    opened = open_recording(root, policy, Reading(), tmp_path / "work")
    joints = opened.contract.command.joints
    assert [joint.name for joint in joints] == ["delta_x", "delta_y"]
    assert len(list(opened.recording.messages(["/joint_commands"]))) == 2 * FRAMES


def test_the_checkpoints_own_map_renames_features_and_the_caller_goes_before_it(
    checkpoint, tmp_path
):
    front, hand = "observation.images.front", "observation.images.hand"
    folder = shutil.copytree(checkpoint, tmp_path / "act")
    path = folder / "policy_preprocessor.json"
    content = json.loads(path.read_text())
    content["steps"][0]["config"]["rename_map"] = {front: TOP, hand: SIDE}
    path.write_text(json.dumps(content))
    policy = load_policy(folder, device="cpu")
    root = str(write_dataset(tmp_path / "d", cameras=(front, hand)))
    frame = next(DatasetSource(policy, root).frames(None))
    assert (frame.observation[TOP] == picture(0)).all()
    assert (frame.observation[SIDE] == picture(1)).all()
    swapped = Reading(rename={front: SIDE, hand: TOP})
    frame = next(DatasetSource(policy, root, reading=swapped).frames(None))
    assert (frame.observation[SIDE] == picture(0)).all()
    # Data that have the policy's names already.
    own = next(DatasetSource(policy, str(write_dataset(tmp_path / "own"))).frames(None))
    assert (own.observation[TOP] == picture(0)).all()


def test_features_are_renamed_and_the_likely_one_is_named(policy, tmp_path):
    front, hand = "observation.images.front", "observation.images.hand.side"
    root = write_dataset(tmp_path / "d", cameras=(front, hand))
    with pytest.raises(SourceError, match=r"lacks observation\.images\.top, observation"):
        DatasetSource(policy, str(root))
    reading = Reading(rename={front: TOP, hand: SIDE})
    frame = next(DatasetSource(policy, str(root), reading=reading).frames(None))
    assert (frame.observation[TOP] == picture(0)).all()
    assert (frame.observation[SIDE] == picture(1)).all()
    given = tmp_path / "contract.yaml"
    given.write_text(CONTRACT.format(trigger=""))
    reading = Reading(contract=str(given), rename=reading.rename)
    again = next(DatasetSource(policy, str(root), reading=reading).frames(None))
    assert all((again.observation[name] == frame.observation[name]).all() for name in (TOP, SIDE))
    with pytest.raises(SourceError, match=r"observation\.state is no picture"):
        swapped = Reading(rename={"observation.state": TOP, front: "observation.state", hand: SIDE})
        DatasetSource(policy, str(root), reading=swapped)


def as_version_2_1(root):
    """What lerobot wrote before 3.0: a file for each episode, and lines of JSON."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    stats = json.loads((root / "meta" / "stats.json").read_text())
    (table,) = (pq.read_table(path) for path in root.glob("data/*/*.parquet"))
    for path in [*root.glob("data/*/*.parquet"), *root.glob("meta/episodes/*/*.parquet")]:
        path.unlink()
    for name in ("tasks.parquet", "stats.json"):
        (root / "meta" / name).unlink()
    for episode in (0, 1):
        rows = table.filter(pc.equal(table["episode_index"], episode))
        pq.write_table(rows, root / "data" / "chunk-000" / f"episode_{episode:06d}.parquet")
    lines = {
        "episodes": [
            {"episode_index": e, "tasks": [f"reach {e}"], "length": FRAMES} for e in (0, 1)
        ],
        "tasks": [{"task_index": e, "task": f"reach {e}"} for e in (0, 1)],
        "episodes_stats": [{"episode_index": e, "stats": stats} for e in (0, 1)],
    }
    for name, entries in lines.items():
        text = "".join(json.dumps(entry) + "\n" for entry in entries)
        (root / "meta" / f"{name}.jsonl").write_text(text)

    def older(info):
        info["codebase_version"] = "v2.1"
        info.update(total_chunks=1, total_videos=0, chunks_size=1000, video_path=None)
        path = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
        info["data_path"] = path

    change_info(root, older)


@pytest.mark.slow
def test_the_command_that_is_named_for_version_2_1_converts_it(policy, tmp_path, monkeypatch):
    root = write_dataset(tmp_path / "my data")
    before = [frame.observation for frame in DatasetSource(policy, str(root)).frames(None)]
    as_version_2_1(root)
    with pytest.raises(SourceError, match=r"is of format 2\.1") as error:
        DatasetSource(policy, str(root))
    (command,) = re.findall("`(.*)`", str(error.value))
    words = shlex.split(command)
    assert words[0] == "python"
    assert "--push-to-hub=false" in words
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    subprocess.run([sys.executable, *words[1:]], check=True, capture_output=True, timeout=400)
    assert (tmp_path / "my data_old").is_dir()
    after = [frame.observation for frame in DatasetSource(policy, str(root)).frames(None)]
    for one, other in zip(before, after, strict=True):
        assert all((one[name] == other[name]).all() for name in one)


@pytest.mark.parametrize(
    ("version", "said"),
    [("v2.0", "lerobot converts 2.1 alone"), ("v1.6", "is of format 1.6"), (3, "cannot be opened")],
)
def test_other_formats_are_told(policy, tmp_path, version, said):
    root = write_dataset(tmp_path / "d")
    change_info(root, lambda info: info.update(codebase_version=version))
    with pytest.raises(SourceError, match=said):
        DatasetSource(policy, str(root))


def test_a_folder_that_is_no_dataset_is_told(policy, tmp_path):
    with pytest.raises(SourceError, match="holds no LeRobotDataset: it has no meta"):
        DatasetSource(policy, str(tmp_path))
    with pytest.raises(SourceError, match="holds no LeRobotDataset"):
        DatasetSource(policy, str(tmp_path / "nothing"))
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "info.json").write_text("{")
    with pytest.raises(SourceError, match=r"meta/info\.json is no description"):
        DatasetSource(policy, str(tmp_path))
