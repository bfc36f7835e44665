# SPDX-License-Identifier: Apache-2.0
"""TF32 is off inside and as before outside, whoever else is inside."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
import torch

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


@pytest.mark.parametrize("context", [full_float32, gradients])
def test_tf32_is_off_inside_and_as_before_after_an_exception(before, context):
    def fails():
        with context():
            assert switches() == (False, False)
            raise KeyError

    with pytest.raises(KeyError):
        fails()
    assert switches() == before


@pytest.mark.parametrize("context", [full_float32, gradients])
def test_a_thread_that_leaves_does_not_turn_tf32_on_for_one_that_is_inside(before, context):
    first_is_in, second_is_in, first_is_out = (threading.Event() for _ in range(3))

    def first():
        with context():
            first_is_in.set()
            assert second_is_in.wait(10)
        first_is_out.set()

    thread = threading.Thread(target=first)
    thread.start()
    assert first_is_in.wait(10)
    with context():
        second_is_in.set()
        assert first_is_out.wait(10)
        assert switches() == (False, False)
    thread.join()
    assert switches() == before


def test_switches_that_are_off_are_left_alone(monkeypatch):
    class Recorded:
        written = 0

        def __init__(self, allowed):
            self._allowed = allowed

        @property
        def allow_tf32(self):
            return self._allowed

        @allow_tf32.setter
        def allow_tf32(self, allowed):
            Recorded.written += 1
            self._allowed = allowed

    monkeypatch.setattr(torch.backends, "cudnn", Recorded(allowed=False))
    monkeypatch.setattr(torch.backends.cuda, "matmul", Recorded(allowed=False))
    with gradients():
        pass
    assert Recorded.written == 0
    monkeypatch.setattr(torch.backends, "cudnn", Recorded(allowed=True))
    with gradients():
        assert not torch.backends.cudnn.allow_tf32
    assert Recorded.written == 2


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
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
