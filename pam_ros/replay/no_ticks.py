# SPDX-License-Identifier: Apache-2.0
"""Why a replay has no tick, and what helps."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def why_no_ticks(counts: Mapping[str, int], unusable: str, no_sets: str) -> str:
    """The sentence.

    Args:
        counts: what was not used, by cause.
        unusable: why a set could not be used; empty if there was none.
        no_sets: why stamps gave no set; empty where they did not choose.
    """
    reasons = []
    if counts.get("unusable"):
        reasons.append(
            f"none of {counts['unusable']} sets of messages can be used, such as: {unusable}"
        )
    if counts.get("incomplete"):
        reasons.append(
            f"the messages of {counts['incomplete']} ticks that the recorded maps name are not in "
            "the recording: record all topics of the contract, or let --ignore-maps put sets "
            "together by stamps"
        )
    if not reasons and counts.get("damaged"):
        reasons.append(f"{counts['damaged']} messages are cut short")
    if not reasons and no_sets:
        reasons.append(no_sets)
    return f"no tick: {'; '.join(reasons) or 'the recording has none'}"
