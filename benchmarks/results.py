# SPDX-License-Identifier: Apache-2.0
"""What a slice measured, as one small JSON file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.estimates import Estimate, paired_change, ratio_of_percentiles

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from benchmarks.interleave import Row


@dataclass(frozen=True)
class RowResult:
    """One row: its value in every round, in the slice's unit; none where it could not run.

    against: as in interleave.Row.
    """

    key: str
    label: str
    samples: tuple[float, ...]
    missing: str = ""
    note: str = ""
    against: str = ""

    @property
    def median(self) -> float:
        """Of the samples."""
        return float(np.median(self.samples))


@dataclass(frozen=True)
class SliceResult:
    """One slice.

    group: what was measured, see slices.GROUPS. size: of which policy. device: "cpu" or "cuda".
    reference: the row that ratios are to unless it says another; empty for none. unit: "ms", "MiB".
    facts: what else a reader should know, for instance of each engine. left_out and others: as in
    interleave.Timing.
    """

    group: str
    size: str
    title: str
    device: str
    threads: int
    machine: Mapping[str, Any]
    unit: str
    reference: str
    rows: tuple[RowResult, ...]
    facts: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    left_out: int = 0
    others: float | None = None

    @property
    def name(self) -> str:
        """The slice's, and its file's without the ending."""
        return slice_name(self.group, self.size, self.device)

    def row(self, key: str) -> RowResult | None:
        """A row that ran, or None."""
        found = [row for row in self.rows if row.key == key and row.samples]
        return found[0] if found else None

    def ratio(self, key: str, reference: str | None = None, percent: float = 50) -> Estimate | None:
        """A row's percentile by that of another; None where one of them did not run.

        reference: the other's key; None: the one that the row is against, or the slice's.
        """
        row = self.row(key)
        if row is not None and reference is None:
            reference = row.against or self.reference
        base = self.row(reference or "")
        if row is None or base is None:
            return None
        return ratio_of_percentiles(row.samples, base.samples, percent)

    def change(self, on: str, off: str) -> Estimate | None:
        """paired_change of two rows; None where one of them did not run."""
        with_it, without = self.row(on), self.row(off)
        if with_it is None or without is None:
            return None
        return paired_change(with_it.samples, without.samples)


def slice_name(group: str, size: str, device: str) -> str:
    """group-size, with the device where that is not the CPU."""
    return "-".join([group, size] if device == "cpu" else [group, size, device])


def row_results(
    rows: Sequence[Row], samples: Mapping[str, Sequence[float]], factor: float
) -> tuple[RowResult, ...]:
    """Rows with their samples times `factor`, to the microsecond if that makes milliseconds."""
    return tuple(
        RowResult(
            row.key,
            row.label,
            tuple(round(value * factor, 3) for value in samples.get(row.key, ())),
            row.missing,
            row.note,
            row.against,
        )
        for row in rows
    )


def write(result: SliceResult, folder: Path) -> Path:
    """Write the slice's file; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{result.name}.json"
    fields = asdict(result)
    rows = fields.pop("rows")
    # One row per line: a diff then says which row changed.
    head = json.dumps(fields, indent=1)[:-2]
    lines = ",\n".join("  " + json.dumps(row) for row in rows)
    file.write_text(f'{head},\n "rows": [\n{lines}\n ]\n}}\n', encoding="utf-8")
    return file


def read(file: Path) -> SliceResult:
    """Read a slice's file."""
    fields = json.loads(file.read_text(encoding="utf-8"))
    rows = tuple(
        RowResult(**{**row, "samples": tuple(row["samples"])}) for row in fields.pop("rows")
    )
    return SliceResult(**fields, rows=rows)


def read_all(folder: Path) -> dict[str, SliceResult]:
    """Every slice that has a file, by name."""
    return {result.name: result for result in map(read, sorted(folder.glob("*.json")))}
