# SPDX-License-Identifier: Apache-2.0
"""Which ablations are made, and why others cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pam_ros.ablation.replacements import (
    EMPTY,
    FIRST,
    OTHER,
    REPLACEMENTS,
    Ablation,
    makes_sense,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.ablation.inputs import Input
    from pam_ros.ablation.moments import Moment
    from pam_ros.ablation.passes import Passes


def planned(
    inputs: Sequence[Input],
    replacements: Sequence[str],
    moments: Sequence[Moment],
    passes: Passes,
    *,
    asked: bool,
) -> list[Ablation]:
    """Each input under each replacement that there is for it, in the order of REPLACEMENTS.

    Args:
        inputs: to replace.
        replacements: to make.
        moments: that are looked at.
        passes: of the policy.
        asked: whether the replacements were named: those that make no sense are then told too.
    """
    plan = []
    for one in inputs:
        for replacement in (word for word in REPLACEMENTS if word in replacements):
            if makes_sense(one, replacement):
                reason = _why_not(one, replacement, moments, passes)
            elif asked:
                reason = f"there is no such thing for {one.title}"
            else:
                continue
            plan.append(Ablation(one, replacement, reason))
    return plan


def _why_not(one: Input, replacement: str, moments: Sequence[Moment], passes: Passes) -> str:
    if one.kind == "words" and not passes.can_instruct:
        return "the policy cannot be given other words"
    if replacement == EMPTY:
        return passes.why_no_words("")
    if replacement == OTHER and len(moments) == 1:
        return "there is only one frame"
    if replacement == OTHER and one.kind == "words":
        tasks = {moment.task for moment in moments} - {""}
        if len(tasks) < 2:
            return "all frames have the same words"
    if replacement == FIRST and all(moment.first is None for moment in moments):
        return "there is no frame after an episode's first"
    return ""
