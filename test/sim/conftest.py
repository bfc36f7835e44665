# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from pam_ros.sim.scene import TRAINING_SEEDS
from pam_ros.sim.training.dataset import record

REACHES = TRAINING_SEEDS[500:502]
CORRECTIONS = TRAINING_SEEDS[502:504]


@pytest.fixture
def one_thread():
    """Sums are taken in one order; other tests have their threads again afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def recorded(tmp_path_factory):
    """Two datasets: two reaches, two corrections of a near miss."""
    folder = tmp_path_factory.mktemp("episodes")
    record(folder / "reaches", REACHES)
    record(folder / "corrections", CORRECTIONS, correction=True)
    return [folder / "reaches", folder / "corrections"]
