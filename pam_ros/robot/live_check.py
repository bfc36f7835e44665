# SPDX-License-Identifier: Apache-2.0
"""What a graph publishes, held against a contract: one sentence for each disagreement. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pam_ros.robot.contract import FLOAT64_MULTI_ARRAY, JOINT_STATE
from pam_ros.robot.errors import MessageError
from pam_ros.robot.images import fit
from pam_ros.robot.joints import joint_positions
from pam_ros.robot.observation import camera_image
from pam_ros.robot.sync import ENVIRONMENT, STATE, Synchroniser

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from pam_ros.robot.contract import Contract

SLOW = 0.8
"""A source below this part of the contract's rate leaves ticks without anything new."""


@dataclass
class Heard:
    """One topic: who publishes which types, and what came, for how long [s].

    ``stamps`` and ``arrivals`` [ns], one of each per message; ``last`` is the newest message.
    """

    topic: str
    seconds: float
    types: tuple[str, ...] = ()
    stamps: list[int] = field(default_factory=list)
    arrivals: list[int] = field(default_factory=list)
    last: Any = None

    @property
    def rate_hz(self) -> float:
        """Messages per second."""
        return len(self.arrivals) / self.seconds


@dataclass(frozen=True)
class Wanted:
    """One source as the contract has it."""

    name: str
    topic: str
    type: str


def wanted_sources(contract: Contract) -> dict[str, Wanted]:
    """What to listen to, by the source's name."""
    sources = {
        camera.name: Wanted(f"camera '{camera.name}'", camera.topic, camera.type)
        for camera in contract.cameras
    }
    sources[STATE] = Wanted("the joint state", contract.state.topic, JOINT_STATE)
    if contract.environment is not None:
        topic = contract.environment.topic
        sources[ENVIRONMENT] = Wanted("the environment state", topic, FLOAT64_MULTI_ARRAY)
    return sources


def check_live(contract: Contract, heard: Mapping[str, Heard]) -> tuple[list[str], list[str]]:
    """Notes of what was heard, and problems, one sentence each.

    Args:
        contract: bound to a policy where sizes are to be checked too.
        heard: by source, as ``wanted_sources`` names them.
    """
    notes: list[str] = []
    problems: list[str] = []
    for name, source in wanted_sources(contract).items():
        note, wrong = _check_source(contract, source, heard[name])
        notes += note
        problems += wrong
    problems += _check_images(contract, heard)
    problems += _check_joints(contract, heard[STATE])
    if not problems:
        problems += _check_sets(contract, heard)
    return notes, problems


def _check_source(contract: Contract, source: Wanted, heard: Heard) -> tuple[list[str], list[str]]:
    who = f"{source.name} ({source.topic})"
    if not heard.types:
        return [], [f"{who}: nobody publishes this topic"]
    if source.type not in heard.types:
        given = ", ".join(sorted(set(heard.types)))
        return [], [f"{who} is published as {given}; the contract says {source.type}"]
    if not heard.arrivals:
        return [], [f"{who}: no message came in {heard.seconds:g} s"]
    notes = [f"{who}: {heard.rate_hz:.1f} Hz{_described(heard.last)}"]
    problems = []
    if heard.rate_hz < SLOW * contract.rate_hz:
        problems.append(
            f"{who} comes at {heard.rate_hz:.1f} Hz; the contract ticks at {contract.rate_hz:g} Hz"
        )
    if source.type != FLOAT64_MULTI_ARRAY:
        problems += _check_stamps(contract, who, heard)
    return notes, problems


def _described(message: Any) -> str:
    encoding = getattr(message, "encoding", None)
    if encoding is not None:
        return f", {message.width}x{message.height} {encoding}"
    packed = getattr(message, "format", None)
    return f", {packed}" if packed is not None else ""


def _check_stamps(contract: Contract, who: str, heard: Heard) -> list[str]:
    if any(stamp <= 0 for stamp in heard.stamps):
        return [f"{who} has messages without a stamp; they are not used"]
    ages = (np.array(heard.arrivals) - np.array(heard.stamps)) * 1e-9
    age = float(np.median(ages))
    if age > contract.max_age_s:
        used = f"at most max_age_s, {contract.max_age_s:g} s, is used"
        cure = "look at the clocks, or at the driver"
        return [f"{who} is stamped {age:.2f} s before it arrives; {used}: {cure}"]
    if age < -contract.max_age_s:
        return [f"{who} is stamped {-age:.2f} s in the future: look at the clocks"]
    if (np.diff(heard.stamps) < 0).any():
        return [f"{who} comes out of order"]
    return []


def _check_images(contract: Contract, heard: Mapping[str, Heard]) -> list[str]:
    problems = []
    for camera in contract.cameras:
        message = heard[camera.name].last
        if message is None:
            continue
        try:
            fit(camera, camera_image(camera, message))
        except MessageError as error:
            problems.append(str(error))
    return problems


def _check_joints(contract: Contract, heard: Heard) -> list[str]:
    if heard.last is None:
        return []
    try:
        joint_positions(heard.last, contract.state.joints)
        measured = joint_positions(heard.last, contract.command.joints)
    except MessageError as error:
        return [f"{contract.state.topic}: {error}"]
    return [
        f"joint '{joint.name}' stands at {position:.3f}, outside its limits {joint.limits[0]:g} to "
        f"{joint.limits[1]:g} rad: the node would not be enabled there (is the driver's unit rad?)"
        for joint, position in zip(contract.command.joints, _floats(measured), strict=True)
        if joint.limits is not None and not joint.limits[0] <= position <= joint.limits[1]
    ]


def _floats(values: npt.NDArray[np.float64]) -> Sequence[float]:
    listed: list[float] = values.tolist()
    return listed


def _check_sets(contract: Contract, heard: Mapping[str, Heard]) -> list[str]:
    """Whether the stamps agree, by the synchroniser itself, in the order of arrival."""
    synchroniser = Synchroniser.for_contract(contract)
    events = sorted(
        (arrival, name, arrival if name == ENVIRONMENT else stamp)
        for name, source in heard.items()
        for arrival, stamp in zip(source.arrivals, source.stamps, strict=True)
    )
    sets = 0
    for arrival, name, stamp in events:
        synchroniser.add(name, stamp, None)
        sets += synchroniser.newest(arrival) is not None
    if sets:
        return []
    return [f"no set of observations agrees: {synchroniser.reason}"]
