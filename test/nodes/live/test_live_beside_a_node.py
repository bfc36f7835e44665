# SPDX-License-Identifier: Apache-2.0
"""The live page beside the attention node: what it hears, what it asks, what it leaves."""

import asyncio
import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading

import numpy as np
import pytest
import rclpy
from PIL import Image
from sensor_msgs.msg import JointState

from pam_ros.live.errors import LiveError

ATTENTION = "/act_attention/attention"
OVERLAY = "/act_attention/attention/top/image/compressed"
CHUNK = "/act_attention/predicted_chunk"


@pytest.fixture
def robot(attention_robot):
    """A node whose cameras and joints go on."""
    robot = attention_robot()
    robot.spin()
    ended = threading.Event()

    def publish():
        while not ended.wait(0.1):
            robot.observe()

    thread = threading.Thread(target=publish)
    thread.start()
    yield robot
    ended.set()
    thread.join()


def listeners(robot, topic):
    return next(p for p in robot.node.publishers if p.topic_name == topic).get_subscription_count()


def value(robot, name):
    return robot.node.get_parameter(name).value


async def trusted(session):
    page = await session.page(token=session.serving.token)
    assert (await page.knows("welcome"))["trusted"]
    return page


def test_a_page_shows_what_the_node_publishes(robot, live, talk):
    async def look(session):
        page = await trusted(session)
        tick = await page.knows("tick")
        while not tick["valid"]:
            page.news.clear()
            tick = await page.knows("tick")
        shares = {**tick["cameras"], **tick["groups"]}
        assert set(tick["cameras"]) == {"top"}
        assert sum(share or 0 for share in shares.values()) == pytest.approx(1, abs=1e-4)
        assert len(tick["heads"]) == 4
        await page.until(lambda: page.pictures, 60)
        size = int.from_bytes(page.pictures[0][4:6], "big")
        assert json.loads(page.pictures[0][6 : 6 + size])["camera"] == "top"
        assert Image.open(io.BytesIO(page.pictures[0][6 + size :])).size == (96, 64)
        plan = await page.knows("plan")
        assert (plan["steps"], plan["joints"]) == (8, ["pan", "lift"])
        assert np.array(plan["positions"]).shape == (8, 2)
        measured = await page.knows("measured")
        assert dict(zip(measured["joints"], measured["values"], strict=True))["lift"] == 0.2
        offered = (await page.knows("diagnostics"))["offered"]
        assert offered["joints"] == ["pan", "lift"]
        encoder = offered["methods"]["encoder_attention"]
        assert (encoder["stack"], encoder["layers"], encoder["heads"]) == ("encoder", 1, 4)
        assert encoder["queries"] == 2 * 3 + 2  # cells, latent, joint state
        assert offered["methods"]["cross_attention"]["queries"] == 8
        values = (await page.knows("parameters"))["values"]
        assert values["attention_method"] == "rollout"
        assert values["enabled"] is False

    talk(live(), look)


def test_nothing_is_listened_to_unless_somebody_looks(robot, live, talk):
    served = live()
    assert listeners(robot, OVERLAY) == listeners(robot, CHUNK) == 0

    async def look(session):
        page = await trusted(session)
        await page.until(lambda: listeners(robot, OVERLAY) == 1 == listeners(robot, CHUNK), 60)
        await page.send(do="look", on=False)
        await page.until(lambda: listeners(robot, OVERLAY) == 0 == listeners(robot, CHUNK), 60)
        await page.send(do="look", on=True)
        await page.until(lambda: listeners(robot, OVERLAY) == 1, 60)

    talk(served, look)
    assert robot.wait(lambda: listeners(robot, OVERLAY) == 0 == listeners(robot, CHUNK))


def test_a_click_sets_the_nodes_parameters_all_or_none(robot, live, talk):
    async def click(session):
        page = await trusted(session)
        await page.knows("parameters")
        chosen = {"attention_method": "cross_attention", "attention_head": "3"}
        assert (await page.ask("show", values=chosen))["done"]
        await page.until(lambda: page.last("parameters")["values"]["attention_head"] == "3", 60)
        await page.knows("tick")
        await page.until(lambda: page.last("tick")["head"] == "3", 60)
        wrong = {"attention_method": "rollout", "attention_head": "9"}
        refused = await page.ask("show", values=wrong)
        assert not refused["done"]
        assert "attention_head" in refused["words"]

    talk(live(), click)
    assert value(robot, "attention_method") == "cross_attention"
    assert value(robot, "attention_head") == "3"


