# SPDX-License-Identifier: Apache-2.0
"""diagnostic_updater's tasks: each fills one status whenever there is a report."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from .status import DiagnosticStatusWrapper

if TYPE_CHECKING:
    from collections.abc import Callable


class DiagnosticTask:
    """Something that has a name and fills a status; subclasses say how."""

    def __init__(self, name: str) -> None:
        self.name = name

    def getName(self) -> str:
        """The name, which follows the node's in a status."""
        return self.name

    def run(self, stat: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        """Fill a status and return it; this one leaves it as it is."""
        return stat


class FunctionDiagnosticTask(DiagnosticTask):
    """A task that a function does: it takes a status and returns it."""

    def __init__(
        self, name: str, fn: Callable[[DiagnosticStatusWrapper], DiagnosticStatusWrapper]
    ) -> None:
        super().__init__(name)
        self.fn = fn

    def run(self, stat: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        """Call the function."""
        return self.fn(stat)


class CompositeDiagnosticTask(DiagnosticTask):
    """Several tasks in one status: all their values, and their summaries merged."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.tasks: list[DiagnosticTask] = []

    def run(self, stat: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
        """Run each task on a status with the summary that was given, and merge what they say."""
        given, merged = DiagnosticStatusWrapper(), DiagnosticStatusWrapper()
        given.summary(stat)
        for task in self.tasks:
            stat.summary(given)
            stat = task.run(stat)
            merged.mergeSummary(stat)
        stat.summary(merged)
        return stat

    def addTask(self, t: DiagnosticTask) -> None:
        """Add a task; tasks run in the order in which they came."""
        self.tasks.append(t)


class DiagnosticTaskVector:
    """Tasks by name, which several threads may add and remove."""

    class DiagnosticTaskInternal:
        """A task as it is kept: its name, and what it does."""

        def __init__(
            self, name: str, fn: Callable[[DiagnosticStatusWrapper], DiagnosticStatusWrapper]
        ) -> None:
            self.name = name
            self.fn = fn

        def run(self, stat: DiagnosticStatusWrapper) -> DiagnosticStatusWrapper:
            """Name a status, fill it and return it.

            Raises:
                TypeError: the function did not return it.

            """
            stat.name = self.name
            filled = self.fn(stat)
            if filled is None:
                raise TypeError(
                    f"the diagnostic task {self.name!r} returned None: it must return the status "
                    "that it was given"
                )
            return filled

    def __init__(self) -> None:
        self.tasks: list[DiagnosticTaskVector.DiagnosticTaskInternal] = []
        # Held while tasks run, are added or removed.
        self.lock = threading.Lock()

    def addedTaskCallback(self, task: DiagnosticTaskInternal) -> None:
        """Called with each task that is added; this one does nothing."""

    def add(self, *args: Any) -> None:
        """Add a task, or a name and a function that takes a status and returns it.

        Raises:
            TypeError: neither one argument nor two.

        """
        if len(args) == 1:
            args = (args[0].getName(), args[0].run)
        elif len(args) != 2:
            raise TypeError(
                f"add() takes a task, or a name and a function: {len(args)} arguments were given"
            )
        task = self.DiagnosticTaskInternal(*args)
        with self.lock:
            self.tasks.append(task)
            self.addedTaskCallback(task)

    def removeByName(self, name: str) -> bool:
        """Remove the first task of this name; whether there was one."""
        with self.lock:
            for task in self.tasks:
                if task.name == name:
                    self.tasks.remove(task)
                    return True
        return False
