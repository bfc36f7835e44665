# SPDX-License-Identifier: Apache-2.0
"""TF32 is off inside and as before outside, whoever else is inside."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest
import torch

from pam_ros.policy.act.explaining_stream import _stream
from pam_ros.policy.act.path import gradients
from pam_ros.policy.full_float32 import full_float32


def switches():
    return torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32


@pytest.fixture(params=[(True, True), (True, False), (False, False)])
def before(request):
    kept = switches()
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = request.param
    yield request.param
    torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32 = kept


def test_tf32_is_off_inside_and_as_before_after_an_exception(before):
    def fails():
        with full_float32():
            assert switches() == (False, False)
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert switches() == before


def test_a_thread_that_leaves_does_not_turn_tf32_on_for_one_that_is_inside(before):
    first_is_in, second_is_in, first_is_out = (threading.Event() for _ in range(3))

    def first():
        with full_float32():
            first_is_in.set()
            assert second_is_in.wait(60)
        first_is_out.set()

    thread = threading.Thread(target=first)
    thread.start()
    assert first_is_in.wait(60)
    with full_float32():
        second_is_in.set()
        assert first_is_out.wait(60)
        assert switches() == (False, False)
    thread.join()
    assert switches() == before


class Recorded:
    """Switches that count how often anybody writes them."""

    def __init__(self, allowed):
        self.written = 0
        self._allowed = allowed

    @property
    def allow_tf32(self):
        return self._allowed

    @allow_tf32.setter
    def allow_tf32(self, allowed):
        self.written += 1
        self._allowed = allowed


@pytest.fixture
def recorded(monkeypatch):
    """Of cudnn and of matrix products."""

    def record(*allowed):
        switches = [Recorded(one) for one in allowed]
        monkeypatch.setattr(torch.backends, "cudnn", switches[0])
        monkeypatch.setattr(torch.backends.cuda, "matmul", switches[1])
        return switches

    return record


def test_switches_that_are_off_are_left_alone(recorded):
    cudnn, matmul = recorded(False, False)
    with full_float32():
        pass
    assert (cudnn.written, matmul.written) == (0, 0)
    cudnn, matmul = recorded(True, False)
    with full_float32():
        assert not cudnn.allow_tf32
    assert (cudnn.written, matmul.written) == (2, 0)


def test_gradients_on_the_cpu_switch_nothing_for_other_threads(recorded):
    cudnn, matmul = recorded(True, True)
    with torch.inference_mode(), gradients("cpu"):
        assert torch.is_grad_enabled()
        assert not torch.is_inference_mode_enabled()
    assert (cudnn.written, matmul.written) == (0, 0)


@pytest.mark.parametrize("exact", [True, False])
def test_on_cuda_they_have_a_stream_and_full_float32_is_to_be_asked_for(
    recorded, monkeypatch, exact
):
    cudnn, matmul = recorded(True, True)
    calls = []

    class Stream:
        def __init__(self, device, priority):
            calls.append(f"{device} of priority {priority}")

        def wait_stream(self, other):
            calls.append(f"waits for {other}")

        def synchronize(self):
            calls.append("ends")

    @contextmanager
    def current(_):
        calls.append("in")
        yield
        calls.append("out")

    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", current)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: f"{device}'s")
    _stream.cache_clear()
    for _ in range(2):
        with gradients("cuda:1", exact=exact):
            calls.append("computes")
            assert cudnn.allow_tf32 == matmul.allow_tf32 == (not exact)
    _stream.cache_clear()
    once = ["waits for cuda:1's", "in", "computes", "out", "ends"]
    assert calls == ["cuda:1 of priority 0", *once, *once]
    assert cudnn.allow_tf32 is matmul.allow_tf32 is True


@pytest.mark.skipif(
    not hasattr(torch.backends.cuda.matmul, "fp32_precision"), reason="PyTorch is older"
)
def test_the_newer_switches_work_too():
    """In a process of its own: once used, they cannot be unused."""
    script = """
import torch
from pam_ros.policy.full_float32 import full_float32
conv, matmul = torch.backends.cudnn.conv, torch.backends.cuda.matmul
conv.fp32_precision = matmul.fp32_precision = "tf32"
with full_float32():
    assert (conv.fp32_precision, matmul.fp32_precision) == ("ieee", "ieee")
assert (conv.fp32_precision, matmul.fp32_precision) == ("tf32", "tf32")
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=200)
