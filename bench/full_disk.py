# SPDX-License-Identifier: Apache-2.0
"""Lets a recording sae_recorder run into a full disk, a small tmpfs (needs root).

python -m bench.full_disk     mcap and sqlite3, each left full and each given space again
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.random_sae import write_random_sae
from bench.sidecar_processes import (
    FEATURES_TOPIC,
    own_domain,
    start_sidecar,
    start_source,
)
from bench.token_source import LAYER, POLICY_SHA256

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

WIDTH, TOKENS, RATE = 64, 66, 60.0
SIZE, MORE = "3m", "64m"
LONGEST_BEFORE_FULL_S = 1.5
"""From the last tick recorded to the report: a flush, and the second between two reports."""


class Watcher:
    """Hears what the sidecar publishes."""

    def __init__(self) -> None:
        import rclpy  # noqa: PLC0415
        from diagnostic_msgs.msg import DiagnosticArray  # noqa: PLC0415
        from rclpy.signals import SignalHandlerOptions  # noqa: PLC0415

        from pam_ros.msg import SaeFeatures  # noqa: PLC0415

        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)
        self._rclpy = rclpy
        self._node = rclpy.create_node("watcher")
        self.features = 0
        self.report = ""
        self._node.create_subscription(SaeFeatures, FEATURES_TOPIC, self._on_features, 50)
        self._node.create_subscription(DiagnosticArray, "/diagnostics", self._on_report, 10)

    def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Listen until the condition is true, or for so long [s]; returns whether it was."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            self._rclpy.spin_once(self._node, timeout_sec=0.05)
        return True

    def close(self) -> None:
        """Leave the graph."""
        self._node.destroy_node()
        self._rclpy.try_shutdown()

    def _on_features(self, _: object) -> None:
        self.features += 1

    def _on_report(self, message: Any) -> None:
        if message.status[0].name.startswith("sae_recorder"):
            self.report = message.status[0].message


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the status is 1 where one of the promises was broken."""
    parser = argparse.ArgumentParser(prog="bench.full_disk", description=__doc__)
    parser.add_argument("--json", type=Path, default=None, help="write the figures here too")
    options = parser.parse_args(arguments)
    if os.geteuid() != 0:
        print("bench.full_disk mounts a tmpfs: run it as root", file=sys.stderr)
        return 1
    own_domain()
    from pam_ros.share.folders import share_directory  # noqa: PLC0415
    from rclpy_cyclone import install  # noqa: PLC0415

    install(interfaces={"pam_ros": share_directory() / "msg"})
    runs = []
    for storage in ("mcap", "sqlite3"):
        for space_again in (False, True):
            runs.append(run(storage, space_again=space_again))
            print(json.dumps(runs[-1], indent=2), flush=True)
    if options.json:
        options.json.write_text(json.dumps(runs, indent=2) + "\n")
    return int(not all(kept(figures) for figures in runs))


def kept(figures: dict[str, Any]) -> bool:
    """Whether a run kept every promise."""
    said = "No space left" in figures["sentence"] or "full" in figures["sentence"]
    recent = figures["last_before_full_s"] <= LONGEST_BEFORE_FULL_S
    return bool(said and recent) and all(
        figures[name] for name in ("alive", "readable", "all_before_is_there")
    )


@contextmanager
def small_disk() -> Iterator[Path]:
    """A tmpfs of SIZE."""
    with tempfile.TemporaryDirectory(prefix="full-disk-") as name:
        disk = Path(name) / "disk"
        disk.mkdir()
        _mount("-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(disk))
        try:
            yield disk
        finally:
            subprocess.run(["umount", str(disk)], check=True)  # noqa: S607


def run(storage: str, *, space_again: bool) -> dict[str, Any]:
    """One recorder on one small disk."""
    with tempfile.TemporaryDirectory(prefix="full-disk-sae-") as name, small_disk() as disk:
        folder = Path(name)
        write_random_sae(folder / "sae", POLICY_SHA256, LAYER, WIDTH, 256, 8)
        bag = disk / "bag"
        sidecar = start_sidecar(
            {
                "sae": folder / "sae",
                "bag": bag,
                "storage": storage,
                "compression": "none",
                "full_code": "true",
            },
            stderr=subprocess.PIPE,
        )
        source = start_source(RATE, 86400, TOKENS, WIDTH)
        watcher = Watcher()
        try:
            full = watcher.until(lambda: "cannot be written" in watcher.report, 180.0)
            full_ns, sentence = time.time_ns(), watcher.report
            before = watcher.features
            watcher.until(lambda: False, 3.0)
            alive = full and sidecar.poll() is None and watcher.features > before
            if space_again:
                _mount("-o", f"remount,size={MORE}", str(disk))
                watcher.until(lambda: "encoded" in watcher.report, 30.0)
                watcher.until(lambda: False, 3.0)
        finally:
            source.terminate()
            source.wait()
            sidecar.send_signal(signal.SIGTERM)
            log = sidecar.communicate(timeout=60)[1]
            watcher.close()
        if not bag.exists():
            raise SystemExit(f"the sidecar did not begin its bag: {log[-500:]}")
        whole = (bag / "metadata.yaml").exists()
        shutil.copytree(bag, folder / "bag")
        return {
            "storage": storage,
            "space_again": space_again,
            "sentence": sentence.replace(str(disk), "DISK"),
            "alive": alive,
            "features_in_3_s_while_full": watcher.features - before if not space_again else None,
            "exit_status": sidecar.returncode,
            "traceback": "Traceback" in log,
            "closed_by_itself": whole,
            **_in_bag(folder / "bag", full_ns, space_again=space_again),
        }


def _in_bag(bag: Path, full_ns: int, *, space_again: bool) -> dict[str, Any]:
    """What the bag holds after a repair: ticks before the disk was full, and after."""
    from pam_ros.bags import BagReader, repair  # noqa: PLC0415

    report = repair(bag)
    ticks, never, stamps = [], [], []
    with BagReader(bag) as reader:
        for message in reader.messages([FEATURES_TOPIC]):
            features = reader.decode(message)
            ticks.append(int(features.tick))
            never.append(int(features.lost_ticks))
            stamps.append(message.stamp_ns)
    # Ticks that never reached the encoder were lost before the disk had a say.
    gaps = [int(gap) for gap in np.diff(ticks) - 1 - np.diff(never) if gap]
    return {
        "readable": True,
        "repaired": report.changed,
        "features": len(ticks),
        "never_encoded": never[-1] - never[0],
        "gaps": gaps,
        # Nothing is missing in the middle; after space came back, the full time alone is.
        "all_before_is_there": len(gaps) == int(space_again) and len(ticks) > 100,
        "last_before_full_s": round((full_ns - max(s for s in stamps if s <= full_ns)) * 1e-9, 3),
        "recorded_after": sum(stamp > full_ns for stamp in stamps),
    }


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)  # noqa: S607


if __name__ == "__main__":
    sys.exit(main())
