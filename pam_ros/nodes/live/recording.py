# SPDX-License-Identifier: Apache-2.0
"""The recorder that a page starts and ends, as a process of its own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pam_ros.live.robot import Answer
from pam_ros.sim.processes import ProcessError, Processes

if TYPE_CHECKING:
    from pathlib import Path

_RECORDER = "recorder"


class Recording:
    """One recording at a time, each in a folder of its own. Of one thread at a time.

    Args:
        folder: where they are made; itself made with the first.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: Processes | None = None
        self.bag: Path | None = None

    def begin(self, contract: str) -> Answer:
        """Record what the contract names; empty: the topics of config/record.yaml."""
        if self.bag is not None:
            return Answer(False, f"{self.bag} is being recorded already")
        bag = self._folder / time.strftime("%Y-%m-%d_%H-%M-%S")
        values = {"bag": str(bag.resolve()), **({"contract": contract} if contract else {})}
        try:
            logs = self._folder / "logs"
            logs.mkdir(parents=True, exist_ok=True)
            self._processes = Processes(logs)
            self._processes.start(_RECORDER, None, **values)
        except OSError as error:
            return Answer(False, f"cannot record to {self._folder}: {error.strerror or error}")
        self.bag = bag
        return Answer(True, f"recording to {bag}")

    def look(self) -> str:
        """Why a recording has ended by itself; empty if it goes on, or there is none."""
        if self._processes is None or self.bag is None:
            return ""
        try:
            self._processes.check()
        except ProcessError as error:
            self.bag = None
            return str(error)
        return ""

    def end(self) -> Answer:
        """Close it; waits until it is whole."""
        if self._processes is None or self.bag is None:
            return Answer(False, "nothing is being recorded")
        self._processes.stop(_RECORDER)
        bag, self.bag = self.bag, None
        return Answer(True, f"recorded: {bag}")
