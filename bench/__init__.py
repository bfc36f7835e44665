# SPDX-License-Identifier: Apache-2.0
"""How long a tick takes, beside lerobot and beside the library that this package began from.

    python -m bench --quick        everything small, in one process
    python -m bench                everything; make bench does this
    python -m bench --list         the slices
    python -m bench --slice tick-default
    python -m bench --table        docs/benchmarks.md from the results there are
    python -m bench --device cuda  the same on a GPU, in docs/benchmarks_gpu.md; make bench-gpu

A slice is one process: all its rows run in turns there, and it leaves one JSON file.
"""
