# SPDX-License-Identifier: Apache-2.0
"""Recordings into one LeRobot dataset: written, joined, read back, and only then there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pam_ros.bags.reader import BagReader
from pam_ros.export.errors import ExportError
from pam_ros.export.many import CheckTask, ExportTask, run_check, run_export, run_many
from pam_ros.export.result import BagReport
from pam_ros.export.topics import contract_of, whole_fps
from pam_ros.export.work import Work, fingerprint, finished
from pam_ros.robot import MessageError
from pam_ros.robot.observation import camera_image
from pam_ros.robot.resizing import fit
from pam_ros.share.errors import PamRosError
from pam_ros.share.folders import find_contract

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pam_ros.export.settings import ExportSettings
    from pam_ros.robot.contract import Contract


@dataclass(frozen=True)
class Exported:
    """What `export` made.

    Attributes:
        out: the dataset.
        new: false if it was there before.
        failed: recordings that are not in it.
        summary: what meta/pam_ros_export.json says.
    """

    out: Path
    new: bool
    failed: tuple[str, ...]
    summary: dict[str, Any]


class Export:
    """Recordings on their way into a dataset.

    Args:
        bags: in the order of the episodes.
        out: folder of the dataset.
        settings: what to do.
        tell: is given each recording's report, or why there is none, as it comes.
        workers: processes on this machine.
        ray: address of a Ray cluster; empty: none.
        check: read the dataset back.
        leave_out_failed: make the dataset of the others where a recording fails.
        alive: called often while this process does the work; it may raise KeyboardInterrupt.
    """

    def __init__(
        self,
        bags: Sequence[Path],
        out: Path,
        settings: ExportSettings,
        tell: Callable[[Path, BagReport | str], object],
        *,
        workers: int = 1,
        ray: str = "",
        check: bool = True,
        leave_out_failed: bool = False,
        alive: Callable[[], object] = lambda: None,
    ) -> None:
        # A worker has a folder of its own: paths from this one's mean nothing there.
        self._bags = [bag.resolve() for bag in bags]
        self._out = out.resolve()
        file = find_contract(settings.contract)
        self._settings = replace(settings, contract=str(file.resolve()))
        self._text = file.read_text(encoding="utf-8")
        self._tell = tell
        self._workers, self._ray = workers, ray
        self._check, self._leave_out_failed = check, leave_out_failed
        self._alive = alive

    def run(self) -> Exported:
        """Do all of it; goes on where the last export was stopped.

        Raises:
            PamRosError: the dataset cannot be made.
            OSError: the disk refuses.
        """
        contract = contract_of(self._settings)
        fps = whole_fps(self._settings, contract)
        identity = self._settings.identity() | {"contract": self._text}
        whole = {"settings": identity, "recordings": [fingerprint(bag) for bag in self._bags]}
        there = finished(self._out, whole)
        if there is not None:
            return Exported(self._out, new=False, failed=tuple(there["failed"]), summary=there)
        self._check_sizes()
        work = Work(self._out, identity)
        try:
            reports, failed = self._write(work)
            summary = {
                "identity": whole,
                "failed": failed,
                "fps": fps,
                "recordings": [_told(report) for report in reports],
            }
            self._alive()
            self._join(work, reports)
            self._alive()
            if self._check:
                summary["check"] = self._read_back(work, reports)
                self._alive()
            (work.joined / "meta" / "pam_ros_contract.yaml").write_text(
                self._text, encoding="utf-8"
            )
            work.finish(summary)
        except BaseException:
            work.close()
            raise
        return Exported(self._out, new=True, failed=tuple(failed), summary=summary)

    def _write(self, work: Work) -> tuple[list[BagReport], list[str]]:
        """The reports in the order of the recordings, and those recordings that failed."""
        here = self._workers == 1 and not self._ray
        tasks = [ExportTask(bag, work.folder, self._settings, here) for bag in self._bags]
        found: dict[int, BagReport] = {}
        run = partial(run_export, alive=self._alive) if here else run_export
        for place, result in run_many(tasks, run, self._workers, self._ray):
            self._tell(self._bags[place], result)
            if isinstance(result, BagReport):
                found[place] = result
        failed = [str(bag) for place, bag in enumerate(self._bags) if place not in found]
        if not found or (failed and not self._leave_out_failed):
            raise ExportError(_why_unfinished(failed, len(self._bags)))
        return [found[place] for place in sorted(found)], failed

    def _join(self, work: Work, reports: Sequence[BagReport]) -> None:
        from pam_ros.export.lerobot_writer import join  # noqa: PLC0415  (slow to load)
        from pam_ros.export.work import BagWork  # noqa: PLC0415

        work.clear_joined()
        parts = [
            BagWork(work.folder, Path(report.bag)).folder / episode.folder
            for report in reports
            for episode in report.episodes
        ]
        join(parts, work.joined, work.folder)

    def _read_back(self, work: Work, reports: Sequence[BagReport]) -> dict[str, Any]:
        first, tasks = 0, []
        for number, report in enumerate(reports):
            scratch = work.folder / f"check-{number}"
            tasks.append(
                CheckTask(Path(report.bag), scratch, self._settings, work.joined, report, first)
            )
            first += len(report.episodes)
        psnr: list[float] = []
        frames = 0
        for _, result in run_many(tasks, run_check, self._workers, self._ray):
            if isinstance(result, str):
                raise ExportError(result)
            frames += result.frames
            psnr += result.psnr_db
        return check_figures(frames, psnr)

    def _check_sizes(self) -> None:
        """Refuse pictures of several sizes before anything is written."""
        seen: dict[str, tuple[tuple[int, int], Path]] = {}
        for bag in self._bags:
            for feature, size in _first_sizes(bag, self._settings).items():
                other, where = seen.setdefault(feature, (size, bag))
                if other != size:
                    raise ExportError(
                        f"{feature} is {size[0]}x{size[1]} (height x width) in bag {bag} and "
                        f"{other[0]}x{other[1]} in bag {where}: export them apart, or give the "
                        "contract's camera a resize and use --pictures contract"
                    )


def check_figures(frames: int, psnr: Sequence[float]) -> dict[str, Any]:
    """What reading back gave, in figures.

    Args:
        frames: whose numbers are equal.
        psnr: of the pictures that were compared [dB].
    """
    ordered = sorted(psnr)
    figures: dict[str, Any] = {"frames": frames, "pictures": len(ordered)}
    if ordered:
        figures["equal_pictures"] = sum(value == float("inf") for value in ordered)
        for name, part in (("psnr_p5_db", 0.05), ("psnr_median_db", 0.5)):
            value = ordered[int(part * (len(ordered) - 1))]
            figures[name] = None if value == float("inf") else round(value, 2)
    return figures


def _first_sizes(bag: Path, settings: ExportSettings) -> dict[str, tuple[int, int]]:
    """Height and width of each camera's first picture; nothing of a bag that does not open."""
    try:
        with BagReader(bag) as reader:
            types = {topic.name: topic.type for topic in reader.topics.values()}
            contract = contract_of(settings, types, bag)
            return dict(_sizes(reader, contract))
    except (PamRosError, OSError):
        return {}  # whoever exports it says why


def _sizes(reader: BagReader, contract: Contract) -> list[tuple[str, tuple[int, int]]]:
    found = []
    for camera in contract.cameras:
        message = next(reader.messages([camera.topic]), None)
        if message is None:
            continue
        try:
            height, width = fit(camera, camera_image(camera, reader.decode(message))).shape[:2]
        except MessageError:
            continue
        found.append((camera.feature, (height, width)))
    return found


def _why_unfinished(failed: Sequence[str], count: int) -> str:
    if len(failed) == count:
        return "no recording could be exported" if count > 1 else "nothing was exported"
    return (
        f"{len(failed)} of {count} recordings failed, and no dataset was made: mend them and run "
        "the same command again, or make it of the others with --leave-out-failed"
    )


def _told(report: BagReport) -> dict[str, Any]:
    return {
        "bag": Path(report.bag).name,
        "episodes": [
            {
                "frames": episode.frames,
                "task": episode.task,
                "start_ns": episode.start_ns,
                "end_ns": episode.end_ns,
            }
            for episode in report.episodes
        ],
        "counts": report.counts,
        "notes": list(report.notes),
    }
