# SPDX-License-Identifier: Apache-2.0
"""What libraries would cost in the place of our own code: python -m bench.libraries.

Interleaved medians of one process: CDR by the embedded runtime and by rosbags, the bootstrap by
`faithfulness/bootstrap.py` and by SciPy, and how long a new interpreter takes to import each.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pam_ros.bags.messages import Messages
from pam_ros.bags.types import known_types
from pam_ros.faithfulness.bootstrap import DRAWS, interval
from rclpy_cyclone import install

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 300
IMPORTS = ("pass", "import numpy", "import numpy, scipy.stats", "import yaml", "import pydantic")


def medians(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Seconds that each call takes, called in turns."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            begin = time.perf_counter()
            call()
            found[name].append(time.perf_counter() - begin)
    return {name: statistics.median(times) for name, times in found.items()}


def _messages() -> list[tuple[str, object]]:
    from sensor_msgs.msg import Image, JointState  # noqa: PLC0415  (once the runtime is installed)

    from pam_ros.msg import AttentionMap, CameraAttention  # noqa: PLC0415  (as above)

    rng = np.random.default_rng(0)
    image = Image(height=240, width=320, encoding="rgb8", step=960)
    image.data = rng.integers(0, 256, 240 * 960, np.uint8).tobytes()
    joints = JointState(name=[f"joint_{number}" for number in range(6)])
    joints.position = joints.velocity = [0.1] * 6
    attention = AttentionMap()
    attention.cameras = [
        CameraAttention(name=name, rows=15, cols=20, cells=[0.001] * 300)
        for name in ("top", "wrist")
    ]
    return [
        ("sensor_msgs/msg/Image", image),
        ("sensor_msgs/msg/JointState", joints),
        ("pam_ros/msg/AttentionMap", attention),
    ]


def cdr(rounds: int = ROUNDS) -> list[str]:
    """A line a message: microseconds of ours and how many times as long rosbags takes."""
    install(interfaces={"pam_ros": ROOT / "msg"})
    from rclpy.serialization import (  # noqa: PLC0415  (as above)
        deserialize_message,
        serialize_message,
    )

    other, store = Messages(), known_types()
    lines = []
    for name, message in _messages():
        data = bytes(serialize_message(message))
        theirs = other.decode(data, name)
        found = medians(
            {
                "encode": partial(serialize_message, message),
                "rosbags encode": partial(store.serialize_cdr, theirs, name),
                "decode": partial(deserialize_message, data, type(message)),
                "rosbags decode": partial(store.deserialize_cdr, data, name),
            },
            rounds,
        )
        told = []
        for word in ("encode", "decode"):
            own, others = found[word], found[f"rosbags {word}"]
            told.append(f"{word} {1e6 * own:.0f} us, rosbags {others / own:.1f}x")
        lines.append(f"{name} ({len(data)} bytes): {'; '.join(told)}")
    return lines


def bootstrap(rounds: int = 15) -> str:
    """Milliseconds of one interval, ours and SciPy's, and how far their bounds are apart."""
    from scipy.stats import bootstrap as scipys  # noqa: PLC0415  (not a dependency)

    values = np.random.default_rng(0).normal(size=50)

    def theirs() -> object:
        return scipys((values,), np.mean, n_resamples=DRAWS, method="percentile", random_state=0)

    found = medians({"ours": lambda: interval(values), "scipy": theirs}, rounds)
    ours, other = interval(values), theirs().confidence_interval  # type: ignore[attr-defined]
    apart = max(abs(ours.low - other.low), abs(ours.high - other.high)) / (ours.high - ours.low)
    return (
        f"bootstrap of 50 values: {1e3 * found['ours']:.1f} ms, SciPy "
        f"{1e3 * found['scipy']:.1f} ms; bounds apart by up to {apart:.1%} of the interval"
    )


def imports(rounds: int = 9) -> list[str]:
    """Seconds that an interpreter takes for each import, beyond its own start."""
    calls = {
        line: lambda line=line: subprocess.run([sys.executable, "-c", line], check=True)
        for line in IMPORTS
    }
    found = medians(calls, rounds)
    return [f"{line}: {found[line] - found['pass']:.2f} s" for line in IMPORTS[1:]]


if __name__ == "__main__":
    sys.stdout.write("\n".join([*cdr(), bootstrap(), *imports()]) + "\n")
