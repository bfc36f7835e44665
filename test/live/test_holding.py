# SPDX-License-Identifier: Apache-2.0
"""One page holds the robot; it moves on purpose, and no longer than somebody is there."""

import asyncio
import time

import pytest

from pam_ros.live import holding as holding_file
from pam_ros.live import requests as requests_file
from pam_ros.live import server as server_file
from pam_ros.live.holding import LEASE_S, Holding
from pam_ros.live.requests import OWED, STALE_BEATS
from pam_ros.live.robot import Answer


@pytest.fixture
def short(monkeypatch):
    """Beats and leases that a test waits for. Nobody is late: that takes as long as it does."""
    monkeypatch.setattr(holding_file, "LEASE_S", 1.0)
    monkeypatch.setattr(server_file, "BEAT_S", 0.1)
    monkeypatch.setattr(requests_file, "STALE_BEATS", 100)


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
        await other.until(lambda: other.holder)
        assert not other.last("holding")["mine"]
        await one.until(lambda: one.last("holding")["mine"])
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


def test_a_request_that_was_held_up_on_its_way_moves_nothing(serving, talk):
    served = serving()

    async def ask(session):
        page = await session.page()
        await page.ask("hold")
        old = page.beat
        await page.until(lambda: page.beat > old + STALE_BEATS)
        for beat in (old, None, "7", -1, True, 10**9):
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
        await other.until(lambda: other.holder)
        await one.socket.close()
        await other.until(lambda: other.holder == "", 60)

    talk(served, ask)
    assert served.robot.asked == []
    assert served.robot.enabled


def test_a_browser_that_sleeps_loses_the_robot_which_stops(serving, talk, short, monkeypatch):
    served = serving()

    async def sleep(session):
        page = await session.page()
        await page.ask("hold")
        assert (await page.ask("enable"))["done"]
        page.answers_beats = False  # a machine that sleeps answers nothing, and closes nothing
        with monkeypatch.context() as impatient:
            impatient.setattr(server_file, "SILENT_S", 1.0)
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


def test_a_connection_that_breaks_and_comes_back_keeps_the_robot(serving, talk, monkeypatch):
    monkeypatch.setattr(server_file, "BEAT_S", 0.1)
    monkeypatch.setattr(requests_file, "STALE_BEATS", 100)
    served = serving()

    async def flicker(session):
        page = await session.page()
        await page.ask("hold")
        assert (await page.ask("enable"))["done"]
        name = page.last("welcome")["page"]
        page.socket._writer.transport.abort()  # as a network that is gone for a moment
        back = await session.page(former=name)
        await back.until(lambda: back.last("holding")["mine"])
        now = time.monotonic()
        monkeypatch.setattr(served.server._holding, "_clock", lambda: now + 3 * LEASE_S)
        old = back.beat
        await back.until(lambda: back.beat > old + 3)  # each ends what is over
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
    served.robot.held_up.add(True)

    async def leave(session):
        page, other = await session.page(), await session.page()
        await page.ask("hold")
        await page.send(do="enable", id=99, beat=page.beat)
        await other.until(lambda: ("enable", True) in served.robot.asked)
        await page.send(do="bye")
        await other.until(lambda: ("enable", False) in served.robot.asked)
        served.robot.held_up.clear()
        ends = [("enable", True), ("enable", False), ("enable", False)]
        await other.until(lambda: served.robot.asked == ends and not served.robot.enabled)

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


def test_a_disabling_that_fails_when_a_page_goes_is_tried_until_it_is_done(serving, talk, short):
    served = serving()
    served.robot.answers[False] = Answer(False, "no answer, for a test", unknown=True)

    async def leave(session):
        one, other = await session.page(), await session.page()
        await one.ask("hold")
        assert (await one.ask("enable"))["done"]
        await one.send(do="bye")
        await other.until(lambda: served.robot.asked.count(("enable", False)) >= 3)
        assert served.robot.enabled
        for over in (False, True):
            assert await other.ask("hold", over=over) | {"id": 0} == {
                "kind": "answer 1" if not over else "answer 2", "id": 0, "done": False,
                "words": OWED,
            }  # fmt: skip
        del served.robot.answers[False]
        await other.until(lambda: not served.robot.enabled)
        await other.until(lambda: "disabled now" in other.last("said")["words"])
        count = len(served.robot.asked)
        old = other.beat
        await other.until(lambda: other.beat > old + 3)
        assert len(served.robot.asked) == count
        assert (await other.ask("hold"))["done"]

    talk(served, leave)


