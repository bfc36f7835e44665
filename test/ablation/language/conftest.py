# SPDX-License-Identifier: Apache-2.0
"""Lets the tests import the policies of test/ablation, and the recordings of test/replay."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "replay"))
