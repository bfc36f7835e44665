# SPDX-License-Identifier: Apache-2.0
"""What an exported dataset has lost: pictures, and the maps that a policy makes of them.

python bench/export.py BAG [--contract demo_arm] [--policy models/demo_act]

Exports the recording once per way of storing pictures, replays recording and dataset, and compares:
stamps, joint states and commands to the bit, maps of one stamp by their correlation over the cells.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.attention.maps import ROLLOUT
from pam_ros.bags import BagReader
from pam_ros.export.dataset import Export
from pam_ros.export.settings import ExportSettings
from pam_ros.replay.one_bag import replay_bag
from pam_ros.replay.settings import ReplaySettings
from pam_ros.robot import load_contract
from pam_ros.robot.stamps import stamp_nanoseconds
from pam_ros.robot.topics import ATTENTION
from pam_ros.share.folders import find_contract

if TYPE_CHECKING:
    from collections.abc import Iterator

POLICY = str(Path(__file__).parents[1] / "models" / "demo_act")
WAYS: dict[str, dict[str, Any]] = {
    "images": {"images": True},
    "libsvtav1, crf 30": {},
    "libsvtav1, crf 20": {"crf": 20},
    "h264, crf 30": {"codec": "h264"},
    "h264, crf 18": {"codec": "h264", "crf": 18},
}


def read(bag: Path, topic: str) -> Iterator[Any]:
    """The messages of a topic."""
    with BagReader(bag) as reader:
        for message in reader.messages([topic]):
            yield reader.decode(message)


def maps(bag: Path) -> dict[int, dict[str, Any]]:
    """Cells of each camera by the map's stamp."""
    return {
        stamp_nanoseconds(message.header.stamp): {
            camera.name: np.asarray(camera.cells, np.float64) for camera in message.cameras
        }
        for message in read(bag, ATTENTION)
        if message.valid
    }


def positions(bag: Path, topic: str, names: list[str]) -> dict[int, bytes]:
    """The positions of joint messages by their stamps, as float32."""
    found = {}
    for message in read(bag, topic):
        order = [list(message.name).index(name) for name in names]
        values = np.asarray(message.position)[order].astype(np.float32)
        found[stamp_nanoseconds(message.header.stamp)] = values.tobytes()
    return found


def compared(recorded: Path, exported: Path, bag: Path, contract: str) -> dict[str, Any]:
    """Two replays of the same ticks, and the states that they looked at."""
    ours, theirs = maps(recorded), maps(exported)
    both = sorted(set(ours) & set(theirs))
    correlations = [
        float(np.corrcoef(ours[stamp][name], theirs[stamp][name])[0, 1])
        for stamp in both
        for name in ours[stamp]
    ]
    state = load_contract(find_contract(contract)).state
    names = [joint.name for joint in state.joints]
    (topic,) = state.topics
    before, after = positions(bag, topic, names), positions(exported, topic, names)
    return {
        "ticks_of_dataset": len(theirs),
        "stamps_that_the_recording_has": len(both),
        "states_equal": sum(before.get(stamp) == value for stamp, value in after.items()),
        "states": len(after),
        "correlation_median": float(np.median(correlations)),
        "correlation_p5": float(np.quantile(correlations, 0.05)),
        "correlation_least": min(correlations),
    }


def run(bag: Path, contract: str, policy: str) -> Iterator[dict[str, Any]]:
    """One row per way of storing pictures."""
    # The recording may show another look than a replay of the dataset would.
    settings = ReplaySettings(policy=policy, contract=contract, threads=2, method=ROLLOUT)
    base = ExportSettings(contract)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        replay_bag(bag, work / "recorded", replace(settings, copy_topics=False))
        for place, (way, options) in enumerate(WAYS.items()):
            out, begin = work / f"dataset{place}", time.perf_counter()
            exported = Export([bag], out, replace(base, **options), lambda *_: None).run()
            seconds = time.perf_counter() - begin
            replay_bag(out, work / f"replayed{place}", settings)
            size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
            yield {
                "way": way,
                "megabytes": round(size / 1e6, 2),
                "seconds": round(seconds, 1),
                **exported.summary["check"],
                **compared(work / "recorded", work / f"replayed{place}", bag, contract),
            }


def main() -> int:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bag", type=Path)
    parser.add_argument("--contract", default="demo_arm")
    parser.add_argument("--policy", default=POLICY)
    options = parser.parse_args()
    for row in run(options.bag, options.contract, options.policy):
        sys.stdout.write(json.dumps(row) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
