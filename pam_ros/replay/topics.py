# SPDX-License-Identifier: Apache-2.0
"""A contract held against a recording's topics, and the contract that fits where none is named."""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import TYPE_CHECKING

from pam_ros.replay.errors import ReplayError
from pam_ros.robot import ENVIRONMENT, STATE, ContractError, load_contract
from pam_ros.robot.contract import CAMERA_TYPES, FLOAT64_MULTI_ARRAY, JOINT_STATE
from pam_ros.share.folders import find_contract, share_directory

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pam_ros.policy.interface import PolicySpec
    from pam_ros.robot.contract import Contract

_LISTED = 40


def resolve_contract(
    name: str, spec: PolicySpec, types: Mapping[str, str], remaps: Mapping[str, str], bag: Path
) -> Contract:
    """The contract, bound to the policy, with the topics as the recording has them.

    Args:
        name: path or name of a contract; empty: the one shipped that fits.
        spec: of the policy.
        types: of the recording's topics, by name.
        remaps: topics of the recording by those of the contract.
        bag: for the error.

    Raises:
        ReplayError: none fits, or the recording lacks one of its topics.
    """
    if name:
        return _in_bag(bound_contract(name, spec), types, remaps, bag)
    problems = []
    for file in sorted((share_directory() / "config" / "robots").glob("*.yaml")):
        try:
            return _in_bag(load_contract(file).bind(spec), types, remaps, bag)
        except (ContractError, ReplayError) as error:  # noqa: PERF203  (a handful of files)
            problems.append(f"{file.stem}: {str(error).splitlines()[0]}")
    raise ReplayError(
        "no shipped contract fits policy and recording: name one with --contract "
        f"({'; '.join(problems)})"
    )


def bound_contract(name: str, spec: PolicySpec) -> Contract:
    """A contract by path or name, bound to a policy.

    Raises:
        NotFoundError: there is none.
        ContractError: it does not fit.
    """
    return load_contract(find_contract(name)).bind(spec)


def sources_of(contract: Contract) -> dict[str, str]:
    """The synchroniser's source of each topic."""
    sources = {camera.topic: camera.name for camera in contract.cameras}
    sources[contract.state.topic] = STATE
    if contract.environment is not None:
        sources[contract.environment.topic] = ENVIRONMENT
    return sources


def _in_bag(
    contract: Contract, types: Mapping[str, str], remaps: Mapping[str, str], bag: Path
) -> Contract:
    unknown = [topic for topic in remaps if topic not in sources_of(contract)]
    if unknown:
        have = ", ".join(sources_of(contract))
        raise ReplayError(f"--topic {unknown[0]}: the contract has no such topic (it has {have})")
    cameras = []
    for camera in contract.cameras:
        topic = remaps.get(camera.topic, camera.topic)
        kind = types.get(topic, camera.type)
        # Raw or compressed as it was recorded.
        kind = kind if kind in CAMERA_TYPES else camera.type
        cameras.append(replace(camera, topic=topic, type=kind))
    state = contract.state
    state = replace(state, topic=remaps.get(state.topic, state.topic))
    environment = contract.environment
    if environment is not None:
        topic = remaps.get(environment.topic, environment.topic)
        environment = replace(environment, topic=topic)
    contract = replace(contract, cameras=tuple(cameras), state=state, environment=environment)
    wanted: dict[str, tuple[str, ...]] = {camera.topic: CAMERA_TYPES for camera in contract.cameras}
    wanted[state.topic] = (JOINT_STATE,)
    if environment is not None:
        wanted[environment.topic] = (FLOAT64_MULTI_ARRAY,)
    problems = [
        f"{topic} ({_why(topic, kinds, types)})"
        for topic, kinds in wanted.items()
        if types.get(topic) not in kinds
    ]
    if problems:
        listed = ", ".join(f"{t} [{types[t]}]" for t in sorted(types)[:_LISTED])
        raise ReplayError(
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
