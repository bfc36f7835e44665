# SPDX-License-Identifier: Apache-2.0
"""The real attention node around a policy that does what a file wishes.

python -m faults.misbehaving_node WISHES --ros-args ...

WISHES holds a word and perhaps seconds. "nan", "inf", "far", "attention", "raise": every output is
so, as long as the file is there. "free 2", "lock 2": the next pass takes so much longer, without or
with Python's lock. "exit": the process ends in the middle of a pass, as by a fault in a library.
"""

from __future__ import annotations

import ctypes
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pam_ros.policy.interface import PolicyOutput


class Misbehaviour:
    """What is wished, done to a policy that was loaded, which keeps all that it can do."""

    def __init__(self, wishes: Path) -> None:
        self._wishes = wishes

    def enter(self, policy: Any) -> Any:
        """The policy, with passes that misbehave."""
        step, explain, later = policy.step, policy.explain, policy.explain_later
        policy.step = lambda observation: self._grant(step, observation)
        policy.explain = lambda observation: self._grant(explain, observation)

        def explain_later(observation: Any) -> Callable[[], PolicyOutput]:
            run = later(observation)
            return lambda: self._grant(run)

        policy.explain_later = explain_later
        return policy

    def _grant(self, run: Callable[..., PolicyOutput], *given: Any) -> PolicyOutput:
        try:
            word, *rest = self._wishes.read_text().split()
        except (FileNotFoundError, ValueError):
            return run(*given)
        if word in {"free", "lock", "exit"}:
            self._wishes.unlink(missing_ok=True)
        if word == "raise":
            raise ZeroDivisionError("wished for")
        if word == "exit":
            os._exit(139)
        if word == "free":
            time.sleep(float(rest[0]))
        if word == "lock":
            # Called through PyDLL, which keeps the lock: no thread of this process runs.
            ctypes.PyDLL(None).usleep(int(float(rest[0]) * 1e6))
        return _spoil(run(*given), word)


def _spoil(output: PolicyOutput, word: str) -> PolicyOutput:
    value = {"nan": np.nan, "inf": np.inf, "far": 50.0}.get(word)
    if value is not None:
        chunk, action = output.chunk.copy(), output.action.copy()
        chunk[len(chunk) // 2, 0] = action[0] = value
        return replace(output, chunk=chunk, action=action)
    if word == "attention":
        weights = {key: np.full_like(kept, np.nan) for key, kept in output.weights.items()}
        return replace(output, weights=weights)
    return output


def clock_file(wishes: Path) -> Path:
    """Where it stands by how much the node's wall clock is off."""
    return wishes.with_suffix(".clock")


def _let_the_clock_jump(file: Path) -> None:
    """Every clock of rclpy but the steady one is off by what the file says, as it says it."""
    from rclpy.clock import Clock  # noqa: PLC0415
    from rclpy.clock_type import ClockType  # noqa: PLC0415
    from rclpy.duration import Duration  # noqa: PLC0415

    now = Clock.now

    def shifted(self: Any) -> Any:
        time_now = now(self)
        if self.clock_type is ClockType.STEADY_TIME:
            return time_now
        try:
            seconds = float(file.read_text())
        except FileNotFoundError:
            return time_now
        return time_now + Duration(nanoseconds=round(seconds * 1e9))

    clock: Any = Clock
    clock.now = shifted


def main(arguments: Sequence[str]) -> int:
    """Start the node; the first argument is the file of wishes."""
    from pam_ros.share.folders import share_directory  # noqa: PLC0415
    from rclpy_cyclone import install  # noqa: PLC0415

    install(interfaces={"pam_ros": share_directory() / "msg"})
    from pam_ros.nodes.act import node as act_attention_node  # noqa: PLC0415
    from pam_ros.nodes.act import policy_start as module  # noqa: PLC0415

    wishes, *rest = arguments
    _let_the_clock_jump(clock_file(Path(wishes)))
    policy_start: Any = module  # whose name is to be given to something else
    load = policy_start.load_policy

    def load_misbehaving(*given: Any, **options: Any) -> Any:
        return Misbehaviour(Path(wishes)).enter(load(*given, **options))

    policy_start.load_policy = load_misbehaving
    return act_attention_node.main(["act_attention", *rest])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
