# SPDX-License-Identifier: Apache-2.0
"""What docs/python.md shows runs as it stands there, block after block."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

TOP, WRIST, STATE = "observation.images.top", "observation.images.wrist", "observation.state"
PAGE = Path(__file__).parents[2] / "docs" / "python.md"


def observation(seed):
    rng = np.random.default_rng(seed)
    pictures = {name: rng.integers(0, 256, (64, 96, 3), dtype=np.uint8) for name in (TOP, WRIST)}
    return {**pictures, STATE: rng.normal(size=6).astype(np.float32)}


def test_the_pages_python_runs(saved, tmp_path, monkeypatch):
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 3
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "demo_act").symlink_to(saved)
    monkeypatch.chdir(tmp_path)
    names = {"observation": observation(0), "other": observation(1)}
    for number, block in enumerate(blocks):
        exec(compile(block, f"{PAGE.name}, block {number}", "exec"), names)
    assert (tmp_path / "look.png").is_file()
    assert names["chunk"].shape == (10, 4)
