# SPDX-License-Identifier: Apache-2.0
"""A small policy, its contract, and recordings of what it might have seen."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "replay"))
from recorded_robot import CONTRACT, save_checkpoint

from pam_ros.policy import load_policy


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint")
    save_checkpoint(folder)
    return folder


@pytest.fixture(scope="session")
def policy(checkpoint):
    return load_policy(checkpoint, device="cpu")


@pytest.fixture
def contract(tmp_path) -> str:
    file = tmp_path / "contract.yaml"
    file.write_text(CONTRACT.format(trigger="trigger: top"))
    return str(file)
