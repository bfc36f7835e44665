# SPDX-License-Identifier: Apache-2.0
"""Fuzzes every parser, each in a process of its own, and writes what came of it.

python test/fuzz                     the recorded run: a million inputs, 100,000 of folders and bags
python test/fuzz --runs 20000 cdr    fewer, of some targets
python test/fuzz --write             and writes docs/fuzzing.md and results.json
python test/fuzz seeds               writes the corpus anew

The status is 1 where a target crashed, hung or took too much memory; its input is in out/fuzz.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .places import ROOT
from .targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .targets import Target

HERE = Path(__file__).parent
RESULTS = HERE / "results.json"
LIBRARIES = ROOT / "build" / "fuzz"
"""Where `make fuzz` puts atheris, out of the environment's way."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz the targets one after the other."""
    options = _parser().parse_args(arguments)
    unknown = [name for name in options.targets if name not in TARGETS]
    if unknown:
        sys.stderr.write(f"fuzz: there is no target {unknown[0]}; there are {', '.join(TARGETS)}\n")
        return 2
    options.findings.mkdir(parents=True, exist_ok=True)
    results = []
    for name in options.targets or TARGETS:
        results.append(fuzz_one(TARGETS[name], options))
        print(line(results[-1]), flush=True)
    if options.write:
        _write(results)
    return int(any(not result["passed"] for result in results))


def fuzz_one(target: Target, options: argparse.Namespace) -> dict[str, Any]:
    """One target to its end; what it printed is in the folder of findings."""
    runs = options.runs or target.runs
    command = [
        sys.executable, "-m", "fuzz.one", target.name,
        "--runs", str(runs), "--seconds", str(options.seconds), "--seed", str(options.seed),
        "--memory", str(options.memory), "--longest", str(options.longest),
        "--findings", str(options.findings), "--engine", options.engine,
    ]  # fmt: skip
    if options.grown:
        grown = options.grown / target.name
        grown.mkdir(parents=True, exist_ok=True)
        command += ["--grown", str(grown)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join(map(str, (ROOT, HERE.parent, LIBRARIES)))
    before = set(options.findings.iterdir())
    begin = time.monotonic()
    log = options.findings / f"{target.name}.log"
    with log.open("wb") as stream:
        status = subprocess.run(
            command, stdout=stream, stderr=subprocess.STDOUT, env=environment, check=False
        ).returncode
    said = log.read_text(errors="replace")
    done = _stat(said, "number_of_executed_units")
    found = sorted(str(path) for path in set(options.findings.iterdir()) - before - {log})
    # libFuzzer says how much of the instrumented code was reached.
    coverage = re.findall(r"cov: (\d+)", said)
    return {
        "target": target.name,
        "what": target.what,
        "engine": "atheris" if "INFO: Seed" in said else "mutate",
        "inputs": done,
        "seconds": round(time.monotonic() - begin, 1),
        "slowest_input_s": _stat(said, "slowest_unit_time_sec"),
        "peak_memory_mb": _stat(said, "peak_rss_mb"),
        "coverage": int(coverage[-1]) if coverage else None,
        "findings": found,
        "status": status,
        # With a time limit fewer inputs are no failure.
        "passed": status == 0 and not found and (done >= runs or bool(options.seconds)),
    }


def line(result: dict[str, Any]) -> str:
    """What a person reads while it runs."""
    words = "passed" if result["passed"] else f"FAILED (status {result['status']})"
    rate = result["inputs"] / max(result["seconds"], 0.1)
    return (
        f"{result['target']:17} {words}: {result['inputs']:,} inputs in {result['seconds']:.0f} s "
        f"({rate:.0f}/s), at most {result['peak_memory_mb']} MB, {result['engine']}"
        + "".join(f"\n  {path}" for path in result["findings"])
    )


def _stat(said: str, name: str) -> int:
    found = re.findall(rf"stat::{name}:\s+(\d+)", said)
    return int(found[-1]) if found else 0


def _write(results: Sequence[dict[str, Any]]) -> None:
    """The results of these targets, beside those that stand there of others."""
    from .page import write_page  # noqa: PLC0415

    before = json.loads(RESULTS.read_text()) if RESULTS.is_file() else []
    by_name = {row["target"]: row for row in (*before, *results)}
    rows = [by_name[name] for name in TARGETS if name in by_name]
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n")
    write_page(rows)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python test/fuzz",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--runs", type=int, default=0, help="inputs per target; 0: as recorded")
    parser.add_argument("--seconds", type=int, default=0, help="per target; 0: until all ran")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--memory", type=int, default=2048, help="most resident memory [MB]")
    parser.add_argument("--longest", type=int, default=10, help="most time for one input [s]")
    parser.add_argument("--findings", type=Path, default=Path("out/fuzz"))
    parser.add_argument("--grown", type=Path, default=None, help="folder of corpora that may grow")
    parser.add_argument("--engine", choices=("auto", "mutate"), default="auto")
    parser.add_argument("--write", action="store_true", help="write the page and the results")
    return parser
