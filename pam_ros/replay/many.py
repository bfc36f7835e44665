# SPDX-License-Identifier: Apache-2.0
"""Many recordings: one after the other, in processes of this machine, or on a Ray cluster.

Each recording is replayed by one worker from its beginning to its end, so that the results do not
depend on how many workers there are.
"""

from __future__ import annotations

import json
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pam_ros.replay.on_ray import run_on_ray
from pam_ros.replay.output import SUMMARY
from pam_ros.replay.progress import ProgressLine
from pam_ros.replay.result import ReplayReport
from pam_ros.share.errors import PamRosError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pam_ros.replay.settings import ReplaySettings


@dataclass(frozen=True)
class Task:
    """One recording and where its replay goes. skip_finished: one that is there is left alone."""

    bag: Path
    out: Path
    settings: ReplaySettings
    skip_finished: bool = False


Outcome = tuple[Task, "ReplayReport | str"]
"""A report, or the sentence that says why there is none."""


def run_tasks(tasks: Sequence[Task], *, workers: int = 1, ray: str = "") -> Iterator[Outcome]:
    """Run all; each outcome as it comes.

    Args:
        tasks: what to replay.
        workers: processes on this machine.
        ray: address of a cluster, "local" for one on this machine; empty: none.

    Raises:
        ReplayError: Ray is asked for and cannot be used.
    """
    if ray:
        # A worker has a folder of its own: paths from this one's mean nothing there.
        shared = [_absolute(task) for task in _with_threads(tasks, workers)]
        for place, result in run_on_ray(shared, run_task, workers, ray):
            yield tasks[place], result
    elif workers == 1 or len(tasks) == 1:
        for task in tasks:
            yield task, run_task(task, show=True)
    else:
        yield from _in_processes(tasks, workers)


def run_task(task: Task, *, show: bool = False) -> ReplayReport | str:
    """The report of one, or why there is none: whatever happens, nothing is raised."""
    if task.skip_finished and (task.out / SUMMARY).is_file():
        return _finished(task)
    # It loads torch, which the process that only hands out tasks does without.
    from pam_ros.replay.one_bag import replay_bag  # noqa: PLC0415

    try:
        progress = ProgressLine(task.bag.name) if show else None
        return replay_bag(task.bag, task.out, task.settings, progress)
    except (PamRosError, OSError) as error:
        return str(error)
    except Exception as error:  # noqa: BLE001  (one recording must not end the others)
        return f"{type(error).__name__}: {error}"


def _finished(task: Task) -> ReplayReport | str:
    try:
        summary = json.loads((task.out / SUMMARY).read_text(encoding="utf-8"))
        if summary["settings"] != task.settings.identity():
            return f"{task.out} is a replay with other settings: remove it or choose another --out"
        if not summary["ticks"]:
            return f"{task.out} is a replay without a tick: remove it, and it is tried again"
        return ReplayReport(
            bag=str(task.bag),
            out=str(task.out),
            ticks=summary["ticks"],
            valid=summary["valid"],
            ran=0,
            seconds=0.0,
            counts=summary["counts"],
            notes=("it was finished before", *summary["notes"]),
        )
    except (OSError, ValueError, KeyError) as error:
        return f"{task.out} is no finished replay: {error}"


def _with_threads(tasks: Sequence[Task], workers: int) -> list[Task]:
    """The tasks with the machine's cores shared out."""
    threads = max(1, (os.cpu_count() or 1) // workers)
    return [
        task
        if task.settings.threads
        else replace(task, settings=replace(task.settings, threads=threads))
        for task in tasks
    ]


def _in_processes(tasks: Sequence[Task], workers: int) -> Iterator[Outcome]:
    # Forked processes would share torch's threads, which do not survive a fork.
    context = multiprocessing.get_context("spawn")
    shared = _with_threads(tasks, workers)
    with ProcessPoolExecutor(max_workers=workers, mp_context=context) as pool:
        futures = {pool.submit(run_task, task): task for task in shared}
        try:
            for future in as_completed(futures):
                error = future.exception()
                yield futures[future], str(error) if error else future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _absolute(task: Task) -> Task:
    bag = task.bag.resolve() if task.bag.exists() else task.bag
    return replace(task, bag=bag, out=task.out.resolve())
