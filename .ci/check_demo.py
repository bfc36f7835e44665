# SPDX-License-Identifier: Apache-2.0
"""Fails where the demo did not leave what the README promises."""

import json
import sys
from pathlib import Path

import av
import cv2

LEAST_SHOWN = 0.1
"""Of the ticks, on a machine that may have other work."""


def problems(out: Path) -> list[str]:
    """What is wrong in the demo's folder, one sentence each."""
    found = []
    summary = json.loads((out / "summary.json").read_text())
    if summary["ticks"] < 50:
        found.append(f"only {summary['ticks']} ticks")
    if summary["attention_maps"] != summary["ticks"]:
        found.append(f"{summary['attention_maps']} maps for {summary['ticks']} ticks")
    # A contribution that might delay a command is left out; half of the ticks have one on a quiet
    # machine of two cores.
    shown = summary["attention_maps"] - summary["invalid_maps"]
    if shown < LEAST_SHOWN * summary["ticks"]:
        found.append(f"{shown} of {summary['ticks']} ticks have a map")
    found += [
        f"{summary['overlays'].get(camera)} overlays of {camera} for {shown} maps"
        for camera in ("top", "wrist")
        if summary["overlays"].get(camera) != shown
    ]
    if summary["commands"] < 0.8 * summary["ticks"]:
        found.append(f"only {summary['commands']} commands for {summary['ticks']} ticks")
    if summary["successes"] < 1:
        found.append("the arm reached no cube")
    with av.open(str(out / "demo.mp4")) as video:
        if sum(1 for _ in video.decode(video=0)) < 50:
            found.append("the video has fewer than 50 frames")
    if cv2.imread(str(out / "sheet.png")) is None:
        found.append("the contact sheet cannot be read")
    return found


def main() -> int:
    """Print what is wrong; the exit status says whether anything is."""
    found = problems(Path(sys.argv[1]))
    for sentence in found:
        sys.stderr.write(f"demo: {sentence}\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
