# SPDX-License-Identifier: Apache-2.0
"""A contract held against a recording's topics, and the contract that fits where none is named."""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import TYPE_CHECKING

from pam_ros.observations.errors import SourceError
from pam_ros.observations.names import renamed
from pam_ros.robot import ContractError, load_contract
from pam_ros.robot.contract import CAMERA_TYPES
from pam_ros.robot.sources import contract_sources
from pam_ros.robot.sync import sources_by_topic
from pam_ros.share.folders import find_contract, share_directory

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from pam_ros.observations.reading import Reading
    from pam_ros.policy.interface import PolicySpec
    from pam_ros.robot.contract import Contract

_LISTED = 40


def resolve_contract(
    spec: PolicySpec, types: Mapping[str, str], reading: Reading, bag: Path
) -> Contract:
    """The contract, bound to the policy, with the topics and camera types as a bag has them.

    Args:
        spec: of the policy.
        types: of the bag's topics, by name.
        reading: names the contract (without a name, the one shipped that fits) and what the bag
            calls its topics.
        bag: for the error.

    Raises:
        SourceError: none fits, or the bag lacks one of its topics.
        NotFoundError: there is no contract of this name.
        ContractError: the named one does not fit.
    """
    if reading.contract:
        return in_bag(bound_contract(reading, spec), types, reading.topics, bag)
    problems = []
    for file in sorted((share_directory() / "config" / "robots").glob("*.yaml")):
        try:
            bound = bound_contract(replace(reading, contract=str(file)), spec)
            return in_bag(bound, types, reading.topics, bag)
        except (ContractError, SourceError) as error:  # noqa: PERF203  (a handful of files)
            problems.append(f"{file.stem}: {str(error).splitlines()[0]}")
    raise SourceError(
        "no shipped contract fits policy and recording: name one with --contract "
        f"({'; '.join(problems)})"
    )


def bound_contract(reading: Reading, spec: PolicySpec, others: Collection[str] = ()) -> Contract:
    """The contract that is named, its features by the policy's names, bound to the policy.

    others: names of features that a data set has beside it.

    Raises:
        NotFoundError: there is none.
        ContractError: it does not fit.
        SourceError: a renaming names no feature of the policy.
    """
    contract = load_contract(find_contract(reading.contract))
    return renamed(contract, spec.features, reading.rename, others).bind(spec)


def in_bag(
    contract: Contract, types: Mapping[str, str], remaps: Mapping[str, str], bag: Path
) -> Contract:
    """The contract with the topics and camera types as a bag has them.

    Raises:
        SourceError: the bag lacks one of its topics, or `remaps` names another topic.
    """
    unknown = [topic for topic in remaps if topic not in sources_by_topic(contract)]
    if unknown:
        have = ", ".join(sources_by_topic(contract))
        raise SourceError(f"--topic {unknown[0]}: the contract has no such topic (it has {have})")
    contract = contract.with_topics(remaps)
    cameras = []
    for camera in contract.cameras:
        kind = types.get(camera.topic, camera.type)
        # Raw or compressed as it was recorded.
        cameras.append(replace(camera, type=kind if kind in CAMERA_TYPES else camera.type))
    contract = replace(contract, cameras=tuple(cameras))
    wanted = {
        source.topic: CAMERA_TYPES if source.camera else (source.type,)
        for source in contract_sources(contract)
    }
    problems = [
        f"{topic} ({_why(topic, kinds, types)})"
        for topic, kinds in wanted.items()
        if types.get(topic) not in kinds
    ]
    if problems:
        listed = ", ".join(f"{t} [{types[t]}]" for t in sorted(types)[:_LISTED])
        raise SourceError(
            f"bag {bag} lacks {'; '.join(problems)}. It has {listed or 'no topic at all'}. Another "
            "name: --topic CONTRACT_TOPIC=BAG_TOPIC"
        )
    return contract


def _why(topic: str, kinds: tuple[str, ...], types: Mapping[str, str]) -> str:
    """What is in its place: another type, or the topic that is likely meant."""
    if topic in types:
        return f"it is {types[topic]}, not {' or '.join(kinds)}"
    same = [name for name, kind in types.items() if kind in kinds]
    close = difflib.get_close_matches(topic, same, n=1, cutoff=0.0)
    return f"likely {close[0]}" if close else f"no topic is {' or '.join(kinds)}"
