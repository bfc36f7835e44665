# SPDX-License-Identifier: Apache-2.0
"""What pages are shown: the newest, to who looks, and nothing while nobody does."""

import asyncio
import json
import math

from live_server import jpeg

from pam_ros.live.outbox import AHEAD, Outbox, Picture
from pam_ros.live.pages import as_json
from pam_ros.live.said import colours, diagnostics_said, names_and_values, numbers_said


def about(data):
    """Number, JSON and JPEG of a picture as a page gets it."""
    size = int.from_bytes(data[4:6], "big")
    return int.from_bytes(data[:4], "big"), json.loads(data[6 : 6 + size]), data[6 + size :]


def test_what_is_newer_takes_the_place_of_what_waits():
    async def run():
        outbox = Outbox()
        for number in range(5):
            outbox.put("tick", f"tick {number}")
            outbox.put("picture top", Picture(b"{}", b"%d" % number))
        first = await outbox.take()
        assert first[0] == "tick 4"
        assert about(first[1])[::2] == (1, b"4")

    asyncio.run(run())


def test_a_page_that_draws_nothing_is_sent_no_more_pictures():
    async def run():
        outbox, sent = Outbox(), []
        for number in range(20):
            outbox.put("picture top", Picture(b"{}", b"%d" % number))
            outbox.put("tick", "a tick")
            sent += await outbox.take()
        pictures = [each for each in sent if isinstance(each, bytes)]
        assert len(pictures) == AHEAD
        outbox.drawn(about(pictures[-1])[0])
        (newest,) = await outbox.take()
        assert about(newest)[::2] == (AHEAD + 1, b"19")
        outbox.drawn(10_000)  # of pictures that were never sent

    asyncio.run(run())


def test_numbers_that_are_none_are_null():
    assert json.loads(as_json({"a": [math.nan, 1.5], "b": {"c": -math.inf}})) == {
        "a": [None, 1.5],
        "b": {"c": None},
    }


def test_the_robot_is_listened_to_while_somebody_looks(serving, talk):
    served = serving()

    async def look(session):
        hidden = await session.page(look=False)
        await hidden.knows("welcome")
        assert not served.robot.looked
        page = await session.page()
        await page.until(lambda: served.robot.looked)
        served.do(served.server.pages.show_picture, "top", 5.25, jpeg(90))
        await page.until(lambda: page.pictures)
        number, said, data = about(page.pictures[0])
        assert (number, said) == (1, {"camera": "top", "stamp": 5.25})
        assert data == jpeg(90)
        assert hidden.pictures == []
        await page.send(do="look", on=False)
        await page.until(lambda: not served.robot.looked)
        await page.send(do="look", on=True)
        await page.until(lambda: served.robot.looked)
        await page.socket.close()
        await hidden.until(lambda: not served.robot.looked)

    talk(served, look)


def test_a_page_that_sleeps_gets_the_newest_picture_when_it_wakes_and_no_queue(serving, talk):
    served = serving()

    async def sleep(session):
        page = await session.page()
        await page.knows("welcome")
        for level in range(0, 250, 5):
            served.do(served.server.pages.show_picture, "top", float(level), jpeg(level))
            await asyncio.sleep(0.005)
        await page.until(lambda: len(page.pictures) == AHEAD)
        await page.send(do="drawn", n=about(page.pictures[-1])[0])
        await page.until(lambda: len(page.pictures) == AHEAD + 1)
        assert about(page.pictures[-1])[1]["stamp"] == 245.0

    talk(served, sleep)


def test_a_page_that_opens_later_is_told_what_holds_still(serving, talk):
    served = serving()

    async def open_later(session):
        one = await session.page()
        await one.knows("diagnostics")
        other = await session.page()
        assert (await other.knows("parameters"))["values"]["attention_head"] == "mean"
        assert (await other.knows("diagnostics"))["offered"]["chunk"] == 20

    talk(served, open_later)


class Message:
    """As ROS messages have fields."""

    def __init__(self, **fields) -> None:
        self.__dict__.update(fields)


def test_numbers_of_every_command_type_come_by_joint():
    state = Message(name=["a", "b"], position=[0.1, 0.2])
    trajectory = Message(joint_names=["a"], points=[Message(positions=[0.5])])
    plain = Message(data=[1.0, 2.0])
    said = [numbers_said("commanded", *names_and_values(m)) for m in (state, trajectory, plain)]
    assert [each["joints"] for each in said] == [["a", "b"], ["a"], ["value 0", "value 1"]]
    assert [each["values"] for each in said] == [[0.1, 0.2], [0.5], [1.0, 2.0]]
    for nothing in (Message(name=["a"], position=[]), Message(joint_names=["a"], points=[])):
        assert numbers_said("measured", *names_and_values(nothing)) is None


def test_diagnostics_say_what_can_be_chosen():
    values = [Message(key="rate_hz", value="9.9"), Message(key="can_show", value='{"chunk": 4}')]
    said = diagnostics_said(Message(level=b"\x01", message="slow", values=values))
    assert said == {
        "level": 1,
        "message": "slow",
        "values": {"rate_hz": "9.9"},
        "offered": {"chunk": 4},
    }


def test_a_colour_map_is_that_of_the_overlays():
    import cv2
    import numpy as np

    found = np.array(colours("inferno")).reshape(256, 3)
    levels = np.arange(256, dtype=np.uint8)[None]
    expected = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    assert np.array_equal(found, expected[0])
    assert colours("no such") == []
