# SPDX-License-Identifier: Apache-2.0
"""Fuzzes one target in this process; `python test/fuzz` starts it and reads what it prints.

With atheris: libFuzzer, guided by the branches of pam_ros. Without it: a loop that mutates the
corpus. Either ends at the first exception, at an input that takes too long, and at too much memory,
and leaves that input in the folder for findings.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .instrumentation import atheris, instrumented_imports
from .places import CORPUS
from .targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .targets import Parse, Target


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz until the runs are done; libFuzzer ends the process itself."""
    options = parser().parse_args(arguments)
    target = TARGETS[options.target]
    with instrumented_imports(target.instrument):
        parse = target.make()
    if atheris is None or options.engine == "mutate":
        return mutate(target, parse, options)
    # libFuzzer adds what it finds to the first folder: never to the repository's corpus.
    grown = str(options.grown or tempfile.mkdtemp(prefix="fuzz-corpus-"))
    flags = [
        f"-runs={options.runs}",
        f"-max_total_time={options.seconds}",
        f"-seed={options.seed}",
        f"-rss_limit_mb={options.memory}",
        f"-timeout={options.longest}",
        f"-max_len={target.longest}",
        f"-artifact_prefix={options.findings}/{target.name}-",
        "-len_control=0",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *flags, grown, str(CORPUS / target.name)], parse)
    atheris.Fuzz()
    return 0


def mutate(target: Target, parse: Parse, options: argparse.Namespace) -> int:
    """The loop without atheris; prints the same final figures."""
    chance = random.Random(options.seed)  # noqa: S311  (inputs, not secrets)
    seeds = [path.read_bytes() for path in sorted((CORPUS / target.name).iterdir())]
    signal.signal(signal.SIGALRM, _too_long)
    begin, slowest, done = time.monotonic(), 0.0, 0
    seconds = options.seconds or float("inf")
    limit = options.memory << 10
    while done < options.runs and time.monotonic() - begin < seconds:
        data = seeds[done] if done < len(seeds) else mutated(chance, seeds, target.longest)
        started = time.perf_counter()
        signal.alarm(options.longest)
        try:
            parse(data)
        except BaseException:
            options.findings.mkdir(parents=True, exist_ok=True)
            (options.findings / f"{target.name}-finding").write_bytes(data)
            raise
        finally:
            signal.alarm(0)
        slowest = max(slowest, time.perf_counter() - started)
        done += 1
        if done % 256 == 0 and resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > limit:
            (options.findings / f"{target.name}-memory").write_bytes(data)
            sys.stderr.write(f"more than {options.memory} MB of memory\n")
            return 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    for name, value in (
        ("number_of_executed_units", done),
        ("slowest_unit_time_sec", int(slowest)),
        ("peak_rss_mb", peak),
    ):
        sys.stderr.write(f"stat::{name}: {value}\n")
    return 0


def mutated(chance: random.Random, seeds: Sequence[bytes], longest: int) -> bytes:
    """A seed with some bytes changed, moved, repeated, cut or taken from another seed."""
    data = bytearray(chance.choice(seeds)[:longest])
    for _ in range(1 + int(chance.expovariate(0.5))):
        place = chance.randrange(len(data) + 1)
        span = 1 + int(chance.expovariate(0.3))
        match chance.randrange(6):
            case 0:
                data[place : place + span] = chance.randbytes(span)
            case 1:
                del data[place : place + span]
            case 2:
                data[place:place] = data[place : place + span]
            case 3:
                other = chance.choice(seeds)
                start = chance.randrange(len(other) + 1)
                data[place:place] = other[start : start + span]
            case 4 if place < len(data):
                data[place] ^= 1 << chance.randrange(8)
            case _:
                value = chance.choice((0, 1, 0x7F, 0x80, 0xFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF))
                size = 4 if value > 0xFF else 1
                data[place : place + size] = value.to_bytes(size, "little")
    return bytes(data[:longest])


def _too_long(_number: int, _frame: Any) -> None:
    raise TimeoutError("one input took too long")


def parser() -> argparse.ArgumentParser:
    """The options; `python test/fuzz` passes them on."""
    made = argparse.ArgumentParser(prog="fuzz.one", description=__doc__)
    made.add_argument("target", choices=TARGETS)
    made.add_argument("--runs", type=int, default=-1)
    made.add_argument("--seconds", type=int, default=0, help="0: until the runs are done")
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--memory", type=int, default=2048, help="most resident memory [MB]")
    made.add_argument("--longest", type=int, default=10, help="most time for one input [s]")
    made.add_argument("--findings", type=Path, default=Path("out/fuzz"))
    made.add_argument("--grown", type=Path, default=None, help="a corpus that may grow")
    made.add_argument("--engine", choices=("auto", "mutate"), default="auto")
    return made


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
