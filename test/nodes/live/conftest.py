# SPDX-License-Identifier: Apache-2.0
"""The live page beside a running attention node."""

import sys
from pathlib import Path

import pytest

TEST = Path(__file__).parents[2]
sys.path[:0] = [str(TEST / "live"), str(TEST / "show" / "report")]

from live_browsing import browse, browsers  # noqa: E402, F401  (fixtures)


@pytest.fixture
def live(tmp_path):
    """Serves the page of a node of this process's ROS context."""
    from pam_ros.nodes.live.serving import Live, LiveOptions

    opened = []

    def start(**options):
        options = {"port": 0, "record_to": tmp_path / "recordings", **options}
        opened.append(Live(LiveOptions(**options)))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


@pytest.fixture
def talk():
    """Runs a coroutine that is given a Session of a served page."""
    import asyncio

    import aiohttp
    from live_server import Session

    class Address:
        def __init__(self, live) -> None:
            self.url, _, self.token = live.address.partition("#token=")

    def run(live, talking):
        async def whole():
            async with aiohttp.ClientSession() as http:
                return await talking(Session(Address(live), http))

        return asyncio.run(whole())

    return run
