# SPDX-License-Identifier: Apache-2.0
"""docs/fuzzing.md from the results of the recorded run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .places import CORPUS, ROOT
from .targets import TARGETS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PAGE = ROOT / "docs" / "fuzzing.md"


def write_page(rows: Sequence[Mapping[str, Any]]) -> None:
    """Write it."""
    PAGE.write_text(page(rows))


def page(rows: Sequence[Mapping[str, Any]]) -> str:
    """The page as markdown."""
    titles = "target | what is parsed | inputs | wanted | seconds | slowest input | memory at most"
    lines = [
        f"| {titles} | seeds | |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        wanted = TARGETS[row["target"]].runs
        seeds = sum(1 for _ in (CORPUS / row["target"]).iterdir())
        slowest = f"{row['slowest_input_s']} s" if row["slowest_input_s"] else "below 1 s"
        fewer = "" if row["inputs"] >= wanted else " (fewer than wanted)"
        verdict = "passed" if row["passed"] else f"**failed**, status {row['status']}"
        lines.append(
            f"| {row['target']} | {row['what']} | {row['inputs']:,}{fewer} | {wanted:,} | "
            f"{row['seconds']:.0f} | {slowest} | {row['peak_memory_mb']} MB | {seeds} | "
            f"{verdict} |"
        )
    engines = sorted({row["engine"] for row in rows})
    return _INTRODUCTION.format(engines=" and ".join(engines)) + "\n".join(lines) + "\n" + _REST


_INTRODUCTION = """# Fuzzing what others send

    make fuzz                         the recorded run: an hour or two on one core
    make fuzz RUNS=20000              fewer inputs of each target
    .venv/bin/python test/fuzz cdr    one target

Every parser of something that comes from outside is called with inputs from
[atheris](https://github.com/google/atheris) (libFuzzer). It derives them from a small corpus,
guided by the branches of this package's own code. A parser passes an input if it takes it, or
refuses it with its room's exception and a sentence. It fails by any other exception, by more than
ten seconds for one input, or once the process holds more than 2 GB. The input is then left in
`out/fuzz`. If atheris cannot be installed, a loop that mutates the corpus blindly takes its place
(`--engine mutate`). The short form in `make test` always uses that loop.

Some targets ask for more than an exception of the right kind. What was decoded can be encoded
again, a picture has the size that was declared, and joint positions are finite. A set of messages
agrees within its tolerance, and **a bag that `pam_ros bag repair` calls whole can be read**.

Targets, seeds and the folders that they spoil are in `test/fuzz/` (`targets.py`, `corpus/`,
`whole/`; `python test/fuzz seeds` writes both anew). Inputs of bags, checkpoints and stores are
files in memory, read by the same functions that the commands use.

## The recorded run

Engine: {engines}. Seed 1. The checkpoint's process starts at 1 GB: that is torch and lerobot.

"""
_REST = """
## What it has found

Mended, each with a test:

- A PNG whose chunk declares four gigabytes made the decoder take them, from a picture of 170
  bytes. Chunks must now lie within the data, and no picture may declare more pixels than its
  bytes can hold.
- A joint at 1e300 rad became an infinity in the policy's float32 input. It is refused by name.
- A checkpoint with `n_encoder_layers` of some billions had its network built for hours. Sizes
  beyond any policy's are refused.
- A bag whose summary has a wrong length for a chunk was called whole by `bag repair` and could
  not be read. What seems whole is now read as its users will.
- Damaged zstd data in a bag ended in an exception of the zstd library.
- `rate_hz: !!int ''` in a contract, and other YAML tags on texts that they do not fit, ended in an
  IndexError inside PyYAML.
- A bag with a damaged kind or name of a message definition stayed unreadable after a repair. A
  kind that is unknown is made anew, and a topic whose type is lost no longer hides the others.

## What it does not cover

DDS itself: packets are parsed by Cyclone DDS, in C, before this package sees their content.
safetensors, libjpeg, libpng, SQLite, zstd and lz4 are reached through the targets, without
instrumentation. Weights themselves are only checked for shape and finite numbers.
"""
