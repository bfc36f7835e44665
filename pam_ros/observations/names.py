# SPDX-License-Identifier: Apache-2.0
"""Names of recorded features and joints, and what the policy calls them."""

from __future__ import annotations

import difflib
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from pam_ros.observations.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from pam_ros.robot.contract import Contract


def match_features(
    wanted: Sequence[str], have: Collection[str], rename: Mapping[str, str], what: str
) -> dict[str, str]:
    """The recorded name of each feature that the policy reads.

    Args:
        wanted: the policy's names.
        have: the recorded names.
        rename: the policy's names by the recorded ones, where they differ.
        what: the recording, for the error.

    Raises:
        SourceError: a feature is missing, or a renaming means nothing.
    """
    listed = ", ".join(sorted(have))
    names = {}
    for theirs, ours in rename.items():
        if theirs not in have:
            raise SourceError(f"--rename {theirs}={ours}: {what} has no {theirs}: it has {listed}")
        _check_target(theirs, ours, wanted)
        names[ours] = theirs
    # A name that is given away means what it was given to.
    left = [name for name in have if name not in rename]
    names.update({name: name for name in wanted if name in left and name not in names})
    missing = [name for name in wanted if name not in names]
    if missing:
        close = difflib.get_close_matches(missing[0], set(left) - set(names.values()), 1, 0.0)
        example = f"{close[0] if close else 'RECORDED'}={missing[0]}"
        raise SourceError(
            f"{what} lacks {', '.join(missing)}: it has {listed}; another name of a feature: "
            f"--rename {example}"
        )
    return names


def renamed(
    contract: Contract,
    wanted: Sequence[str],
    rename: Mapping[str, str],
    others: Collection[str] = (),
) -> Contract:
    """The contract with the policy's names of its features.

    Args:
        contract: with its own names.
        wanted: the policy's names.
        rename: the policy's names by the contract's, where they differ.
        others: names that a data set has: renaming them is no mistake.

    Raises:
        SourceError: the policy has no feature of the new name, or the contract none of the old one.
    """
    if not rename:
        return contract
    have = [camera.feature for camera in contract.cameras]
    have += [
        part.feature
        for part in (contract.state, contract.environment)
        if part is not None and part.feature is not None
    ]
    for theirs, ours in rename.items():
        _check_target(theirs, ours, wanted)
        if theirs not in have and theirs not in others:
            listed = ", ".join(have)
            raise SourceError(
                f"--rename {theirs}={ours}: the contract has no {theirs}: it has {listed}"
            )
    cameras = tuple(
        replace(camera, feature=rename.get(camera.feature, camera.feature))
        for camera in contract.cameras
    )
    state, environment = contract.state, contract.environment
    if state.feature is not None:
        state = state.named(rename.get(state.feature, state.feature))
    if environment is not None:
        name = rename.get(environment.feature, environment.feature)
        environment = replace(environment, feature=name)
    return replace(contract, cameras=cameras, state=state, environment=environment)


def short_names(features: Sequence[str]) -> list[str]:
    """A name for each feature: its last part, and as many more as tell it from the others.

    "observation.images.right" and "observation.images.wrist.right" are "right" and "wrist_right".
    """
    parts = [feature.split(".") for feature in features]
    while all(len(one) > 1 for one in parts) and len({one[0] for one in parts}) == 1:
        parts = [one[1:] for one in parts]
    taken = [1] * len(parts)
    while True:
        names = ["_".join(one[-count:]) for one, count in zip(parts, taken, strict=True)]
        twice = {name for name, count in Counter(names).items() if count > 1}
        longer = [
            count + (name in twice and count < len(one))
            for name, one, count in zip(names, parts, taken, strict=True)
        ]
        if longer == taken:
            return names
        taken = longer


def vector_names(names: object) -> list[str]:
    """What a data set calls the entries of a vector; empty where it does not say.

    It is a list, lists by group ({"motors": [...]}), or a number for each name ({"delta_x": 0}).
    """
    if isinstance(names, dict):
        if names and all(isinstance(place, int) for place in names.values()):
            return [str(name) for name in sorted(names, key=lambda name: names[name])]
        return [name for group in names.values() for name in vector_names(group)]
    if isinstance(names, (list, tuple)):
        return [name for one in names for name in vector_names(one)]
    return [] if names is None else [str(names)]


def _check_target(theirs: str, ours: str, wanted: Sequence[str]) -> None:
    if ours not in wanted:
        raise SourceError(
            f"--rename {theirs}={ours}: the policy reads no {ours}: it reads {', '.join(wanted)}"
        )
