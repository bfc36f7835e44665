# SPDX-License-Identifier: Apache-2.0
"""One page holds the robot; it moves on purpose, and no longer than somebody is there."""

import asyncio

import pytest

from pam_ros.live import holding as holding_file
from pam_ros.live import requests as requests_file
from pam_ros.live import server as server_file
from pam_ros.live.holding import LEASE_S, Holding
from pam_ros.live.requests import STALE_BEATS


@pytest.fixture
def short(monkeypatch):
    """Beats and leases that a test waits for."""
    monkeypatch.setattr(holding_file, "LEASE_S", 1.0)
    monkeypatch.setattr(server_file, "SILENT_S", 1.0)
    monkeypatch.setattr(server_file, "BEAT_S", 0.1)
    monkeypatch.setattr(requests_file, "STALE_BEATS", 3)


def test_a_lease_ends_after_its_time_and_not_before():
    now = [0.0]
    holding = Holding(lambda: now[0])
    assert holding.take("one", "a page").done
    assert holding.holds("one")
    assert not holding.take("other", "another").done
    holding.gone("one")
    assert not holding.holds("one")
    now[0] = LEASE_S - 0.01
    assert not holding.over()
    assert holding.back("one")
    holding.gone("one")
    now[0] += LEASE_S
    assert holding.over()
    assert not holding.back("one")
    holding.enabled_by_holder = True
    assert holding.release()
    assert holding.take("other", "another").done
    assert not holding.release()


def test_a_second_page_that_wants_the_robot_is_told_who_has_it(serving, talk):
    served = serving()

    async def both(session):
        one, other = await session.page(), await session.page()
        assert (await one.ask("hold"))["done"]
        answer = await other.ask("hold")
        assert not answer["done"]
        assert "another page holds the robot: a page at 127.0.0.1, opened" in answer["words"]
        for word in ("enable", "reset", "record"):
            assert "does not hold" in (await other.ask(word, on=True))["words"]
        assert "does not hold" in (await other.ask("say", text="go"))["words"]
        await other.until(lambda: other.last("holding")["by"] != "")
        assert not other.last("holding")["mine"]
        assert one.last("holding")["mine"]
        assert (await one.ask("release"))["done"]
        assert (await other.ask("hold"))["done"]

    talk(served, both)
    assert served.robot.asked == []


def test_who_takes_the_robot_over_finds_it_disabled(serving, talk):
    served = serving()

    async def both(session):
        one, other = await session.page(), await session.page()
        await one.ask("hold")
        assert (await one.ask("enable"))["done"]
        assert (await other.ask("hold", over=True))["done"]
        await one.until(lambda: not one.last("holding")["mine"])
        assert not (await one.ask("enable"))["done"]

    talk(served, both)
    assert served.robot.asked == [("enable", True), ("enable", False)]


def test_every_page_disables_at_once_while_another_holds(serving, talk):
    served = serving()

    async def both(session):
        one, other = await session.page(), await session.page(token="")
        await one.ask("hold")
        await one.ask("enable")
        assert (await other.ask("disable"))["done"]
        assert "disabled by" in (await one.knows("said"))["words"]

    talk(served, both)
    assert served.robot.asked == [("enable", True), ("enable", False)]


def test_what_holds_asks_and_is_done(serving, talk):
    served = serving()

    async def ask(session):
        page = await session.page()
        await page.ask("hold")
        for word, values in (
            ("enable", {}), ("reset", {}), ("say", {"text": " reach  the blue cube "}),
            ("record", {"on": True}), ("show", {"values": {"attention_head": "3"}}),
        ):  # fmt: skip
            assert (await page.ask(word, **values))["done"], word
        refused = await page.ask("show", values={"attention_head": "7"})
        assert not refused["done"]
        assert "refused" in refused["words"]

    talk(served, ask)
    assert served.robot.asked[:5] == [
        ("enable", True), ("reset",), ("say", "reach the blue cube"), ("record", True),
        ("show", {"attention_head": "3"}),
    ]  # fmt: skip


def test_a_request_that_was_held_up_on_its_way_moves_nothing(serving, talk, short):
    served = serving()

    async def ask(session):
        page = await session.page()
        await page.ask("hold")
        old = page.beat
        await page.until(lambda: page.beat > old + STALE_BEATS)
        for beat in (old, None, "7", -1):
            answer = await page.ask("enable", beat=beat)
            assert "too late" in answer["words"]
        assert served.robot.asked == []
        assert (await page.ask("enable"))["done"]

    talk(served, ask)


