# SPDX-License-Identifier: Apache-2.0
"""Servers of the live page with a robot that only remembers, and those who talk to them."""

import asyncio
import sys
from pathlib import Path

import aiohttp
import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "show" / "report")]


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


@pytest.fixture(scope="session")
def browsers():
    """Chromiums that are idle: starting one takes longer than any test."""
    idle = []
    yield idle
    for browser in idle:
        browser.close()


@pytest.fixture
def browse(browsers):
    """Opens a served page, each in a Chromium of its own."""
    from chromium import Browser, find_chromium

    executable = find_chromium()
    if executable is None:
        pytest.skip("no Chromium: install one, or name one by PAM_ROS_CHROMIUM")
    used = []

    def start(address, width=1500, height=950, scheme="dark"):
        browser = browsers.pop() if browsers else Browser(executable)
        used.append(browser)
        phone = width < 500
        browser.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=2 if phone else 1, mobile=phone,
        )  # fmt: skip
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.call("Emulation.setEmulatedMedia", features=features)
        browser.go(address)
        return browser

    yield start
    for browser in used:
        browser.go("about:blank")
    browsers += used