@pytest.mark.parametrize(("unknown", "ends"), [(True, [("enable", False)]), (False, [])])
def test_an_enabling_whose_answer_is_lost_ends_with_its_page_and_a_refused_one_is_none(
    serving, talk, unknown, ends
):
    served = serving()
    served.robot.answers[True] = Answer(False, "not done, for a test", unknown=unknown)

    async def leave(session):
        page = await session.page()
        await page.ask("hold")
        assert not (await page.ask("enable"))["done"]
        assert (await page.ask("release"))["done"]

    talk(served, leave)
    assert served.robot.asked == [("enable", True), *ends]


def test_a_page_that_goes_while_it_takes_the_robot_over_does_not_hold_it(serving, talk, short):
    served = serving()
    served.robot.held_up.add(False)

    async def leave(session):
        one, other, third = [await session.page() for _ in range(3)]
        await one.ask("hold")
        await one.ask("enable")
        await other.send(do="hold", id=99, over=True)
        await third.until(lambda: ("enable", False) in served.robot.asked)
        old = third.beat
        await other.socket.close()
        # Beats do not wait for the disabling.
        await third.until(lambda: third.beat > old + 3)
        assert served.robot.enabled
        served.robot.held_up.clear()
        assert (await third.ask("hold"))["done"]

    talk(served, leave)
    assert not served.robot.enabled


def test_a_beat_that_fails_is_not_the_last(serving, talk, short, monkeypatch, caplog):
    served = serving()
    failed = []

    def over(_):
        failed.append(True)
        raise RuntimeError("for a test")

    async def wait(session):
        page = await session.page()
        with monkeypatch.context() as broken:
            broken.setattr(Holding, "over", over)
            await page.until(lambda: failed)
        old = page.beat
        await page.until(lambda: page.beat > old + 2)

    talk(served, wait)
    assert "a beat of the live page failed" in caplog.text


@pytest.mark.parametrize(
    "text",
    [
        '{"do": "say", "id": 7, "beat": BEAT, "text": "\\ud800"}',
        '{"do": "say", "id": 7, "beat": BEAT, "text": "a\\u0000b"}',
        '{"do": "show", "id": 7, "values": {"overlay_alpha": 1e999}}',
        '{"do": "show", "id": 7, "values": {"overlay_alpha": 1' + 400 * "0" + "}}",
        '{"do": "show", "id": 7, "values": {"attention_layer": 1' + 30 * "0" + "}}",
        '{"do": "show", "id": 7, "values": {"attention_head": "\\udfff"}}',
        '{"do": ["show"], "id": 7}',
    ],
)
def test_what_is_no_number_and_no_text_is_answered_and_not_done(serving, talk, text):
    served = serving()

    async def ask(session):
        page = await session.page()
        await page.ask("hold")
        answer = page._answers[7] = asyncio.get_running_loop().create_future()
        await page.socket.send_str(text.replace("BEAT", str(page.beat)))
        return await asyncio.wait_for(answer, 20)

    assert not talk(served, ask)["done"]
    assert served.robot.asked == []


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_what_json_does_not_know_closes_the_page_with_a_sentence(serving, talk, word):
    served = serving()

    async def ask(session):
        page = await session.page()
        await page.knows("welcome")
        await page.socket.send_str(
            f'{{"do": "show", "id": 7, "values": {{"overlay_alpha": {word}}}}}'
        )
        await page.until(lambda: page.closed is not None)
        return page.closed

    assert talk(served, ask) == 1008
    assert served.robot.asked == []


def test_a_request_that_fails_here_is_answered(serving, talk, monkeypatch):
    served = serving()

    async def reset():
        raise OSError("for a test")

    monkeypatch.setattr(served.robot, "reset", reset)

    async def ask(session):
        page = await session.page()
        await page.ask("hold")
        return await page.ask("reset")

    answer = talk(served, ask)
    assert not answer["done"]
    assert "for a test" in answer["words"]
