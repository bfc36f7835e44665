# SPDX-License-Identifier: Apache-2.0
"""The command: measures slices, each in a process of its own, and writes the page."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.machine import ask_for_threads, pin_threads, why_no_cuda

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[1]


RESULTS = {
    "cpu": ROOT / "benchmarks" / "results",
    "cuda": ROOT / "benchmarks" / "results" / "gpu",
}
PAGES = {"cpu": ROOT / "docs" / "benchmarks.md", "cuda": ROOT / "docs" / "benchmarks_gpu.md"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it; the status is 1 where a slice failed or there is no such device."""
    options, parser = _parse(arguments)
    ask_for_threads(options.threads)
    # As Ctrl-C does: nodes that a slice has started end with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if options.table:
        return _write_page(options)
    why_not = why_no_cuda() if options.device == "cuda" and not options.list else ""
    if why_not:
        print(f"Nothing was measured: {why_not}.", file=sys.stderr)
        return 1
    pin_threads(options.threads)
    from benchmarks import slices  # noqa: PLC0415  (after ask_for_threads)

    known = {each.name: each for each in slices.all_slices(options.device)}
    if options.list:
        print("\n".join(known))
        return 0
    unknown = sorted(set(options.slice or ()) - set(known))
    if unknown:
        parser.error(f"no slice {', '.join(unknown)}: they are {', '.join(known)}")
    if options.quick:
        return _quick(options)
    if options.slice and len(options.slice) == 1:
        return _measure(options, known[options.slice[0]])
    failed = 0
    for name in options.slice or known:
        command = [sys.executable, "-m", "benchmarks", "--device", options.device, "--slice", name]
        command += ["--threads", str(options.threads), "--seconds", str(options.seconds)]
        command += ["--results", str(options.results)]
        failed |= subprocess.run(command, cwd=ROOT, check=False).returncode
    return _write_page(options) or min(failed, 1)


def _parse(
    arguments: Sequence[str] | None,
) -> tuple[argparse.Namespace, argparse.ArgumentParser]:
    parser = argparse.ArgumentParser(prog="benchmarks", description="Times ticks; see docs.")
    parser.add_argument(
        "--device",
        choices=tuple(RESULTS),
        default="cpu",
        help="each has slices, results and a page of its own",
    )
    parser.add_argument("--threads", type=int, default=2, help="of torch, OpenCV, OpenVINO")
    parser.add_argument("--seconds", type=float, default=90.0, help="of rounds per slice")
    parser.add_argument("--slice", action="append", help="only this one; may be repeated")
    parser.add_argument("--list", action="store_true", help="the slices there are")
    parser.add_argument("--quick", action="store_true", help="a little of everything, tiny policy")
    parser.add_argument("--table", action="store_true", help="only write the page")
    parser.add_argument("--results", type=Path, help="their folder, if not the device's own")
    parser.add_argument("--page", type=Path, help="if not the device's own")
    options = parser.parse_args(arguments)
    options.results = options.results or RESULTS[options.device]
    options.page = options.page or PAGES[options.device]
    return options, parser


def _measure(options: argparse.Namespace, chosen: object) -> int:
    from benchmarks import results, slices  # noqa: PLC0415

    settings = slices.Settings(threads=options.threads)
    settings = replace(settings, effort=replace(settings.effort, seconds=options.seconds))
    assert isinstance(chosen, slices.Slice)
    measured = slices.run(chosen, settings)
    print(results.write(measured, options.results))
    return 0


def _quick(options: argparse.Namespace) -> int:
    """Every group on a tiny policy, in this process."""
    from benchmarks import results, slices  # noqa: PLC0415

    settings = slices.Settings(threads=options.threads).quick(options.device)
    for group in slices.groups_of(options.device):
        measured = slices.run(slices.Slice(group, slices.QUICK_SIZE, options.device), settings)
        results.write(measured, options.results)
    return _write_page(options)


def _write_page(options: argparse.Namespace) -> int:
    from benchmarks.results import read_all  # noqa: PLC0415
    from benchmarks.table import document  # noqa: PLC0415

    options.page.parent.mkdir(parents=True, exist_ok=True)
    page = document(read_all(options.results), options.device)
    options.page.write_text(page, encoding="utf-8")
    print(options.page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
