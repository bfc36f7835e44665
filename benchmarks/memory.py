# SPDX-License-Identifier: Apache-2.0
"""Peak memory of a few ticks, each kind in a fresh process that loads a checkpoint from disk.

    python -m benchmarks.memory KIND CHECKPOINT THREADS [DEVICE]

prints the peak of the resident set [MiB], the kernel's VmHWM; on a GPU the most of its memory that
torch has held, with what CUDA graphs keep for themselves. KIND is "imports" (torch and lerobot
loaded, nothing run), "lerobot", "library", "ENGINE DTYPE" or "ENGINE DTYPE contribution".
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.machine import ask_for_threads, pin_threads

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.interleave import Row
    from benchmarks.results import RowResult
    from benchmarks.sizes import Subject

TICKS = 3
LEROBOT = "lerobot"
REFERENCES = {
    "imports": "torch and lerobot loaded, no policy",
    LEROBOT: "lerobot: select_action",
    "library": "physical-ai-interpretability: tick with overlays",
}
GPU_REFERENCES = (LEROBOT,)
_STATUS = Path("/proc/self/status")


def measure(
    subject: Subject,
    references: Sequence[str],
    engines: Sequence[tuple[str, str]],
    threads: int,
) -> tuple[RowResult, ...]:
    """One row per kind, one sample each [MiB]; references are some of REFERENCES.

    On a GPU of its memory, and with a row of contributions for each engine.
    """
    from benchmarks.results import RowResult  # noqa: PLC0415
    from pam_ros.attention.attribution import CONTRIBUTION  # noqa: PLC0415

    on_gpu = "cuda" in subject.device
    kinds = [
        (kind, REFERENCES[kind]) for kind in references if not on_gpu or kind in GPU_REFERENCES
    ]
    for engine, dtype in engines:
        kinds.append((f"{engine} {dtype}", f"ours, {engine} {dtype}: tick"))
        if on_gpu:
            label = f"ours, {engine} {dtype}: tick, maps of the contribution"
            kinds.append((f"{engine} {dtype} {CONTRIBUTION}", label))
    rows = []
    with TemporaryDirectory() as folder:
        subject.save(Path(folder))
        for kind, label in kinds:
            done = subprocess.run(
                [sys.executable, "-m", __name__, kind, folder, str(threads), subject.device],
                capture_output=True,
                text=True,
                check=False,
                cwd=Path(__file__).parents[1],
            )
            key = kind.replace(" ", "_")
            if done.returncode == 0:
                rows.append(RowResult(key, label, (float(done.stdout.split()[-1]),)))
            else:
                last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
                rows.append(RowResult(key, label, (), last))
    return tuple(rows)


def main(arguments: Sequence[str]) -> int:
    """Run a few ticks of one kind and print the peak."""
    kind, folder, threads = arguments[0], Path(arguments[1]), int(arguments[2])
    device = arguments[3] if len(arguments) > 3 else "cpu"
    ask_for_threads(threads)
    pin_threads(threads)
    if not _STATUS.is_file():
        sys.exit("no /proc/self/status here")
    row = _row(kind, folder, device)
    if row is not None:
        if row.run is None:
            sys.exit(row.missing)
        for _ in range(TICKS):
            row.run()
    print(round(_gpu_peak_mib(device) if "cuda" in device else _peak_mib(), 1))
    return 0


def _peak_mib() -> float:
    (peak,) = [line for line in _STATUS.read_text().splitlines() if line.startswith("VmHWM")]
    return int(peak.split()[1]) / 1024


def _gpu_peak_mib(device: str) -> float:
    import torch  # noqa: PLC0415  (after ask_for_threads)

    return torch.cuda.max_memory_reserved(device) / 2**20


def _row(kind: str, folder: Path, device: str) -> Row | None:
    """What to run; None for nothing."""
    from benchmarks import reference_rows, ticks  # noqa: PLC0415  (after ask_for_threads)
    from benchmarks.interleave import Row  # noqa: PLC0415
    from benchmarks.sizes import load_subject, make_observation  # noqa: PLC0415
    from pam_ros.attention.attribution import CONTRIBUTION  # noqa: PLC0415
    from pam_ros.policy import PolicyError, load_policy  # noqa: PLC0415
    from pam_ros.policy.act.policy import ActPolicy  # noqa: PLC0415

    if kind == "imports":
        return None
    if kind == LEROBOT:
        return reference_rows.select_action(load_subject(folder, device))
    if kind == "library":
        return reference_rows.library_from_images(load_subject(folder, device))
    engine, dtype, *contributes = kind.split()
    try:
        policy = load_policy(folder, device=device, engine=engine, dtype=dtype)
    except PolicyError as error:
        return Row(kind, kind, None, str(error))
    sizes = {camera.feature: (camera.height, camera.width) for camera in policy.spec.cameras}
    observation = make_observation(sizes)
    if contributes:
        assert isinstance(policy, ActPolicy)
        run = ticks.contribute_and_show(policy, observation, CONTRIBUTION)
    else:
        run = ticks.step_and_show(policy, observation)
    return Row(kind, kind, run)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