def test_a_page_that_closes_lets_go_at_once_and_what_it_had_enabled_is_disabled(serving, talk):
    served = serving()

    async def ask(session):
        one, other = await session.page(), await session.page()
        await one.ask("hold")
        await one.ask("enable")
        await one.send(do="bye")
        assert "let go: disabled" in (await other.knows("said"))["words"]
        assert (await other.ask("hold"))["done"]

    talk(served, ask)
    assert served.robot.asked == [("enable", True), ("enable", False)]


def test_what_somebody_else_enabled_goes_on_when_a_page_closes(serving, talk, short):
    served = serving()
    served.robot.enabled = True

    async def ask(session):
        one, other = await session.page(), await session.page()
        await one.ask("hold")
        await one.socket.close()
        await other.until(lambda: other.last("holding")["by"] == "", 60)

    talk(served, ask)
    assert served.robot.asked == []
    assert served.robot.enabled


def test_a_browser_that_sleeps_loses_the_robot_which_stops(serving, talk, short):
    served = serving()

    async def sleep(session):
        page = await session.page()
        await page.ask("hold")
        await page.ask("enable")
        page.answers_beats = False  # a machine that sleeps answers nothing, and closes nothing
        await page.until(lambda: ("enable", False) in served.robot.asked, 60)
        # It wakes: what it was about to send comes now.
        await page.until(lambda: page.closed is not None)
        awake = await session.page(former=(page.last("welcome"))["page"])
        await awake.knows("holding")
        assert not awake.last("holding")["mine"]
        answer = await awake.ask("enable")
        assert "does not hold" in answer["words"]

    talk(served, sleep)
    assert served.robot.asked == [("enable", True), ("enable", False)]


def test_a_connection_that_breaks_and_comes_back_keeps_the_robot(serving, talk, short):
    served = serving()

    async def flicker(session):
        page = await session.page()
        await page.ask("hold")
        await page.ask("enable")
        name = page.last("welcome")["page"]
        page.socket._writer.transport.abort()  # as a network that is gone for a moment
        back = await session.page(former=name)
        await back.until(lambda: back.last("holding") is not None and back.last("holding")["mine"])
        await asyncio.sleep(2.5)  # more than a lease
        assert (await back.ask("reset"))["done"]

    talk(served, flicker)
    assert served.robot.asked == [("enable", True), ("reset",)]


def test_nobody_comes_back_as_a_page_whose_name_they_do_not_know(serving, talk):
    served = serving()

    async def steal(session):
        page = await session.page()
        await page.ask("hold")
        name = page.last("welcome")["page"]
        await page.socket.close()
        for former, token in (("guess", None), (name, ""), (7, None)):
            thief = await session.page(former=former, **({} if token is None else {"token": token}))
            await thief.knows("holding")
            assert not thief.last("holding")["mine"]

    talk(served, steal)


def test_enabling_that_takes_its_time_ends_if_the_page_has_gone_meanwhile(serving, talk):
    served = serving()
    served.robot.slow = 1.0

    async def leave(session):
        page, other = await session.page(), await session.page()
        await page.ask("hold")
        await page.send(do="enable", id=99, beat=page.beat)
        await other.until(lambda: ("enable", True) in served.robot.asked)
        await page.send(do="bye")
        await other.until(lambda: served.robot.asked[-1] == ("enable", False))

    talk(served, leave)
    assert not served.robot.enabled


def test_a_page_left_open_over_a_restart_holds_nothing_and_moves_nothing(serving, talk):
    served = serving()

    async def before(session):
        page = await session.page()
        await page.ask("hold")
        await page.ask("enable")
        welcome = page.last("welcome")
        served.stop()
        await page.until(lambda: page.closed is not None)
        return welcome["page"]

    name = talk(served, before)
    # It ends orderly: nobody is there who meant the robot to move.
    assert served.robot.asked == [("enable", True), ("enable", False)]
    served.token = "that of another start"
    served.start()

    async def after(session):
        page = await session.page(former=name)  # with the token of before
        welcome = await page.knows("welcome")
        assert not welcome["trusted"]
        assert "printed at its start" in welcome["why"]
        await page.knows("holding")
        assert not page.last("holding")["mine"]
        assert not (await page.ask("hold"))["done"]
        assert not (await page.ask("enable"))["done"]

    talk(served, after)
    assert served.robot.asked == [("enable", True), ("enable", False)]
