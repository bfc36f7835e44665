# SPDX-License-Identifier: Apache-2.0
"""Names that the training data had for what the policy calls otherwise.

A policy that was trained further on another robot's data keeps its own names, and lerobot writes
down in the pre-processor which of the data's features became which of the policy's (`rename_map`).
Here observations have the policy's names from the start. So the step is emptied, since a map that
swaps two names would swap them again, and what it said goes into PolicySpec.renames: a contract or
a data set may use either name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pam_ros.policy.interface import PolicySpec

_STEP = "RenameObservationsProcessorStep"


def take_renames(name: str, preprocessor: Any, features: Collection[str]) -> dict[str, str]:
    """Take the renaming out of a pre-processor that is the caller's own.

    Args:
        name: the policy's, for errors.
        preprocessor: lerobot's; its renaming steps rename nothing afterwards.
        features: what the policy reads.

    Returns:
        The policy's feature by the data's name, where they differ.

    Raises:
        PolicyError: a rename_map is not one of names.
    """
    renames: dict[str, str] = {}
    for step in getattr(preprocessor, "steps", ()):
        if _STEP not in [each.__name__ for each in type(step).__mro__]:
            continue
        pairs = step.rename_map
        if not isinstance(pairs, dict) or not all(isinstance(new, str) for new in pairs.values()):
            raise PolicyError(
                f"{name}: rename_map of its pre-processor must be a name for each name, "
                f"not {pairs!r}"
            )
        # What an earlier step has renamed goes by its new name here.
        then = {old: pairs.get(new, new) for old, new in renames.items()}
        renames = {**pairs, **then}
        step.rename_map = {}
    return {old: new for old, new in renames.items() if old != new and new in features}


def renames_for(
    spec: PolicySpec, names: Collection[str], given: Mapping[str, str]
) -> dict[str, str]:
    """What a data set's names mean: the caller's renaming, and beside it the checkpoint's.

    Args:
        spec: of the policy.
        names: the data set's features.
        given: the policy's feature by the data set's name, as the caller says. It goes before what
            the checkpoint says of the same name or of the same feature.

    Returns:
        The same with what the checkpoint says of names that are there.
    """
    told = {
        old: new
        for old, new in spec.renames.items()
        if old in names and old not in given and new not in given.values()
    }
    return {**told, **given}
