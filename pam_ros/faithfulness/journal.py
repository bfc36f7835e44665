# SPDX-License-Identifier: Apache-2.0
"""Finished moments on disk, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from pam_ros.attention.errors import AttentionError
from pam_ros.faithfulness.measure import Moment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


class Journal:
    """One JSON line per moment, after a first one that says which run it is.

    Args:
        file: a new one, or that of an interrupted run. None keeps the moments in memory alone.
        run: whatever decides the measurements; a file of another run is refused.
        choose: what a new run decides for itself, asked once; later runs keep to it.

    Attributes:
        chosen: what was decided.

    Raises:
        AttentionError: the file is of another run, or is no journal.
    """

    def __init__(
        self,
        file: Path | None,
        run: Mapping[str, Any],
        choose: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        self._file = file
        self._moments: dict[tuple[int, int], Moment] = {}
        self.chosen: Mapping[str, Any]
        if file is None or not file.exists():
            self.chosen = dict(choose())
            if file is not None:
                first = json.dumps({"run": run, "chosen": self.chosen}, sort_keys=True)
                file.write_text(first + "\n", encoding="utf-8")
            return
        # What comes after the last line end was not written in full.
        whole = file.read_text(encoding="utf-8").rpartition("\n")[0]
        lines = whole.split("\n")
        self.chosen = _chosen(file, lines[0], run)
        for line in lines[1:]:
            moment = _moment(file, line)
            self._moments[moment.episode, moment.moment] = moment
        file.write_text(whole + "\n", encoding="utf-8")

    def __contains__(self, key: tuple[int, int]) -> bool:
        """Whether the moment (episode, moment) is done."""
        return key in self._moments

    @property
    def moments(self) -> tuple[Moment, ...]:
        """All that are done."""
        return tuple(self._moments.values())

    def add(self, moment: Moment) -> None:
        """Keep a moment."""
        self._moments[moment.episode, moment.moment] = moment
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(dataclasses.asdict(moment)) + "\n")


def _chosen(file: Path, line: str, run: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        first = json.loads(line)
        # As JSON has it: a tuple is a list there.
        if first["run"] == json.loads(json.dumps(run)):
            chosen: dict[str, Any] = first["chosen"]
            return chosen
    except (ValueError, KeyError, TypeError):
        pass  # not a journal of ours, or an older one
    message = f"{file} is of another run: remove it, or write the report to another file"
    raise AttentionError(message)


def _moment(file: Path, line: str) -> Moment:
    try:
        fields = json.loads(line)
        pairs = {
            name: {measure: (float(a), float(b)) for measure, (a, b) in found.items()}
            for name, found in fields["pairs"].items()
        }
        points = {
            name: {kind: tuple(map(float, row)) for kind, row in found.items()}
            for name, found in fields["points"].items()
        }
        facts = {name: (float(a), float(b)) for name, (a, b) in fields["facts"].items()}
        return Moment(int(fields["episode"]), int(fields["moment"]), pairs, points, facts)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{file} holds a line that is no measurement: remove the file"
        raise AttentionError(message) from error
