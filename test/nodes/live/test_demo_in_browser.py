# SPDX-License-Identifier: Apache-2.0
"""The demo arm by the live page, as a person has it: look, choose, enable, watch, tell, disable."""

import pytest
import rclpy
from rclpy.signals import SignalHandlerOptions

from pam_ros.share.folders import find_contract, share_directory

pytestmark = pytest.mark.slow
PATIENCE = 240.0
NOW = "document.getElementById('now').textContent"
STATE = "document.getElementById('state').dataset.state"
GREYS = """(() => {
  const canvas = document.querySelector("canvas[data-camera=top]");
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  return [...data].filter((_, index) => index % 404 === 1);
})()"""
DRAWN = "Number(document.querySelector('canvas[data-camera=top]')?.dataset.drawn || 0)"


def difference(browser, before):
    """Mean difference of the top camera's picture from an earlier one [grey levels]."""
    now = browser.run(GREYS)
    return sum(abs(one - other) for one, other in zip(now, before, strict=True)) / len(now)


@pytest.fixture
def demo(domain, tmp_path):
    """Starts policy and arm of the demo, disabled, as processes of their own."""
    from pam_ros.sim.processes import Processes

    processes = Processes(tmp_path)

    def start(policy, **parameters):
        processes.start(
            "act_attention",
            params_file=share_directory() / "config" / "demo.yaml",
            policy=str(share_directory() / "models" / policy),
            contract=find_contract("demo_arm"),
            engine="eager",
            torch_threads=1,
            attention_method="cross_attention",
            attention_layer=-1,
            attention_head="mean",
            **parameters,
        )
        words = "instruction" in parameters
        processes.start("demo_robot", seed=1000, follows_words=words)
        rclpy.init(args=[], signal_handler_options=SignalHandlerOptions.NO)

    yield start
    rclpy.try_shutdown()
    processes.stop_all()


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("policy", "parameters"),
    [("demo_act", {}), ("demo_smolvla", {"instruction": "reach the red cube"})],
    ids=["act", "smolvla"],
)
def test_a_person_looks_chooses_enables_watches_tells_and_another_disables(
    demo, live, browse, policy, parameters
):
    demo(policy, **parameters)
    served = live()
    browser = browse(served.address)
    browser.wait(f"{DRAWN} > 0", PATIENCE)
    browser.wait(f"{STATE} == 'disabled'", PATIENCE)
    browser.wait("document.querySelector(\"[data-head='3']\") !== null", PATIENCE)

    before = browser.run(GREYS)
    browser.click("[data-head='3']")
    browser.wait(f"{NOW}.includes('head 3')", PATIENCE)
    for _ in range(20):  # a picture of the head before may still be on its way
        drawn = browser.run(DRAWN)
        browser.wait(f"{DRAWN} > {drawn}", PATIENCE)
        if difference(browser, before) > 0:
            break
    assert difference(browser, before) > 0  # the heat of another head; nothing moves

    def click(name):
        browser.wait(f"!document.getElementById('{name}').disabled")
        browser.click(f"#{name}")

    before = browser.run(GREYS)
    click("hold")
    click("enable")
    browser.wait("document.getElementById('ask').open")
    browser.click("#yes")
    browser.wait(f"{STATE} == 'running'", PATIENCE)
    for _ in range(600):
        drawn = browser.run(DRAWN)
        browser.wait(f"{DRAWN} > {drawn}", PATIENCE)
        if difference(browser, before) > 3.0:
            break
    assert difference(browser, before) > 3.0, "the arm did not move"

    if parameters:
        browser.click("#instruction")
        browser.call("Input.insertText", text="reach the blue cube")
        browser.press("Enter")
        browser.wait("document.getElementById('ask').open")
        browser.click("#yes")
        browser.wait(f"{NOW}.includes('told “reach the blue cube”')", PATIENCE)

    other = browse(served.address.partition("#")[0], 390, 844)
    other.wait(f"{STATE} == 'running'", PATIENCE)
    other.click("#disable")
    for page in (browser, other):
        page.wait(f"{STATE} == 'disabled'", PATIENCE)
    server = served.address.removeprefix("http://").partition("/")[0]
    assert browser.problems(server) == other.problems(server) == []
