# SPDX-License-Identifier: Apache-2.0
"""Lets the tests import recorded_robot.py, which lies beside them; its policy and contracts."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from recorded_robot import CONTRACT, observed, save_checkpoint, write_bag

from pam_ros.replay.settings import ReplaySettings


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint")
    save_checkpoint(folder)
    return folder


@pytest.fixture
def contract(tmp_path) -> str:
    file = tmp_path / "contract.yaml"
    file.write_text(CONTRACT.format(trigger="trigger: top"))
    return str(file)


@pytest.fixture
def contract_by_rate(tmp_path) -> str:
    file = tmp_path / "by_rate.yaml"
    file.write_text(CONTRACT.format(trigger=""))
    return str(file)


@pytest.fixture
def settings(checkpoint, contract):
    return ReplaySettings(policy=str(checkpoint), contract=contract, threads=1, batch=3)


@pytest.fixture
def bag(tmp_path):
    return write_bag(tmp_path / "bag", observed(11))
