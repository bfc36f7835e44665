# SPDX-License-Identifier: Apache-2.0
"""What a contract listens to: one source of the synchroniser for each topic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pam_ros.robot.stamps import AS_STAMPED, STAMPS, Stamping
from pam_ros.robot.values.arrays import FLOAT64_MULTI_ARRAY
from pam_ros.robot.values.registry import STATE_TYPES

if TYPE_CHECKING:
    from pam_ros.robot.contract import Contract
    from pam_ros.robot.parts import StateContract

STATE = "joint_states"
ENVIRONMENT = "environment"


@dataclass(frozen=True)
class Source:
    """A topic that is listened to.

    Attributes:
        name: of the synchroniser's source.
        topic: as the contract has it.
        type: of the messages.
        shown: what it is, for people.
        has_header: whether its messages have one; those that have none count from their arrival.
        stamping: what the contract says of their stamps.
        camera: whether it carries pictures.
        merged: whether a set takes its older messages along, for what the newest leaves out.
    """

    name: str
    topic: str
    type: str
    shown: str
    has_header: bool = True
    stamping: Stamping = AS_STAMPED
    camera: bool = False
    merged: bool = False

    @property
    def stamped(self) -> bool:
        """Whether its messages are of their header's time, and not of their arrival's."""
        return self.has_header and self.stamping.by == STAMPS[0]

    @property
    def who(self) -> str:
        """What it is, with its topic, for people."""
        return f"{self.shown} ({self.topic})"

    def time_ns(self, stamp_ns: int, arrival_ns: int) -> int:
        """What time a message is of [ns]: for sets and ages; 0 if it does not tell.

        Args:
            stamp_ns: of its header; whatever if it has none.
            arrival_ns: by the clock that ages are measured with.
        """
        time = stamp_ns if self.stamped else arrival_ns
        return time + self.stamping.offset_ns if time > 0 else 0


def state_source(state: StateContract, topic: str) -> str:
    """The source of a topic of the state: the first one is STATE."""
    place = list(state.topics).index(topic)
    return STATE if place == 0 else f"{STATE}[{place}]"


def contract_sources(contract: Contract) -> tuple[Source, ...]:
    """All of them: cameras, the state's topics, the environment."""
    found = [
        Source(c.name, c.topic, c.type, f"camera '{c.name}'", stamping=c.stamping, camera=True)
        for c in contract.cameras
    ]
    state = contract.state
    for topic, kind in state.topics.items():
        known = STATE_TYPES[kind]
        shown = "the joint state" if known.named else "the state"
        found.append(
            Source(
                state_source(state, topic),
                topic,
                kind,
                shown,
                has_header=known.has_header,
                stamping=state.stamping(topic),
                merged=known.named,
            )
        )
    if contract.environment is not None:
        found.append(
            Source(
                ENVIRONMENT,
                contract.environment.topic,
                FLOAT64_MULTI_ARRAY,
                "the environment state",
                has_header=False,
                stamping=contract.environment.stamping,
            )
        )
    return tuple(found)


def unstamped_sources(contract: Contract) -> frozenset[str]:
    """The sources whose messages count from their arrival."""
    return frozenset(source.name for source in contract_sources(contract) if not source.stamped)


def headless_sources(contract: Contract) -> frozenset[str]:
    """The sources whose messages have no header."""
    return frozenset(source.name for source in contract_sources(contract) if not source.has_header)
