# SPDX-License-Identifier: Apache-2.0
"""bench/ is no installed package: it is found in the repository, after everything else."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2]))


@pytest.fixture(scope="module")
def one_thread():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def subject():
    """The smallest policy that is timed."""
    from bench.sizes import make_subject

    return make_subject("tiny")
