# SPDX-License-Identifier: Apache-2.0
"""Any recording by its path: a bag, or a LeRobot dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pam_ros.observations.errors import SourceError
from pam_ros.observations.find import is_dataset
from pam_ros.observations.reading import Reading

if TYPE_CHECKING:
    from pam_ros.observations.source import RecordedSource
    from pam_ros.policy.interface import Policy


def open_recording_for(
    policy: Policy, path: str | Path, contract: str | Path = "", *, episodes: int | None = None
) -> RecordedSource:
    """A recording as the observations that a policy reads, put together as the live node does.

    Args:
        policy: that reads them.
        path: a bag's folder or file, or a LeRobot dataset's folder or hub id.
        contract: a file, or the name of a shipped one; empty: the shipped one that fits.
        episodes: of a dataset, how many, from the first; None for all.

    Raises:
        PamRosError: it cannot be read, or does not fit the policy.
    """
    where = Path(path).expanduser()
    reading = Reading(contract=str(contract))
    if is_dataset(where):
        from pam_ros.observations.dataset import DatasetSource  # noqa: PLC0415  (lerobot)

        return DatasetSource(policy, str(path), episodes, reading)
    if not where.exists():
        raise SourceError(f"{path} is no bag and no LeRobot dataset: there is no such path")
    from pam_ros.observations.bag import BagSource  # noqa: PLC0415

    return BagSource(policy, [where], reading)
