# SPDX-License-Identifier: Apache-2.0
"""What it costs to store a camera compressed: loss, size and time, by codec and quality.

`python -m bench.stored_cameras` takes the demo's two cameras through an episode, as they are
and with a sensor's noise; `--bag BAG --topic TOPIC` the pictures of a recording.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from pam_ros.bags import BagReader
from pam_ros.bags.frame_stream import FrameEncoder
from pam_ros.bags.pictures import decode_picture
from pam_ros.nodes.recorders.camera_store import jpeg_file, psnr
from pam_ros.robot.video import Packet, VideoDecoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Pictures = list[npt.NDArray[np.uint8]]

_JPEG = (80, 90, 95, 100)
_H264 = (12, 18, 23)


def main(argv: Sequence[str]) -> int:
    """Print a table in Markdown; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.stored_cameras")
    parser.add_argument("--bag", default="")
    parser.add_argument("--topic", default="")
    parser.add_argument("--pictures", type=int, default=150)
    options = parser.parse_args(argv)
    if options.bag:
        sources = {options.topic: from_bag(Path(options.bag), options.topic, options.pictures)}
    else:
        sources = of_the_demo(options.pictures)
    print("| pictures | stored as | PSNR mean, lowest [dB] | of the raw size | ms a picture |")
    print("| --- | --- | --- | --- | --- |")
    for name, pictures in sources.items():
        for quality in _JPEG:
            print(row(name, f"JPEG {quality}", pictures, *by_jpeg(pictures, quality)))
        for crf in _H264:
            print(row(name, f"H.264 crf {crf}", pictures, *by_h264(pictures, crf)))
    return 0


def by_jpeg(pictures: Pictures, quality: int) -> tuple[list[float], int, float]:
    """Loss of each picture [dB], bytes of all, seconds of encoding all."""
    begin = time.perf_counter()
    files = [jpeg_file(rgb, quality) for rgb in pictures]
    seconds = time.perf_counter() - begin
    back = [np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR))[:, :, ::-1] for file in files]
    losses = [psnr(one, other) for one, other in zip(pictures, back, strict=True)]
    return losses, sum(file.size for file in files), seconds


def by_h264(pictures: Pictures, crf: int) -> tuple[list[float], int, float]:
    """Loss of each picture [dB], bytes of all, seconds of encoding all."""
    encoder = FrameEncoder((pictures[0].shape[0], pictures[0].shape[1]), crf)
    begin = time.perf_counter()
    packets = [encoder.encode(rgb)[0] for rgb in pictures]
    seconds = time.perf_counter() - begin
    decoder: VideoDecoder[int] = VideoDecoder()
    height, width = pictures[0].shape[:2]
    losses = [
        psnr(rgb, decoded[:height, :width])
        for index, (packet, rgb) in enumerate(zip(packets, pictures, strict=True))
        for _, decoded in decoder.take(Packet("h264", packet, index, index), index)
        if decoded is not None
    ]
    return losses, sum(map(len, packets)), seconds


def row(
    name: str, stored: str, pictures: Pictures, losses: list[float], size: int, seconds: float
) -> str:
    """One line of the table."""
    raw = sum(rgb.size for rgb in pictures)
    return (
        f"| {name} | {stored} | {np.mean(losses):.1f}, {min(losses):.1f} | {size / raw:.1%} | "
        f"{seconds / len(pictures) * 1e3:.1f} |"
    )


def from_bag(bag: Path, topic: str, count: int) -> Pictures:
    """The first pictures of a topic."""
    found: Pictures = []
    with BagReader(bag) as reader:
        for message in reader.messages([topic]):
            found.append(decode_picture(reader, message))
            if len(found) == count:
                break
    return found


def of_the_demo(count: int) -> dict[str, Pictures]:
    """Both cameras, clean as rendered and with the noise of a sensor, of 3 levels."""
    from pam_ros.sim.expert import expert_action  # noqa: PLC0415  (MuJoCo)
    from pam_ros.sim.scene import Scene  # noqa: PLC0415

    names = ("top", "wrist")
    found: dict[str, Pictures] = {name: [] for name in names}
    with Scene() as scene:
        scene.reset(0)
        for _ in range(count):
            for name in names:
                found[name].append(scene.render(name).copy())
            scene.command(expert_action(scene.joint_positions, scene.cube))
            scene.step()
    noise = np.random.default_rng(0)
    for name in names:
        found[f"{name}, noise"] = [
            np.clip(rgb + noise.normal(0, 3, rgb.shape), 0, 255).astype(np.uint8)
            for rgb in found[name]
        ]
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
