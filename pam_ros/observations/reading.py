# SPDX-License-Identifier: Apache-2.0
"""How a recording is to be read: plain values, so that they can be sent to another process."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Reading:
    """Which topics and features of a recording feed the policy.

    Attributes:
        contract: name or path; empty: the shipped one that fits, or one made of a data set's names.
        topics: a bag's name of a topic, by the contract's name for it.
        rename: the policy's name of a feature, by the data set's or contract's name for it.
        rate_hz: sets of messages at this rate; 0: as the contract says.
        episodes: of a data set, such as "0,4-7"; empty: all.
    """

    contract: str = ""
    topics: dict[str, str] = field(default_factory=dict)
    rename: dict[str, str] = field(default_factory=dict)
    rate_hz: float = 0.0
    episodes: str = ""
