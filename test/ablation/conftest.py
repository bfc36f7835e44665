# SPDX-License-Identifier: Apache-2.0
"""Lets the tests import what lies beside them, and the recordings of test/replay."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "replay"))
