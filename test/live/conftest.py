# SPDX-License-Identifier: Apache-2.0
"""Servers of the live page with a robot that only remembers, and those who talk to them."""

import asyncio
import sys
from pathlib import Path

import aiohttp
import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "show" / "report")]

from live_browsing import browse, browsers  # noqa: E402, F401  (fixtures)


@pytest.fixture
def serving():
    """Starts servers."""
    from live_server import Serving

    opened = []

    def start(**options):
        opened.append(Serving(**options))
        return opened[-1]

    yield start
    for each in opened:
        each.stop()


@pytest.fixture
def talk():
    """Runs a coroutine that is given a Session of a server."""
    from live_server import Session

    def run(serving, talking):
        async def whole():
            async with aiohttp.ClientSession() as http:
                return await talking(Session(serving, http))

        return asyncio.run(whole())

    return run
