# SPDX-License-Identifier: Apache-2.0
"""Lets the tests import synthetic_bags.py, which lies beside them, and take their time."""

from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
