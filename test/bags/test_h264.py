# SPDX-License-Identifier: Apache-2.0
"""The limit on a video's size, and its keyframes."""

from __future__ import annotations

import numpy as np
import pytest

from pam_ros.bags.h264 import Rate, write_h264

av = pytest.importorskip("av")
SECONDS, LIMIT = 8, 200_000


def noise(hz: int):
    source = np.random.default_rng(0)
    for k in range(SECONDS * hz):
        yield k / hz, source.integers(0, 256, (128, 160, 3), dtype=np.uint8)


@pytest.mark.parametrize("hz", [10, 30])
def test_the_limit_holds_by_the_frames_times_whatever_their_number(tmp_path, hz):
    if "libx264" not in av.codecs_available:
        pytest.skip("this PyAV has no libx264, which alone takes a limit beside a quality")
    free, limited = tmp_path / "free.mp4", tmp_path / "limited.mp4"
    write_h264(free, (160, 128), noise(hz), Rate(crf=24, keyframe_every=10))
    rate = Rate(crf=24, keyframe_every=10, bits_per_second=LIMIT)
    assert write_h264(limited, (160, 128), noise(hz), rate)[:2] == (SECONDS * hz, SECONDS - 1 / hz)
    # What the encoder may have in hand at the start: two seconds.
    assert limited.stat().st_size < LIMIT / 8 * (SECONDS + 2) * 1.1
    assert free.stat().st_size > 2 * limited.stat().st_size
    with av.open(str(limited)) as container:
        keys = [k for k, frame in enumerate(container.decode(video=0)) if frame.key_frame]
    assert max(np.diff([*keys, SECONDS * hz])) <= 10
