# SPDX-License-Identifier: Apache-2.0
"""Who is let in, and what each may do: tokens, other sites, other names, floods."""

import json

import aiohttp
import pytest

from pam_ros.live import requests
from pam_ros.live.admission import Admission, is_local, new_token
from pam_ros.live.flood import AT_ONCE, MESSAGE_BYTES, PER_SECOND, Allowance
from pam_ros.live.pages import MOST
from pam_ros.policy import words


def test_tokens_are_long_and_never_the_same():
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 32


def test_a_token_is_known_whatever_else_is_sent_in_its_place():
    admission = Admission("127.0.0.1", "right")
    assert admission.knows("right")
    for wrong in ("", "righ", "right ", "wrong", None, 7, ["right"], "\ud800"):
        assert not admission.knows(wrong)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8765", "localhost:1", "[::1]:8765"])
def test_this_machine_is_known_by_its_own_names(host):
    assert Admission("127.0.0.1", "t").host_refused(host) == ""


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "192.168.0.7", "", "[", "a@b"],
)
def test_another_name_for_this_machine_is_refused(host):
    assert "is not called" in Admission("127.0.0.1", "t").host_refused(host)


def test_a_server_for_others_is_reached_by_address_and_by_the_names_that_it_was_given():
    admission = Admission("::", "t", ["Robot.lab"])
    for host in ("192.168.0.7:8765", "[fe80::1]:8765", "robot.lab"):
        assert admission.host_refused(host) == ""
    assert admission.host_refused("evil.example:8765")
    assert admission.must_know_to_look
    assert not Admission("127.0.0.1", "t").must_know_to_look


def test_local_addresses():
    assert all(map(is_local, ("127.0.0.1", "localhost", "::1", "127.8.8.8")))
    assert not any(map(is_local, ("::", "192.168.0.7", "robot.lab")))


def test_only_the_pages_own_origin_connects():
    admission = Admission("127.0.0.1", "t")
    assert admission.origin_refused("http://127.0.0.1:8765", "127.0.0.1:8765") == ""
    assert admission.origin_refused(None, "127.0.0.1:8765") == ""
    for origin in ("http://evil.example", "null", "http://127.0.0.1:8766", "file://", ""):
        assert admission.origin_refused(origin, "127.0.0.1:8765")


def test_an_allowance_is_used_up_and_fills_again():
    now = [0.0]
    allowance = Allowance(lambda: now[0])
    assert all(allowance.take() for _ in range(int(AT_ONCE)))
    assert not allowance.take()
    now[0] += 10 / PER_SECOND
    assert [allowance.take() for _ in range(11)] == [True] * 10 + [False]


def test_every_answer_forbids_frames_other_hosts_and_keeping(serving, talk):
    served = serving()

    async def look(session):
        found = {}
        for path in ("", "files/main.js", "files/chart.js", "files/no", "files/..%2Fserver.py"):
            async with session.http.get(served.url + path) as answer:
                found[path] = (answer.status, answer.headers)
        return found

    found = talk(served, look)
    assert [status for status, _ in found.values()] == [200, 200, 200, 404, 404]
    for _, headers in found.values():
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "http" not in policy
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Cache-Control"] == "no-store"


def test_a_name_that_has_come_to_mean_this_machine_gets_nothing(serving, talk):
    served = serving()

    async def rebind(session):
        evil = {"Host": f"evil.example:{served.port}"}
        async with session.http.get(served.url, headers=evil) as answer:
            text = await answer.text()
            assert (answer.status, "is not called" in text) == (403, True)
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.page(Host=evil["Host"], Origin=f"http://{evil['Host']}")
        assert refused.value.status == 403

    talk(served, rebind)
    assert served.robot.asked == []


