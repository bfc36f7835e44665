# SPDX-License-Identifier: Apache-2.0
"""Finished moments on disk, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from pam_ros.attention.errors import AttentionError
from pam_ros.faithfulness.measure import Moment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Journal:
    """One JSON line per moment, after a first one that says which run it is.

    Args:
        file: a new one, or that of an interrupted run. None keeps the moments in memory alone.
        run: whatever decides the measurements; a file of another run is refused.

    Raises:
        AttentionError: the file is of another run, or is no journal.
    """

    def __init__(self, file: Path | None, run: Mapping[str, Any]) -> None:
        self._file = file
        self._moments: dict[tuple[int, int], Moment] = {}
        if file is None:
            return
        first = json.dumps(run, sort_keys=True)
        if not file.exists():
            file.write_text(first + "\n", encoding="utf-8")
            return
        # What comes after the last line end was not written in full.
        whole = file.read_text(encoding="utf-8").rpartition("\n")[0]
        lines = whole.split("\n")
        if lines[0] != first:
            message = f"{file} is of another run: remove it, or write the report to another file"
            raise AttentionError(message)
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
        return Moment(int(fields["episode"]), int(fields["moment"]), pairs, points)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"{file} holds a line that is no measurement: remove the file"
        raise AttentionError(message) from error
