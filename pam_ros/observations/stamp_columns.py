# SPDX-License-Identifier: Apache-2.0
"""Stamps of recorded messages as columns of a LeRobot dataset: `stamp.top`, `stamp.joint_states`.

They are integers, as ROS has them: seconds and nanoseconds. The names do not begin with
"observation" or "action", which lerobot would take for inputs and outputs of the policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

STAMP = "stamp."
_SECOND = 1_000_000_000


def stamp_pair(stamp_ns: int) -> NDArray[np.int64]:
    """A stamp [ns] as (2,) int64: seconds and nanoseconds."""
    return np.array(divmod(stamp_ns, _SECOND), np.int64)


def stamp_of(pair: Sequence[int] | NDArray[np.int64]) -> int:
    """The inverse of stamp_pair [ns]."""
    return int(pair[0]) * _SECOND + int(pair[1])
