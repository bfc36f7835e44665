# SPDX-License-Identifier: Apache-2.0
"""How long a tick takes, beside lerobot and beside the library that this package began from.

    python -m benchmarks --quick        everything small, in one process
    python -m benchmarks                everything; make bench does this
    python -m benchmarks --list         the slices
    python -m benchmarks --slice tick-default
    python -m benchmarks --table        docs/benchmarks.md from the results there are
    python -m benchmarks --device cuda  the same on a GPU, in docs/benchmarks_gpu.md; make bench-gpu

A slice is one process: all its rows run in turns there, and it leaves one JSON file.
"""
