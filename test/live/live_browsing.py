# SPDX-License-Identifier: Apache-2.0
"""Fixtures that open served pages in Chromium."""

import pytest


@pytest.fixture(scope="session")
def browsers():
    """Chromiums that are idle: starting one takes longer than any test."""
    idle: list = []
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
