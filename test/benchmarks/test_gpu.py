# SPDX-License-Identifier: Apache-2.0
"""The benchmark of a GPU, as far as a machine without one can tell."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from benchmarks import __main__ as command
from benchmarks import machine, memory, node_latency, slices
from benchmarks.interleave import Effort
from benchmarks.memory import LEROBOT
from benchmarks.our_rows import Ours
from benchmarks.results import RowResult, SliceResult, read, read_all, write
from benchmarks.sizes import Subject, make_subject
from benchmarks.table import document
from benchmarks.targets import findings

ROOT = Path(__file__).parents[2]
NOT_MEASURED = "**Not measured: no machine with a GPU has run `make bench-gpu` yet.**"
MACHINE = {
    "cpu": "A processor",
    "cpus": 16,
    "instruction_sets": ["avx2"],
    "memory_gib": 128.0,
    "system": "Linux",
    "python": "3.11",
    "versions": {"torch": "2.10.0"},
    "gpu": "A GPU",
    "gpu_memory_gib": 24.0,
    "cuda": "12.8",
}
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
without_cuda = pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")


class OnGpu(Subject):
    """Says that it is on a GPU, and computes on the CPU."""

    device = "cuda:0"


def gpu_slice(group, rows, **fields):
    """Of made-up times. rows: from a key to its samples and the key that it is against."""
    made = tuple(
        RowResult(key, f"the {key}", tuple(samples), against=against)
        for key, (samples, against) in rows.items()
    )
    given = {"unit": "ms", "reference": "", **fields}
    return SliceResult(
        group=group, size="default", title="default ACT", device="cuda", threads=2,
        machine=MACHINE, rows=made, **given,
    )  # fmt: skip


def bench(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", "--device", "cuda", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )


@without_cuda
def test_without_a_gpu_it_says_so_and_leaves_results_and_page_as_they_are(tmp_path):
    results, page = tmp_path / "results", tmp_path / "page.md"
    results.mkdir()
    (results / "tick-default-cuda.json").write_text("of another machine")
    page.write_text("measured once")
    done = bench("--results", results, "--page", page)
    assert done.returncode == 1
    (said,) = done.stderr.strip().splitlines()
    assert said.startswith("Nothing was measured: torch")
    assert "CUDA" in said
    assert done.stdout == ""
    assert [file.name for file in results.iterdir()] == ["tick-default-cuda.json"]
    assert (results / "tick-default-cuda.json").read_text() == "of another machine"
    assert page.read_text() == "measured once"


def test_why_there_is_no_cuda_is_a_sentence_of_its_own_for_each_cause(monkeypatch):
    def breaks(*_, **__):
        message = "CUDA error: no kernel image is available\nCompile with more"
        raise RuntimeError(message)

    cuda = torch.backends.cuda
    monkeypatch.setattr(cuda, "is_built", lambda: False)
    assert "was built without CUDA" in machine.why_no_cuda()
    monkeypatch.setattr(cuda, "is_built", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "finds no CUDA device" in machine.why_no_cuda()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "An old GPU")
    monkeypatch.setattr(torch, "ones", breaks)
    why_not = machine.why_no_cuda()
    assert why_not.endswith(
        "cannot compute on An old GPU: CUDA error: no kernel image is available"
    )


@needs_cuda
@pytest.mark.slow
def test_on_a_gpu_the_quick_mode_measures_something_of_every_group(tmp_path):
    done = bench("--quick", "--results", tmp_path / "results", "--page", tmp_path / "page.md")
    assert done.returncode == 0, done.stderr
    results = read_all(tmp_path / "results")
    assert {result.group for result in results.values()} == set(slices.groups_of("cuda"))
    for result in results.values():
        for row in result.rows:
            assert row.samples, (row.key, row.missing)
    assert NOT_MEASURED not in (tmp_path / "page.md").read_text()


def test_each_device_has_slices_results_and_a_page_of_its_own(tmp_path):
    cpu, cuda = (slices.all_slices(device) for device in ("cpu", "cuda"))
    assert {each.device for each in cpu} == {"cpu"}
    assert {each.device for each in cuda} == {"cuda"}
    assert not {each.name for each in cpu} & {each.name for each in cuda}
    assert {"commands-default-cuda", "tick-default-cuda"} <= {each.name for each in cuda}
    assert "commands" not in slices.groups_of("cpu")
    default, _ = command._parse([])
    assert (default.device, default.page.name) == ("cpu", "benchmarks.md")
    gpu, _ = command._parse(["--device", "cuda"])
    assert gpu.results == default.results / "gpu"
    assert gpu.page.name == "benchmarks_gpu.md"
    other, _ = command._parse(["--device", "cuda", "--page", str(tmp_path / "p.md")])
    assert other.page == tmp_path / "p.md"
    assert other.results == gpu.results


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_page_in_docs_is_what_the_results_say(device):
    page = command.PAGES[device].read_text(encoding="utf-8")
    assert page == document(read_all(command.RESULTS[device]), device)


def test_without_results_the_gpus_page_says_so_and_shows_no_time():
    page = document({}, "cuda")
    assert NOT_MEASURED in page
    assert "[ms]" not in page
    for group in slices.groups_of("cuda"):
        assert f"(`{group}`)" in page
    assert "`eager`, `compile`, `cuda_graph`, each in float32 and bfloat16" in page
    assert "openvino" not in page


def test_with_results_the_gpus_page_shows_them_and_what_is_still_to_be_measured(tmp_path):
    rows = {
        "alone_eager_float32": ([4.0] * 99 + [6.0], "alone_eager_float32"),
        "beside_pixels_eager_float32": ([5.0] * 98 + [18.0, 18.0], "alone_eager_float32"),
        "ahead_pixels_eager_float32": ([], "alone_eager_float32"),
    }
    commands = gpu_slice("commands", rows)
    again = read(write(commands, tmp_path))
    assert again.name == "commands-default-cuda"
    assert again.rows == commands.rows
    rows = {"lerobot_forward": ([8.0] * 9, ""), "ours_tick_cuda_graph_float32": ([2.0] * 9, "")}
    ticks = gpu_slice("tick", rows, reference="lerobot_forward")
    page = document({each.name: each for each in (again, ticks)}, "cuda")
    assert NOT_MEASURED not in page
    assert "A GPU with 24 GiB (CUDA 12.8)" in page
    assert "| cuda_graph: 0.250 [0.250, 0.250] | yes |" in page
    assert "(`tick`): small, demo\n" in page
    assert "(`commands`): demo\n" in page
    table = [line for line in page.splitlines() if line.startswith("| the ")]
    cells = {line.split(" | ")[0][6:]: line.strip("| ").split(" | ")[1:] for line in table}
    assert cells["alone_eager_float32"][0] == "4"
    assert cells["alone_eager_float32"][3:] == ["1", "1"]
    beside = cells["beside_pixels_eager_float32"]
    assert beside[:3] == ["5", "18", "100"]
    assert beside[3].startswith("1.250 [1.2")
    assert beside[4].startswith("4.4")  # 18 by the 99% of 4.02
    assert cells["ahead_pixels_eager_float32"][0].startswith("not measured:")


def test_the_promise_of_a_gpu_is_on_its_own_page():
    assert not [found for found in findings({}) if "GPU" in found.promise]
    (found,) = findings({}, "cuda")
    assert (found.promise[:12], found.holds) == ("GPU, float32", "not measured")


def test_a_row_waits_for_its_own_stream_and_not_for_the_whole_gpu(monkeypatch):
    waited = []

    def whole():
        waited.append("the GPU")

    streams = iter(["first", "second"])

    def current():
        name = next(streams)
        return SimpleNamespace(synchronize=lambda: waited.append(name))

    monkeypatch.setattr(torch.cuda, "synchronize", whole)
    monkeypatch.setattr(torch.cuda, "current_stream", current)
    wait = slices.synchronise_of("cuda")
    wait()
    wait()
    assert waited == ["first", "second"]


def test_a_gpu_is_warmed_up_for_longer_and_a_quick_run_is_not():
    group = slices.TIMED["commands"]
    effort = slices.effort_of(group, "cuda", Effort())
    assert (effort.fewest, effort.most) == (200, 1000)
    assert effort.warmup > slices.effort_of(group, "cpu", Effort()).warmup
    quick = slices.Settings().quick("cuda").effort
    assert slices.effort_of(group, "cuda", quick) == quick


@pytest.mark.parametrize("name", [n for n, g in slices.TIMED.items() if "cuda" in g.devices])
def test_the_rows_of_a_gpu_are_planned_and_those_of_eager_run(name):
    """On the CPU: what engines need CUDA say that they do."""
    subject = OnGpu(**vars(make_subject("tiny")))
    group = slices.TIMED[name]
    ours = Ours(subject, slices.QUICK_ENGINES["cuda"])
    assert list(ours.engines) == list(slices.QUICK_ENGINES["cuda"])
    rows = group.rows(subject, ours)
    keys = [row.key for row in rows]
    assert len(set(keys)) == len(keys)
    assert {row.against or group.reference for row in rows} <= set(keys)
    assert not [key for key in keys if "openvino" in key or key.startswith("library")]
    for row in rows:
        if row.run is None:
            assert "cuda_graph" in row.key
            assert "needs a CUDA device" in row.missing
            continue
        for part in (row.before, row.run, row.after):
            if part is not None:
                part()
    assert any("eager" in key or "capture" in key for key in keys)
    if name != "capture":
        assert any("cuda_graph_bfloat16" in key for key in keys)


def test_every_engine_of_a_gpu_shows_cross_attention_and_rollout():
    subject = OnGpu(**vars(make_subject("tiny")))
    asked = []

    class Planned(Ours):
        def row(self, kind, engine, dtype):
            asked.append((kind, engine, dtype))
            return f"{kind} {engine} {dtype}"

    slices.TIMED["options"].rows(subject, Planned(subject))
    for kind in ("tick", "rollout"):
        for dtype in ("float32", "bfloat16"):
            for engine in ("eager", "compile", "cuda_graph"):
                assert (kind, engine, dtype) in asked
    assert "openvino" not in {engine for _, engine, _ in asked}


def test_memory_of_a_gpu_is_asked_of_processes_on_it(monkeypatch, tmp_path):
    commands = []

    def run(arguments, **_):
        commands.append(arguments)
        return SimpleNamespace(returncode=0, stdout="12.5\n", stderr="")

    monkeypatch.setattr(memory.subprocess, "run", run)
    subject = SimpleNamespace(device="cuda:0", save=lambda _: None)
    engines = [("cuda_graph", "bfloat16")]
    rows = memory.measure(subject, tuple(memory.REFERENCES), engines, 2)
    assert [row.key for row in rows] == [
        LEROBOT, "cuda_graph_bfloat16", "cuda_graph_bfloat16_contribution",
    ]  # fmt: skip
    assert {row.samples for row in rows} == {(12.5,)}
    assert {arguments[-1] for arguments in commands} == {"cuda:0"}


def test_the_node_runs_on_the_device_that_the_table_names(monkeypatch, tmp_path):
    started = []

    class Processes:
        def __init__(self, _):
            pass

        def start(self, name, **parameters):
            started.append((name, parameters["device"]))

        def stop_all(self):
            pass

    done = SimpleNamespace(returncode=0, stdout="[]", stderr="")
    monkeypatch.setattr(node_latency, "Processes", Processes)
    monkeypatch.setattr(node_latency.subprocess, "run", lambda *_, **__: done)
    for device in ("cpu", "cuda:0"):
        node_latency._run(node_latency.VARIANTS[0], tmp_path, 1, device)
    assert started == [("act_attention", "cpu"), ("act_attention", "cuda:0")]
