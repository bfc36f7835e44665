# SPDX-License-Identifier: Apache-2.0
"""Lets the tests import planted_tokens.py, which lies beside them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from planted_tokens import Planted

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def planted() -> Planted:
    rng = np.random.default_rng(1)
    directions = rng.normal(size=(24, 24))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return Planted(directions, rng.normal(size=24), 3)
