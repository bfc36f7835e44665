# SPDX-License-Identifier: Apache-2.0
"""Opens the node displays with a peer."""

import pytest
from displays_looker import Looker


@pytest.fixture
def looker(domain):
    opened = []

    def start(*arguments):
        opened.append(Looker(*arguments))
        return opened[-1]

    yield start
    for one in opened:
        one.close()
