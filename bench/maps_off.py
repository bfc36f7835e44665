# SPDX-License-Identifier: Apache-2.0
"""The real attention node, but that while it commands nothing explains: no pass, map or picture.

    python -m bench.maps_off --ros-args ...

What is left is the work that commands need, to be compared with. Every tick still has its message.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pam_ros.share.folders import share_directory
from pam_ros.tick.beside import BesideThread
from rclpy_cyclone import install

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pam_ros.tick.beside import Work

OFF = "maps are off"


class Off(BesideThread):
    """Does nothing that only explains."""

    def offer(self, work: Work, due: float) -> None:
        """See BesideThread."""
        if work.commands:
            super().offer(work, due)
        else:
            work.leave_out(OFF)

    def show(self, work: Work, due: float | None = None) -> None:  # noqa: ARG002  (as the base)
        """See BesideThread."""
        work.leave_out(OFF)


def main(arguments: Sequence[str]) -> int:
    """Start the node."""
    install(interfaces={"pam_ros": share_directory() / "msg"})
    from pam_ros.nodes.act import execution, node  # noqa: PLC0415  (they need rclpy)

    vars(execution)["BesideThread"] = Off
    return node.main(["act_attention", *arguments])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
