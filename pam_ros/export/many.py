# SPDX-License-Identifier: Apache-2.0
"""The same job on many recordings: one after the other, in processes, or on a Ray cluster."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from pam_ros.replay.on_ray import run_on_ray
from pam_ros.replay.progress import ProgressLine
from pam_ros.share.errors import PamRosError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from pam_ros.export.result import BagCheck, BagReport
    from pam_ros.export.settings import ExportSettings

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class ExportTask:
    """One recording to write. show: say how far it is."""

    bag: Path
    work: Path
    settings: ExportSettings
    show: bool = False


@dataclass(frozen=True)
class CheckTask:
    """One recording to compare with the dataset that was made of it."""

    bag: Path
    work: Path
    settings: ExportSettings
    root: Path
    report: BagReport
    first_episode: int


def run_export(task: ExportTask, alive: Callable[[], object] | None = None) -> BagReport | str:
    """The report, or why there is none: whatever happens, no error is raised.

    Args:
        task: what to write.
        alive: called with every frame; it may raise KeyboardInterrupt.
    """
    # lerobot is slow to load; the process that only hands out tasks does without.
    from pam_ros.export.one_bag import export_bag  # noqa: PLC0415

    line = ProgressLine(task.bag.name) if task.show else None

    def progress(part: float, frames: int) -> None:
        if alive is not None:
            alive()
        if line is not None:
            line(part, frames)

    return _told(lambda: export_bag(task.bag, task.work, task.settings, progress))


def run_check(task: CheckTask) -> BagCheck | str:
    """What reading gave, or why it is not right: whatever happens, nothing is raised."""
    from pam_ros.export.check import check_bag  # noqa: PLC0415

    return _told(
        lambda: check_bag(
            task.root, task.report, task.bag, task.first_episode, task.settings, task.work
        )
    )


def run_many(
    tasks: Sequence[_Task], run: Callable[[_Task], _Result | str], workers: int, ray: str
) -> Iterator[tuple[int, _Result | str]]:
    """Run all; the place of each with its result as it comes.

    Args:
        tasks: paths in them are absolute.
        run: a function of this module.
        workers: processes on this machine.
        ray: address of a cluster, "local" for one on this machine; empty: none.

    Raises:
        ReplayError: Ray is asked for and cannot be used.
    """
    if ray:
        yield from run_on_ray(tasks, run, workers, ray)
    elif workers == 1 or len(tasks) == 1:
        for place, task in enumerate(tasks):
            yield place, run(task)
    else:
        # Forked processes would share torch's threads, which do not survive a fork.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(max_workers=workers, mp_context=context) as pool:
            futures = {pool.submit(run, task): place for place, task in enumerate(tasks)}
            try:
                for future in as_completed(futures):
                    error = future.exception()
                    yield futures[future], str(error) if error else future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def _told(job: Callable[[], _Result]) -> _Result | str:
    try:
        return job()
    except (PamRosError, OSError) as error:
        return str(error)
    except Exception as error:  # noqa: BLE001  (one recording must not end the others)
        return f"{type(error).__name__}: {error}"
