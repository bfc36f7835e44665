# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

pytest.importorskip("transformers", reason="a policy that reads words needs lerobot[smolvla]")

from pam_ros.sim.words.draws import Draws
from pam_ros.sim.words.stats import Stats
from pam_ros.sim.words.vlm_folder import write_vlm_folder


@pytest.fixture(scope="session")
def vlm(tmp_path_factory):
    folder = tmp_path_factory.mktemp("language_model") / "vlm"
    write_vlm_folder(folder)
    return folder


@pytest.fixture(scope="session")
def batch():
    draws = Draws()
    yield draws.batch(3, 0)
    draws.close()


@pytest.fixture(scope="session")
def stats():
    draws = Draws()
    yield Stats.of(draws, 12)
    draws.close()