def test_the_robot_is_enabled_by_its_holder_reset_and_disabled_by_anybody(robot, live, talk):
    commands = robot.listen(JointState, "/joint_commands")

    async def move(session):
        page, other = await trusted(session), await session.page(token="")
        assert "does not hold" in (await page.ask("enable"))["words"]
        assert value(robot, "enabled") is False
        await page.knows("tick")  # before it has heard of the robot, the node does not enable it
        await page.ask("hold")
        answer = await page.ask("enable")
        assert answer["done"], answer
        await page.until(lambda: value(robot, "enabled") and len(commands) > 3, 60)
        await page.knows("commanded")
        assert page.last("commanded")["joints"] == ["pan", "lift"]
        assert (await page.ask("reset"))["words"].startswith("episode")
        assert (await other.ask("disable"))["done"]

    talk(live(), move)
    assert value(robot, "enabled") is False
    assert robot.quiet(commands)


def test_what_the_node_refuses_is_told_with_its_reason(robot, live, talk):
    robot.node.trigger_deactivate()

    async def ask(session):
        page = await trusted(session)
        await page.ask("hold")
        return await page.ask("enable"), await page.ask("say", text="reach the blue cube")

    enabled, told = talk(live(), ask)
    assert not enabled["done"]
    assert enabled["words"].startswith("not enabled: the node is not active")
    assert not told["done"]
    assert "reads no words" in told["words"]


def test_a_node_that_is_not_there_is_told_and_found_when_it_comes(robot, live, talk):
    async def look(session):
        page = await trusted(session)
        about = await page.knows("about")
        assert not about["there"]
        assert "/left/act_attention is not there" in about["words"]
        await page.ask("hold")
        assert "is not there" in (await page.ask("enable"))["words"]
        assert not (await page.ask("disable"))["done"]

    talk(live(target="/left/act_attention"), look)


def test_ending_the_server_disables_what_a_page_had_enabled(robot, live, talk):
    served = live()

    async def move(session):
        page = await trusted(session)
        await page.knows("tick")
        await page.ask("hold")
        answer = await page.ask("enable")
        assert answer["done"], answer
        await asyncio.to_thread(served.close)
        await page.until(lambda: page.closed is not None)

    talk(served, move)
    assert value(robot, "enabled") is False


def test_a_recording_is_made_by_the_holder_and_is_whole_at_the_end(robot, live, talk, tmp_path):
    from pam_ros.bags import BagReader

    served = live()

    async def record(session):
        page = await trusted(session)
        await page.knows("parameters")
        await page.knows("tick")
        before = listeners(robot, ATTENTION)
        await page.ask("hold")
        answer = await page.ask("record", on=True)
        assert answer["done"], answer
        await page.until(lambda: page.last("recording")["bag"], 60)
        bag = page.last("recording")["bag"]
        assert "already" in (await page.ask("record", on=True))["words"]
        folder = tmp_path / "recordings"
        log = folder / "logs" / "recorder.log"
        await page.until(lambda: log.is_file() and "/attention " in log.read_text(), 120)
        # The node has to know of it before it hears anything.
        await page.until(lambda: listeners(robot, ATTENTION) > before, 120)
        begin = (await page.knows("tick"))["tick"]
        await page.until(lambda: page.last("tick")["tick"] > begin + 8, 120)
        assert (await page.ask("record", on=False))["done"]
        return bag

    with BagReader(talk(served, record)) as bag:
        assert bag.topics["/act_attention/attention"].count > 0


def test_a_port_in_use_is_one_sentence_if_it_was_asked_for_and_another_port_if_not(
    robot, live, monkeypatch
):
    from pam_ros.nodes.live import serving

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LiveError, match=f"^port {port} of 127.0.0.1 is in use: name another"):
            live(port=port)
        monkeypatch.setattr(serving, "PORT", port)
        served = live(port=None)
        assert f":{port}/" not in served.address


def test_the_command_prints_its_address_serves_and_ends(domain):
    command = [sys.executable, "-m", "pam_ros.cli", "live", "--port"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [*command, port], env=environment, capture_output=True, text=True, check=False
        )
    assert done.returncode == 1
    assert done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"pam_ros live: port {port} of 127.0.0.1 is in use: ")
    process = subprocess.Popen(
        [*command, "0"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("the live page: http://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    assert not rclpy.ok()
