# SPDX-License-Identifier: Apache-2.0
"""What a recording is of: the robot, its task, the policy and the day."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pam_ros.show.report.recording import Recording

_ROBOT = re.compile(r"<robot\b[^>]*?\bname\s*=\s*[\"']([^\"']+)[\"']")
#: A clock that shows less was never set: seconds since a computer or a simulation started.
_SET_NS = 1_000_000_000 * 1_000_000_000
_SHORT = 12


def heading(recording: Recording, robot: str = "", task: str = "") -> dict[str, str]:
    """Robot, task, policy and date as texts; empty where nothing tells.

    Args:
        recording: that is shown.
        robot: its name, if somebody says so; else that of the robot's description in the bag.
        task: in words, if somebody says so; else what the policy was told.
    """
    return {
        "robot": robot or robot_name(recording.description),
        "task": task or _told(recording),
        "policy": _policy(recording),
        "date": _date(recording.start_ns),
    }


def title(head: dict[str, str], name: str) -> str:
    """One line: of the robot and its task or, where neither is known, of the bag's name."""
    who = ": ".join(filter(None, (head["robot"], head["task"]))) or name
    return ", ".join(filter(None, (who, head["policy"], head["date"])))


def robot_name(description: str) -> str:
    """The name that a URDF gives its robot; empty if it is none."""
    found = _ROBOT.search(description)
    return found.group(1) if found else ""


def _told(recording: Recording) -> str:
    told = dict.fromkeys(str(t.message.instruction) for t in recording.ticks if t.message.valid)
    texts = [text for text in told if text.strip()]
    return texts[0] if len(texts) == 1 else f"{len(texts)} instructions" if texts else ""


def _policy(recording: Recording) -> str:
    told = dict.fromkeys(
        (str(t.message.policy_name), str(t.message.policy_sha256)[:_SHORT])
        for t in recording.ticks
        if t.message.valid
    )
    return " and ".join(" ".join(filter(None, both)) for both in told)


def _date(start_ns: int) -> str:
    if start_ns < _SET_NS:
        return ""
    began = datetime.fromtimestamp(start_ns // 1_000_000_000, tz=timezone.utc)
    return began.strftime("%Y-%m-%d %H:%M UTC")
