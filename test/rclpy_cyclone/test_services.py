# SPDX-License-Identifier: Apache-2.0
"""Services and clients."""

import threading

import pytest
from rclpy.exceptions import InvalidServiceNameException
from rclpy.executors import MultiThreadedExecutor
from std_msgs.msg import String
from std_srvs.srv import Empty, SetBool, Trigger


def add_switch(node):
    def switch(request, response):
        response.success = request.data
        response.message = "on" if request.data else "off"
        return response

    return node.create_service(SetBool, "switch", switch)


def test_a_request_gets_its_response(node, spin_until):
    add_switch(node)
    client = node.create_client(SetBool, "switch")
    assert client.wait_for_service(60)
    futures = [client.call_async(SetBool.Request(data=on)) for on in (True, False)]
    assert spin_until(lambda: all(f.done() for f in futures), node)
    assert [f.result().message for f in futures] == ["on", "off"]


def test_empty_requests_work(node, spin_until):
    calls = []

    def note(_, response):
        calls.append(1)
        return response

    node.create_service(Empty, "~/note", note)
    client = node.create_client(Empty, "/subject/note")
    assert client.wait_for_service(60)
    future = client.call_async(Empty.Request())
    assert spin_until(future.done, node)
    assert future.result() == Empty.Response()
    assert calls == [1]


def test_two_clients_get_their_own_responses(node, spin_until):
    add_switch(node)
    clients = [node.create_client(SetBool, "switch") for _ in range(2)]
    assert all(client.wait_for_service(60) for client in clients)
    futures = [
        c.call_async(SetBool.Request(data=d)) for c, d in zip(clients, (True, False), strict=True)
    ]
    assert spin_until(lambda: all(f.done() for f in futures), node)
    assert [f.result().success for f in futures] == [True, False]


def test_a_blocking_call_returns_while_another_thread_spins(node):
    add_switch(node)
    client = node.create_client(SetBool, "switch")
    executor = MultiThreadedExecutor(2)
    executor.add_node(node)
    thread = threading.Thread(target=executor.spin, daemon=True)
    thread.start()
    assert client.wait_for_service(60)
    assert client.call(SetBool.Request(data=True), timeout_sec=60).message == "on"
    executor.shutdown()
    thread.join(60)
    assert not thread.is_alive()


def test_a_call_without_answer_times_out(node):
    client = node.create_client(Trigger, "nobody")
    assert client.call(Trigger.Request(), timeout_sec=0.1) is None
    assert not client._pending_requests


def test_wait_for_service_gives_up(node):
    assert node.create_client(Trigger, "nobody").wait_for_service(timeout_sec=0.2) is False


def test_the_service_goes_away_with_its_server(node, spin_until):
    service = add_switch(node)
    client = node.create_client(SetBool, "switch")
    assert client.wait_for_service(60)
    node.destroy_service(service)
    assert spin_until(lambda: not client.service_is_ready(), node)


def test_a_coroutine_can_serve_and_call(node, spin_until):
    client = node.create_client(SetBool, "switch")
    add_switch(node)

    async def relay(_, response):
        inner = await client.call_async(SetBool.Request(data=True))
        response.message = f"relayed {inner.message}"
        return response

    from rclpy.callback_groups import ReentrantCallbackGroup

    node.create_service(Trigger, "relay", relay, callback_group=ReentrantCallbackGroup())
    caller = node.create_client(Trigger, "relay", callback_group=ReentrantCallbackGroup())
    assert client.wait_for_service(60)
    assert caller.wait_for_service(60)
    future = caller.call_async(Trigger.Request())
    assert spin_until(future.done, node)
    assert future.result().message == "relayed on"


def test_wrong_types_are_refused(node):
    client = node.create_client(SetBool, "switch")
    with pytest.raises(TypeError):
        client.call_async(Trigger.Request())
    with pytest.raises(RuntimeError, match="might be a message or action"):
        node.create_client(String, "switch")
    with pytest.raises(InvalidServiceNameException):
        node.create_service(SetBool, "a b", lambda q, r: r)


def test_an_exception_in_a_service_leaves_spin(node, executor):
    def fail(_request, _response):
        raise ValueError("broken service")

    node.create_service(Trigger, "fail", fail)
    client = node.create_client(Trigger, "fail")
    assert client.wait_for_service(60)
    client.call_async(Trigger.Request())
    executor.add_node(node)
    with pytest.raises(ValueError, match="broken service"):
        for _ in range(100):
            executor.spin_once(0.1)