def test_a_page_of_another_site_cannot_connect_even_with_the_token(serving, talk):
    served = serving()

    async def attack(session):
        for origin in ("https://evil.example", "null", f"http://127.0.0.1:{served.port + 1}"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.page(Origin=origin)
            assert refused.value.status == 403

    talk(served, attack)
    assert not served.robot.looked


def test_a_form_of_another_site_finds_nothing_to_post_to(serving, talk):
    served = serving()

    async def post(session):
        for path in ("", "ws", "files/main.js"):
            async with session.http.post(served.url + path, data={"do": "enable"}) as answer:
                assert answer.status == 405

    talk(served, post)
    assert served.robot.asked == []


@pytest.mark.parametrize("token", ["", "wrong", None, 7])
def test_without_the_token_a_page_looks_and_disables_and_no_more(serving, talk, token):
    served = serving()

    async def ask(session):
        page = await session.page(token=token)
        welcome = await page.knows("welcome")
        assert not welcome["trusted"]
        await page.knows("parameters")
        for word, values in (
            ("hold", {}), ("enable", {}), ("reset", {}), ("say", {"text": "go"}),
            ("record", {"on": True}), ("show", {"values": {"overlay_alpha": 0.5}}),
        ):  # fmt: skip
            answer = await page.ask(word, **values)
            assert not answer["done"]
            assert "token" in answer["words"]
        return await page.ask("disable")

    assert talk(served, ask)["done"]
    assert served.robot.asked == [("enable", False)]


def test_where_others_reach_it_nothing_is_seen_without_the_token(serving, talk):
    served = serving(host="::", names=["127.0.0.1"])

    async def look(session):
        page = await session.page(token="wrong")
        await page.until(lambda: page.closed is not None)
        assert page.closed == aiohttp.WSCloseCode.POLICY_VIOLATION
        assert page.news == []
        trusted = await session.page()
        assert (await trusted.knows("welcome"))["trusted"]

    talk(served, look)


def test_a_flood_is_closed_with_its_reason_and_nobody_else_feels_it(serving, talk):
    served = serving()

    async def flood(session):
        bystander, flooding = await session.page(), await session.page()
        await flooding.knows("welcome")
        for _ in range(int(AT_ONCE) + 5000):
            if flooding.closed is not None or flooding.socket.closed:
                break
            await flooding.send(do="drawn", n=1)
        await flooding.until(lambda: flooding.closed is not None)
        assert flooding.closed == aiohttp.WSCloseCode.POLICY_VIOLATION
        assert (await bystander.ask("hold"))["done"]
        assert (await bystander.ask("enable"))["done"]

    talk(served, flood)
    assert served.robot.asked[0] == ("enable", True)


def test_a_message_that_is_too_long_or_none_closes_its_page(serving, talk):
    served = serving()

    async def send(session):
        for text in ("x" * (MESSAGE_BYTES + 1), "[" * 3000, "7", "nothing", '{"do": "beat"'):
            page = await session.page()
            await page.knows("welcome")
            await page.socket.send_str(text)
            await page.until(lambda page=page: page.closed is not None)
        page = await session.page()
        await page.knows("welcome")
        await page.socket.send_bytes(b"{}")
        await page.until(lambda: page.closed is not None)
        silent = await session.http.ws_connect(f"{served.url}ws")
        await silent.send_str(json.dumps(["hello"]))
        assert (await silent.receive()).type is aiohttp.WSMsgType.CLOSE

    talk(served, send)
    assert served.robot.asked == []


@pytest.mark.parametrize(
    "request_",
    [
        {"do": "shutdown"},
        {"do": "show", "values": {"enabled": True}},
        {"do": "show", "values": {"instruction": "go"}},
        {"do": "show", "values": {"overlay_alpha": True}},
        {"do": "show", "values": {"attention_layer": "0"}},
        {"do": "show", "values": {}},
        {"do": "show", "values": {"attention_head": "x" * (requests.TEXT_CHARACTERS + 1)}},
        {"do": "say", "text": 7},
        {"do": "say", "text": "x" * (requests.TEXT_CHARACTERS + 1)},
    ],
)
def test_what_no_page_of_this_server_asks_is_answered_and_not_done(serving, talk, request_):
    served = serving()

    async def ask(session):
        page = await session.page()
        await page.ask("hold")
        return await page.ask(request_.pop("do"), **request_)

    assert not talk(served, ask)["done"]
    assert served.robot.asked == []


def test_more_pages_than_there_may_be_are_turned_away(serving, talk):
    served = serving()

    async def open_them(session):
        pages = [await session.page() for _ in range(MOST)]
        for page in pages:
            await page.knows("welcome")
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.page()
        assert refused.value.status == 503
        await pages[0].socket.close()
        await pages[1].until(lambda: len(served.server._sockets) < MOST)
        return await session.page()

    assert talk(served, open_them)


def test_an_instruction_may_be_as_long_as_a_policy_takes_it():
    assert requests.TEXT_CHARACTERS == words.LONGEST
