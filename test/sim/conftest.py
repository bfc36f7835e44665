# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from pam_ros.sim.scene import TRAINING_SEEDS
from pam_ros.sim.training.dataset import record

REACHES = TRAINING_SEEDS[500:502]
CORRECTIONS = TRAINING_SEEDS[502:504]


@pytest.fixture(scope="session")
def recorded(tmp_path_factory):
    """Two datasets: two reaches, two corrections of a near miss."""
    folder = tmp_path_factory.mktemp("episodes")
    record(folder / "reaches", REACHES)
    record(folder / "corrections", CORRECTIONS, correction=True)
    return [folder / "reaches", folder / "corrections"]
