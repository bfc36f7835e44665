# SPDX-License-Identifier: Apache-2.0
"""One recording into episodes, each a dataset of its own."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pam_ros.export.episodes import LEAST, episodes
from pam_ros.export.errors import ExportError
from pam_ros.export.features import features_of, row_of
from pam_ros.export.frames import BagFrames
from pam_ros.export.lerobot_writer import EpisodeWriter
from pam_ros.export.result import BagReport, ExportedEpisode
from pam_ros.export.work import BagWork
from pam_ros.share.errors import PamRosError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from pam_ros.export.episodes import Episode
    from pam_ros.export.frames import Frame
    from pam_ros.export.settings import ExportSettings

    Progress = Callable[[float, int], object]


def export_bag(bag: Path, work: Path, settings: ExportSettings, progress: Progress) -> BagReport:
    """Write the episodes of a recording; goes on where the last export was stopped.

    Args:
        bag: folder or file.
        work: the export's work folder.
        settings: what to do.
        progress: called with the part of the recording that is done, 0 to 1, and the frames so far.

    Raises:
        PamRosError: the recording cannot be exported.
        OSError: the disk refuses.
    """
    kept = BagWork(work, bag)
    done = kept.report
    if done is not None:
        return _told(bag, done)
    try:
        source = BagFrames(bag, settings, kept.folder)
        try:
            job = _Job(source, kept, settings, progress)
            found = tuple(job.export(episode) for episode in episodes(source))
        finally:
            source.close()
        if not found:
            raise ExportError(f"bag {bag}: no episode has {LEAST} frames or more")
    except PamRosError:
        # With these settings it will be refused again: the way is free for others.
        kept.discard()
        raise
    finally:
        kept.close()
    report = BagReport(str(bag), found, source.lost(), tuple(source.notes))
    kept.finish(asdict(report))
    progress(1.0, report.frames)
    return report


def _told(bag: Path, told: Mapping[str, Any]) -> BagReport:
    """The report that was kept when the recording was finished."""
    found = tuple(ExportedEpisode(**episode) for episode in told["episodes"])
    return BagReport(str(bag), found, told["counts"], tuple(told["notes"]))


class _Job:
    """The episodes of one recording on their way to the disk."""

    def __init__(
        self,
        source: BagFrames,
        kept: BagWork,
        settings: ExportSettings,
        progress: Progress,
    ) -> None:
        self._source = source
        self._kept = kept
        self._settings = settings
        self._progress = progress
        self._frames = 0

    def export(self, episode: Episode) -> ExportedEpisode:
        folder = self._kept.episode(episode.number)
        if folder.is_dir():
            stamps = [frame.stamp_ns for frame in self._seen(episode)]
        else:
            stamps = self._write(episode)
        return ExportedEpisode(folder.name, len(stamps), episode.first.task, stamps[0], stamps[-1])

    def _write(self, episode: Episode) -> list[int]:
        writer = self._begin(episode)
        stamps = []
        try:
            for frame in self._seen(episode):
                writer.add(row_of(frame))
                stamps.append(frame.stamp_ns)
            writer.finish()
        except BaseException:
            writer.abandon()
            self._kept.drop(episode.number)
            raise
        self._kept.keep(episode.number)
        return stamps

    def _seen(self, episode: Episode) -> Iterator[Frame]:
        for frame in episode.frames:
            self._frames += 1
            self._progress(min(self._source.part, 0.99), self._frames)
            yield frame

    def _begin(self, episode: Episode) -> EpisodeWriter:
        contract, settings = self._source.contract, self._settings
        return EpisodeWriter(
            self._kept.begin(episode.number),
            self._source.fps,
            features_of(contract, episode.first, images=settings.images),
            contract.robot,
            settings,
        )
