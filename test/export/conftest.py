# SPDX-License-Identifier: Apache-2.0
"""Recordings of the small robot of test/replay, and exports of them."""

import importlib.util
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "replay"))
sys.path.insert(0, str(Path(__file__).parent))
from recorded_arm import smooth
from recorded_robot import CONTRACT, write_bag

from pam_ros.export.settings import ExportSettings


def pytest_collection_modifyitems(items):
    if importlib.util.find_spec("datasets") is None:
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="needs lerobot[dataset]"))


@pytest.fixture
def contract(tmp_path) -> str:
    file = tmp_path / "contract.yaml"
    file.write_text(CONTRACT.format(trigger="trigger: top"))
    return str(file)


@pytest.fixture
def settings(contract):
    return ExportSettings(contract, task="reach")


@pytest.fixture
def bag(tmp_path):
    return write_bag(tmp_path / "bag", smooth(11))
