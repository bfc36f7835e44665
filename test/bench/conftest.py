# SPDX-License-Identifier: Apache-2.0
"""bench/ is no installed package: it is found in the repository, after everything else."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))
