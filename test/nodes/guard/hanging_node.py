# SPDX-License-Identifier: Apache-2.0
"""The attention node with a policy that hangs: hanging_node.py WISHES --ros-args ...

WISHES is a file. Once it holds "lock 4" or "free 4" the policy hangs so many seconds on the next
observation, with or without Python's lock, and removes the file.
"""

import ctypes
import sys
import time
from pathlib import Path
from typing import Any

from pam_ros.share.folders import share_directory
from rclpy_cyclone import install


class Hanging:
    """The real policy, but for the time it takes."""

    def __init__(self, policy, wishes) -> None:
        self._policy = policy
        self._wishes = wishes

    def __getattr__(self, name):
        return getattr(self._policy, name)

    def step(self, observation):
        self._hang()
        return self._policy.step(observation)

    def explain(self, observation):
        self._hang()
        return self._policy.explain(observation)

    def _hang(self) -> None:
        if not self._wishes.exists():
            return
        word, _, seconds = self._wishes.read_text().partition(" ")
        self._wishes.unlink()
        if word == "lock":
            # Called through PyDLL, which keeps the lock: no thread of this process runs.
            ctypes.PyDLL(None).usleep(int(float(seconds) * 1e6))
        else:
            time.sleep(float(seconds))


def main() -> int:
    install(interfaces={"pam_ros": share_directory() / "msg"})
    from pam_ros.nodes.act import node as act_attention_node
    from pam_ros.nodes.act import policy_start as module
    from pam_ros.nodes.guard import link

    policy_start: Any = module  # whose name is to be given to something else
    guard_link: Any = link
    guard_link.START_S = 300.0  # a busy machine starts no process sooner than it can
    wishes = Path(sys.argv[1])
    load = policy_start.load_policy
    policy_start.load_policy = lambda *args, **options: Hanging(load(*args, **options), wishes)
    return act_attention_node.main(["act_attention", *sys.argv[2:]])


if __name__ == "__main__":
    sys.exit(main())
