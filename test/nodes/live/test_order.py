# SPDX-License-Identifier: Apache-2.0
"""What a page asks reaches the robot in the order in which it was asked."""

import asyncio
import threading

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from std_srvs.srv import SetBool

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
    found = []

    def enable(request, answer):
        found.append(request.data)
        answer.success = True
        return answer

    node = rclpy.create_node("act_attention")
    node.create_service(SetBool, "~/enable", enable)
    spun().add_node(node)
    yield found
    node.destroy_node()


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
