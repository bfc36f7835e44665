# SPDX-License-Identifier: Apache-2.0
"""What `python test/faults` runs. `python -m test.faults` would be of Python's own package `test`.

Two of its commands are modules of their own, `holding` and `soak`; all else is command.py's.
"""

import sys
from importlib import import_module
from pathlib import Path

OTHERS = {"holding": "faults.holding", "soak": "faults.soak"}

if __name__ == "__main__":
    if not __package__:
        # This folder itself stands first on the path: what is in it is found as faults.X alone.
        tests = Path(__file__).resolve().parent.parent
        sys.path[:1] = [str(tests.parent), str(tests)]
    module = OTHERS.get(sys.argv[1] if len(sys.argv) > 1 else "")
    first = 1 if module is None else 2
    sys.exit(import_module(module or "faults.command").main(sys.argv[first:]))
