# SPDX-License-Identifier: Apache-2.0
"""Compiled models in a process of their own."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from engine_checks import needs_openvino
from torch import nn

from pam_ros.policy.act import explaining_pass
from pam_ros.policy.act.explaining_pass import traced
from pam_ros.policy.engines import models_apart
from pam_ros.policy.engines.model_process import NICE
from pam_ros.policy.engines.models_apart import ModelsApart
from pam_ros.policy.engines.openvino_model import Blob, CompiledModel
from pam_ros.policy.interface import PolicyError

pytestmark = needs_openvino


class Halves(nn.Module):
    def forward(self, first, second):
        return first + second, first.sum(dim=0, keepdim=True) - second


INPUTS = (torch.arange(6.0).reshape(2, 3), torch.full((1, 3), 0.5))


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        return CompiledModel(
            lambda openvino: traced(openvino, Halves(), INPUTS), INPUTS, "f32", {"test": "halves"}
        )


@pytest.fixture
def apart(compiled):
    return ModelsApart([compiled.blob, compiled.blob])


def gone(pid):
    """Whether the process has ended; zombies of this one have been waited for."""
    end = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def nice_of(task):
    return int((task / "stat").read_text().rsplit(")", 1)[1].split()[16])


def nices(apart):
    return {nice_of(task) for task in Path(f"/proc/{apart.pid}/task").iterdir()}


def test_it_computes_what_the_model_does_here(compiled, apart):
    known = compiled(INPUTS)
    for number in (0, 1, 0):
        found = apart(number, INPUTS)
        assert [one.dtype for one in found] == [torch.float32, torch.float32]
        assert all(torch.equal(ours, theirs) for ours, theirs in zip(found, known, strict=True))
    kept = [one.clone() for one in found]
    apart(0, (INPUTS[0] + 1, INPUTS[1]))
    assert all(torch.equal(one, before) for one, before in zip(found, kept, strict=True))


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_all_its_threads_give_way_once_a_thread_asks_that_does(apart):
    apart(0, INPUTS)
    assert nices(apart) == {nice_of(Path("/proc/self"))}  # as in a replay, which waits for it

    def beside():
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
        apart(0, INPUTS)

    thread = threading.Thread(target=beside)
    thread.start()
    thread.join()
    assert nices(apart) == {NICE}
    apart(0, INPUTS)
    assert nices(apart) == {NICE}
    group = Path(f"/proc/{apart.pid}/autogroup")
    if group.is_file():  # what gives way beside other sessions
        ours = Path("/proc/self/autogroup").read_text().split()  # empty in init's own group
        theirs = group.read_text().split()
        assert theirs[-1] == "19"
        assert theirs[:1] != ours[:1]
    assert nice_of(Path("/proc/self")) < NICE


def test_inputs_that_do_not_fit_are_named_and_the_next_pass_runs(apart):
    with pytest.raises(PolicyError, match=r"was given .*\(2, 2\).*: it takes .*\(2, 3\)"):
        apart(0, (torch.zeros(2, 2), INPUTS[1]))
    with pytest.raises(PolicyError, match="float64"):
        apart(0, (INPUTS[0].double(), INPUTS[1]))
    assert torch.equal(apart(0, INPUTS)[0], INPUTS[0] + INPUTS[1])


def end(apart):
    os.kill(apart.pid, signal.SIGKILL)
    apart._process.wait()


def test_ended_by_somebody_it_is_started_anew(apart, caplog):
    apart(0, INPUTS)
    first = apart.pid
    end(apart)
    assert torch.equal(apart(0, INPUTS)[0], INPUTS[0] + INPUTS[1])
    assert apart.pid != first
    assert "had ended; another one starts" in caplog.text


def test_ended_within_a_pass_the_pass_fails_and_the_next_one_runs(apart):
    apart(0, INPUTS)
    end(apart)
    apart._process.poll = lambda: None  # as if it were ended after this was asked
    with pytest.raises(PolicyError, match=r"has ended with status -9: a later contribution"):
        apart(0, INPUTS)
    del apart._process.poll
    assert torch.equal(apart(1, INPUTS)[0], INPUTS[0] + INPUTS[1])


def test_one_that_stands_still_is_ended(apart, monkeypatch):
    apart(0, INPUTS)
    monkeypatch.setattr(models_apart, "_PASS_S", 0.2)
    apart._slowest = 0.0
    os.kill(apart.pid, signal.SIGSTOP)
    with pytest.raises(PolicyError, match="has ended with status -9"):
        apart(0, INPUTS)
    monkeypatch.undo()
    assert torch.equal(apart(0, INPUTS)[0], INPUTS[0] + INPUTS[1])


def test_an_interrupted_pass_leaves_no_answer_to_the_next_one(apart, monkeypatch):
    real = apart._run

    def interrupted(number, arrays, outputs):
        real(number, arrays, [])  # the outputs stay in the pipe
        raise KeyboardInterrupt

    monkeypatch.setattr(apart, "_run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        apart(0, INPUTS)
    monkeypatch.undo()
    for offset in (100.0, 200.0):
        found = apart(0, (INPUTS[0] + offset, INPUTS[1]))[0]
        assert torch.equal(found, INPUTS[0] + offset + INPUTS[1])


def test_those_that_compute_nothing_are_started_ever_more_seldom(compiled, tmp_path):
    blob = compiled.blob._replace(path=tmp_path / "a.blob")
    blob.path.write_bytes(compiled.blob.path.read_bytes())
    now = [0.0]
    apart = ModelsApart([blob], lambda: now[0])
    apart(0, INPUTS)
    blob.path.unlink()
    end(apart)
    for pause in (0.0, 0.0, 1.0, 2.0, 4.0):
        if pause:
            with pytest.raises(PolicyError, match=f"the next one starts in {pause:.0f} s"):
                apart(0, INPUTS)
        now[0] += pause
        with pytest.raises(PolicyError, match="of no use"):
            apart(0, INPUTS)
    blob.path.write_bytes(compiled.blob.path.read_bytes())
    now[0] += 8.0
    assert torch.equal(apart(0, INPUTS)[0], INPUTS[0] + INPUTS[1])
    end(apart)
    apart(0, INPUTS)  # at once: the last one has computed something


def test_torchs_defaults_are_not_its(apart):
    torch.set_default_dtype(torch.float64)
    try:
        found = apart(0, INPUTS)
    finally:
        torch.set_default_dtype(torch.float32)
    assert found[0].dtype == torch.float32


def test_the_working_folder_has_no_say(compiled, tmp_path, monkeypatch):
    for name in ("pam_ros", "numpy", "json"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    assert ModelsApart([compiled.blob])(0, INPUTS)[0].shape == (2, 3)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_it_ends_with_its_object(compiled):
    apart = ModelsApart([compiled.blob])
    pid = apart.pid
    del apart
    gc.collect()
    assert gone(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_it_ends_with_the_process_that_is_killed(compiled):
    code = (
        "import sys, time; from pathlib import Path\n"
        "from pam_ros.policy.engines.models_apart import ModelsApart\n"
        "from pam_ros.policy.engines.openvino_model import Blob\n"
        f"apart = ModelsApart([Blob(Path({str(compiled.blob.path)!r}), "
        f"{compiled.blob.settings!r}, 'float32')])\n"
        "print(apart.pid, flush=True); time.sleep(1000)"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment
    ) as starter:
        pid = int(starter.stdout.readline())
        starter.kill()
    assert gone(pid)


def test_ctrl_c_in_the_terminal_is_not_for_it(apart):
    os.kill(apart.pid, signal.SIGINT)
    assert torch.equal(apart(0, INPUTS)[0], INPUTS[0] + INPUTS[1])


def test_a_blob_that_is_gone_or_damaged_is_told(compiled, tmp_path):
    with pytest.raises(PolicyError, match=r"process for contributions is of no use: .*none\.blob"):
        ModelsApart([compiled.blob._replace(path=tmp_path / "none.blob")])
    damaged = tmp_path / "damaged.blob"
    damaged.write_bytes(b"no blob")
    with pytest.raises(PolicyError, match=r"process for contributions is of no use: ."):
        ModelsApart([Blob(damaged, compiled.blob.settings, "float32")])


def test_without_a_process_the_models_are_computed_here(compiled, monkeypatch, caplog):
    def fails(blobs):
        raise PolicyError("no process")

    monkeypatch.setattr(explaining_pass, "ModelsApart", fails)
    found = explaining_pass._apart([compiled])(0, INPUTS)
    assert torch.equal(found[0], INPUTS[0] + INPUTS[1])
    assert "contributions share processor time with the commands: no process" in caplog.text
