# SPDX-License-Identifier: Apache-2.0
"""The graph of a live page: what is asked in its order, and errors that end nothing."""

import asyncio
import threading
import time

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from std_srvs.srv import SetBool

from pam_ros.nodes.live import graph as graph_file
from pam_ros.nodes.live.graph import LiveGraph


@pytest.fixture
def spun(domain):
    """Makes executors that a thread of their own spins."""
    made = []
    rclpy.init(args=[])

    def spin():
        executor = SingleThreadedExecutor()
        thread = threading.Thread(target=executor.spin, daemon=True)
        made.append((executor, thread))
        thread.start()
        return executor

    yield spin
    for executor, thread in made:
        executor.shutdown()
        thread.join(10)
    rclpy.try_shutdown()


@pytest.fixture
def asked(spun):
    """What a node that can be enabled was asked, in its order."""

    class Asked(list):
        node = rclpy.create_node("act_attention", allow_undeclared_parameters=True)

    found = Asked()

    def enable(request, answer):
        found.append(request.data)
        answer.success = True
        return answer

    found.node.create_service(SetBool, "~/enable", enable)
    spun().add_node(found.node)
    yield found
    found.node.destroy_node()


def test_a_disabling_that_is_asked_after_an_enabling_comes_after_it(spun, asked, tmp_path):
    executor = spun()
    held, free = threading.Event(), threading.Event()

    def hold_up():
        held.set()
        assert free.wait(60)

    async def ask():
        graph = LiveGraph(executor, "/act_attention", tmp_path)
        while not graph._enable.service_is_ready():
            await asyncio.sleep(0.02)
        executor.create_task(hold_up)
        assert await asyncio.to_thread(held.wait, 60)
        answers = [asyncio.create_task(graph.enable(on=on)) for on in (True, False, True, False)]
        await asyncio.sleep(0)  # each of them has begun, and waits for the executor
        free.set()
        assert all(answer.done for answer in await asyncio.gather(*answers))
        await graph.close()

    asyncio.run(ask())
    assert asked == [True, False, True, False]


class Shown:
    """Pages that only remember what they are shown."""

    def __init__(self):
        self.news = []

    def show(self, kind, values):
        self.news.append((kind, values))

    async def until(self, condition):
        end = time.monotonic() + 90
        while time.monotonic() < end:
            if any(condition(*each) for each in self.news):
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"it was never shown: {self.news}")


def test_looking_goes_on_after_an_error_and_reads_what_no_event_has_told(
    spun, asked, tmp_path, monkeypatch
):
    monkeypatch.setattr(graph_file, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(graph_file, "READ_EVERY_S", 0.2)
    monkeypatch.setattr(LiveGraph, "_on_parameters", lambda *_: None)  # every event is lost
    asked.node.declare_parameter("enabled", False)

    async def look():
        graph, pages = LiveGraph(spun(), "/act_attention", tmp_path), Shown()
        graph.start(pages)
        look_again, failed = graph._listening.look_again, []

        def fail_first():
            if not failed:
                failed.append(True)
                raise ValueError("for a test")
            return look_again()

        graph._listening.look_again = fail_first
        await graph.look(on=True)
        await pages.until(lambda kind, values: kind == "about" and values["there"])
        await pages.until(lambda kind, news: kind == "parameters" and on(news) is False)
        asked.node.set_parameters([Parameter("enabled", value=True)])
        await pages.until(lambda kind, news: kind == "parameters" and on(news) is True)
        await graph.look(on=False)
        # A page that opens later is shown it, though it is no news.
        pages.news.clear()
        await graph.look(on=True)
        await pages.until(lambda kind, news: kind == "parameters" and on(news) is True)
        await graph.close()
        assert failed

    asyncio.run(look())


def on(news):
    return news["values"]["enabled"]


def test_a_parameter_that_an_event_tells_as_new_is_shown(spun, asked, tmp_path, monkeypatch):
    monkeypatch.setattr(graph_file, "LOOK_EVERY_S", 0.05)
    monkeypatch.setattr(graph_file, "READ_EVERY_S", 1e9)

    async def look():
        graph, pages = LiveGraph(spun(), "/act_attention", tmp_path), Shown()
        graph.start(pages)
        await graph.look(on=True)
        await pages.until(lambda kind, _: kind == "parameters")
        while not asked.node.count_subscribers("/parameter_events"):
            await asyncio.sleep(0.01)
        asked.node.declare_parameter("enabled", True)
        await pages.until(lambda kind, news: kind == "parameters" and on(news) is True)
        await graph.close()

    asyncio.run(look())


def test_it_closes_though_a_message_cannot_be_read_meanwhile(spun, live, monkeypatch):
    close = LiveGraph.close

    def unreadable():
        raise ValueError("cannot be read, for a test")

    async def close_then(self):
        self._executor.create_task(unreadable)
        await asyncio.sleep(0.2)
        await close(self)

    monkeypatch.setattr(LiveGraph, "close", close_then)
    served = live()
    served.close()
    assert not served._serving.is_alive()
    assert not served._spinning.is_alive()
    assert served._error is None


def test_what_the_executor_has_no_time_for_is_not_done_later_unless_it_disables(
    spun, asked, tmp_path, monkeypatch
):
    monkeypatch.setattr(graph_file, "ANSWER_S", 0.5)
    executor = spun()
    held, free = threading.Event(), threading.Event()

    def hold_up():
        held.set()
        assert free.wait(60)

    async def ask():
        graph = LiveGraph(executor, "/act_attention", tmp_path)
        while not graph._enable.service_is_ready():
            await asyncio.sleep(0.02)
        executor.create_task(hold_up)
        assert await asyncio.to_thread(held.wait, 60)
        answers = await asyncio.gather(graph.enable(on=True), graph.enable(on=False))
        assert [(answer.done, answer.unknown) for answer in answers] == 2 * [(False, True)]
        free.set()
        while not asked:
            await asyncio.sleep(0.01)
        monkeypatch.setattr(graph_file, "ANSWER_S", 30.0)
        assert (await graph.enable(on=True)).done
        await graph.close()

    asyncio.run(ask())
    assert asked == [False, True]
