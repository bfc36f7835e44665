# SPDX-License-Identifier: Apache-2.0
"""What a replay is of: the policy, and what tells one recording from another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pam_ros.observations.find import is_dataset
from pam_ros.replay.errors import ReplayError
from pam_ros.share.working import working

if TYPE_CHECKING:
    from pam_ros.policy.interface import Policy
    from pam_ros.replay.settings import ReplaySettings


def load(settings: ReplaySettings) -> Policy:
    """The policy of the settings.

    Raises:
        PolicyError: it cannot be loaded.
    """
    import torch  # noqa: PLC0415  (slow to load)

    from pam_ros.policy import load_policy  # noqa: PLC0415

    if settings.threads:
        torch.set_num_threads(settings.threads)
    folder = Path(settings.policy).expanduser()
    with working(f"loading {settings.policy}"):
        return load_policy(
            # By its full path, the messages name a folder as those of the live node do.
            folder.resolve() if folder.is_dir() else settings.policy,
            device=settings.device,
            n_action_steps=settings.n_action_steps or None,
            temporal_ensemble_coeff=settings.temporal_ensemble_coeff,
        )


def fingerprint(recording: Path) -> dict[str, Any]:
    """What tells one recording from another, without reading it.

    Raises:
        ReplayError: there is none.
    """
    place = recording
    if is_dataset(recording):
        if not recording.is_dir():
            return {"dataset": str(recording)}
        place = recording / "meta"
    if not place.exists():
        raise ReplayError(f"bag {recording} does not exist")
    files = sorted(place.iterdir()) if place.is_dir() else [place]
    return {
        "path": str(place.resolve()),
        "files": [[f.name, f.stat().st_size] for f in files if f.is_file()],
    }
