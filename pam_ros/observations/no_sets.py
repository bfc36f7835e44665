# SPDX-License-Identifier: Apache-2.0
"""Why a recording gives no observation set, in one sentence with the cure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pam_ros.robot.sources import contract_sources

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pam_ros.robot.contract import Contract


@dataclass
class SourceStamps:
    """What the stamps of a source were. lowest_ns, highest_ns: of those that are positive [ns]."""

    messages: int = 0
    unstamped: int = 0
    lowest_ns: int = 0
    highest_ns: int = 0

    def take(self, stamp_ns: int) -> None:
        """One more message."""
        self.messages += 1
        if stamp_ns <= 0:
            self.unstamped += 1
            return
        self.lowest_ns = min(self.lowest_ns or stamp_ns, stamp_ns)
        self.highest_ns = max(self.highest_ns, stamp_ns)


def why_no_sets(contract: Contract, stamps: Mapping[str, SourceStamps]) -> str:
    """The sentence.

    Args:
        contract: that the recording was read by.
        stamps: of each source that had a message with a header.
    """
    topics = {each.name: each.topic for each in contract_sources(contract) if each.stamped}
    silent = [topic for source, topic in topics.items() if source not in stamps]
    if silent:
        return f"no message came on {', '.join(silent)}: record all topics of the contract"
    unstamped = [
        f"all {seen.messages} messages on {topics[source]}"
        for source, seen in stamps.items()
        if seen.unstamped == seen.messages
    ]
    if unstamped:
        return (
            f"{' and '.join(unstamped)} have the stamp 0, and sets are put together by stamps: let "
            "what publishes them set header.stamp, and record again, or write 'stamp: arrival' for "
            "them in the contract"
        )
    spans = ", ".join(
        f"{topics[source]} from {seen.lowest_ns * 1e-9:.3f} to {seen.highest_ns * 1e-9:.3f} s"
        for source, seen in stamps.items()
    )
    return (
        f"no stamps of all sources lie within {contract.sync_tolerance_s:g} s of each other: "
        f"{spans}: synchronise the clocks that stamp them and record again, or raise the "
        "contract's sync_tolerance_s"
    )
