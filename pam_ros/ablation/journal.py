# SPDX-License-Identifier: Apache-2.0
"""What is measured already, on disk, so that an interrupted run goes on where it stopped."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pam_ros.ablation.closed_loop import Ending
from pam_ros.ablation.errors import AblationError
from pam_ros.ablation.measure import Measured

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Journal:
    """One JSON line per moment or episode, after a first one that says which run it is.

    Args:
        file: a new one, or that of an interrupted run. None keeps all in memory alone.
        run: whatever decides the measurements; a file of another run is refused.

    Raises:
        AblationError: the file is of another run, is no journal, or cannot be written.
    """

    def __init__(self, file: Path | None, run: Mapping[str, Any]) -> None:
        self._file = file
        self._measured: dict[tuple[int, int], Measured] = {}
        self._endings: dict[tuple[str, int], Ending] = {}
        if file is None:
            return
        first = json.dumps(run, sort_keys=True)
        try:
            if not file.exists():
                file.write_text(first + "\n", encoding="utf-8")
                return
            # What comes after the last line end was not written in full.
            whole = file.read_text(encoding="utf-8").rpartition("\n")[0]
            self._read(whole.split("\n"), first)
            file.write_text(whole + "\n", encoding="utf-8")
        except OSError as error:
            raise AblationError(f"{file} cannot be written: {error.strerror}") from error

    def measured(self, place: tuple[int, int]) -> Measured | None:
        """What a moment gave; None if it is not done."""
        return self._measured.get(place)

    def has_ending(self, key: str, seed: int) -> bool:
        """Whether this episode is done."""
        return (key, seed) in self._endings

    @property
    def endings(self) -> tuple[Ending, ...]:
        """All episodes that are done."""
        return tuple(self._endings.values())

    def add(self, one: Measured | Ending) -> None:
        """Keep a moment or an episode.

        Raises:
            AblationError: the disk refuses.
        """
        self._keep(one)
        if self._file is None:
            return
        try:
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(one)) + "\n")
        except OSError as error:
            raise AblationError(f"{self._file} cannot be written: {error.strerror}") from error

    def _keep(self, one: Measured | Ending) -> None:
        if isinstance(one, Measured):
            self._measured[one.episode, one.frame] = one
        else:
            self._endings[one.key, one.seed] = one

    def _read(self, lines: list[str], first: str) -> None:
        if lines[0] != first:
            raise AblationError(
                f"{self._file} is of another run: remove it, or name another folder with --out"
            )
        try:
            for line in lines[1:]:
                self._keep(_one(json.loads(line)))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise AblationError(
                f"{self._file} holds a line that is no measurement: remove the file"
            ) from error


def _one(content: Mapping[str, Any]) -> Measured | Ending:
    if "seed" in content:
        return Ending(**content)
    ways = {name: tuple(map(float, way)) for name, way in content["ways"].items()}
    return Measured(
        int(content["episode"]),
        int(content["frame"]),
        ways,
        tuple(map(float, content["mean"])),
        tuple(map(float, content["square"])),
        tuple(map(float, content.get("shares", ()))),
    )
