# SPDX-License-Identifier: Apache-2.0
"""What is wrong, said once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rclpy.node import Node


class Said:
    """Logs a sentence when it becomes another one, and when all is well again."""

    def __init__(self, node: Node) -> None:
        self._log = node.get_logger()
        self._last: dict[str, str] = {}
        self._times: dict[str, int] = {}

    def say(self, what: str, sentence: str, patience: int = 1) -> None:
        """Of something such as "heat of camera top": why there is none; empty: there is.

        It is logged when it is said for the `patience`-th time in a row.
        """
        self._times[what] = self._times.get(what, 0) + 1 if sentence else 0
        before = self._last.get(what, "")
        if 0 < self._times[what] < patience:
            return
        self._last[what] = sentence
        if sentence == before:
            return
        if sentence:
            self._log.warning(f"no {what}: {sentence}")
        else:
            self._log.info(f"{what}: there it is")
