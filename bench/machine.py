# SPDX-License-Identifier: Apache-2.0
"""What the figures were measured on, and how many threads they had."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# Where make bench puts packages that are only timed, out of the environment's way.
LIBRARIES = Path(__file__).parents[1] / "build" / "bench"
PACKAGES = (
    "torch",
    "lerobot",
    "openvino",
    "opencv-python-headless",
    "numpy",
    "physical-ai-interpretability",
    "cyclonedds",
)
# As the kernel names them, and as people do.
INSTRUCTION_SETS = {
    "avx2": "avx2",
    "avx512f": "avx512",
    "avx512_vnni": "avx512_vnni",
    "avx_vnni": "avx_vnni",
    "avx512_bf16": "avx512_bf16",
    "amx_bf16": "amx",
}
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def ask_for_threads(count: int) -> None:
    """Set what libraries read when they load: call it before torch is imported."""
    for name in THREAD_VARIABLES:
        os.environ[name] = str(count)


def run_again_with_sleeping_threads(module: str, arguments: Sequence[str]) -> None:
    """Start the program again where idle threads of OpenMP would spin, as the node has it itself.

    OpenMP reads the variable when it is loaded, before a program's first line.
    """
    if "GOMP_SPINCOUNT" not in os.environ:
        os.environ["GOMP_SPINCOUNT"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606


def pin_threads(count: int) -> None:
    """Pin torch and OpenCV to `count` threads, in full float32. OpenVINO follows torch here."""
    import cv2  # noqa: PLC0415  (after ask_for_threads)
    import torch  # noqa: PLC0415

    torch.set_num_threads(count)
    cv2.setNumThreads(count)
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


def why_no_cuda() -> str:
    """Why this torch cannot compute on a GPU here, as a sentence; empty if it can."""
    import torch  # noqa: PLC0415  (after ask_for_threads)

    if not torch.backends.cuda.is_built():  # type: ignore[no-untyped-call]
        return f"torch {torch.__version__} was built without CUDA: install one that has it"
    if not torch.cuda.is_available():
        return "torch finds no CUDA device: it needs an NVIDIA GPU and its driver (see nvidia-smi)"
    try:
        torch.ones(2, device="cuda").sum().item()
    except RuntimeError as error:
        reason = str(error).strip().split("\n")[0]
        name = torch.cuda.get_device_name()
        return f"torch {torch.__version__} cannot compute on {name}: {reason}"
    return ""


def describe(device: str) -> dict[str, object]:
    """Processor, instruction sets, memory, GPU and the versions of what was timed."""
    info = _cpu_info()
    flags = set(info.get("flags", "").split())
    description: dict[str, object] = {
        "cpu": info.get("model name", platform.processor() or platform.machine()),
        "cpus": os.cpu_count(),
        "instruction_sets": [name for flag, name in INSTRUCTION_SETS.items() if flag in flags],
        "memory_gib": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "versions": {name: version for name in PACKAGES if (version := _version(name))},
    }
    if "cuda" in device:
        import torch  # noqa: PLC0415

        properties = torch.cuda.get_device_properties(device)
        description["gpu"] = properties.name
        description["gpu_memory_gib"] = round(properties.total_memory / 2**30, 1)
        description["cuda"] = torch.version.cuda
    return description


def _cpu_info() -> dict[str, str]:
    """The first processor of /proc/cpuinfo; empty where there is none."""
    file = Path("/proc/cpuinfo")
    if not file.is_file():
        return {}
    first = file.read_text(encoding="utf-8").split("\n\n")[0]
    pairs = (line.split(":", 1) for line in first.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def _version(package: str) -> str | None:
    everywhere = [*sys.path, str(LIBRARIES)]
    found = metadata.distributions(name=package, path=everywhere)
    return next((distribution.version for distribution in found), None)
