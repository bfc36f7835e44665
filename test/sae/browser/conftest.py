# SPDX-License-Identifier: Apache-2.0
"""A book of planted features, and what lies in other rooms' tests."""

import sys
from pathlib import Path

import pytest
import torch

HERE = Path(__file__).parent
for folder in (HERE, HERE.parent, HERE.parents[1] / "show" / "report"):
    sys.path.insert(0, str(folder))


@pytest.fixture(scope="session")
def planted(tmp_path_factory):
    """The files of a planted SAE, store, descriptions and book."""
    from planted_book import make_planted

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    made = make_planted(tmp_path_factory.mktemp("planted"))
    torch.set_num_threads(before)
    return made
