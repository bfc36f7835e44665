# SPDX-License-Identifier: Apache-2.0
"""Tasks on a Ray cluster, or on one of this machine that lasts as long as they do."""

from __future__ import annotations

import importlib
import logging
import os
from typing import TYPE_CHECKING, Any, TypeVar

from pam_ros.replay.errors import ReplayError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

LOCAL = "local"
"""The address of a cluster on this machine."""
# Recordings are read from the disk: what passes through the store are tasks and reports.
_STORE_BYTES = 128 << 20
# Ray reads these when it is imported. It keeps a cluster to the loopback address on Windows and
# macOS alone unless the first one says so, and reports its use over the network unless the second
# one does. The third one is how many seconds its server may take to start: Ray's own 30 are too
# few on a machine whose processors and disk are busy.
_OF_OWN_CLUSTER = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_gcs_server_port_wait_time_s": "180",
}

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")


def run_on_ray(
    tasks: Sequence[_Task], run: Callable[[_Task], _Result], workers: int, address: str
) -> Iterator[tuple[int, _Result | str]]:
    """Run all tasks; the place of each with its result as it comes, or why its worker has none.

    Args:
        tasks: what `run` takes; paths in them must mean the same on every machine.
        run: a function of a module that the workers can import.
        workers: at a time, on a cluster of this machine; another one has its own number.
        address: of a cluster, or LOCAL.

    Raises:
        ReplayError: Ray is not installed, or cannot be used.
    """
    ray = _connect(workers, address)
    try:
        remote = ray.remote(run)
        waiting = {remote.remote(task): place for place, task in enumerate(tasks)}
        while waiting:
            (done,), _ = ray.wait(list(waiting), num_returns=1)
            place = waiting.pop(done)
            try:
                result = ray.get(done)
            except Exception as error:  # noqa: BLE001  (a worker that died is one failed recording)
                result = str(error)
            yield place, result
    finally:
        ray.shutdown()


def _connect(workers: int, address: str) -> Any:
    own: dict[str, Any] = {}
    if address == LOCAL:
        for name, value in _OF_OWN_CLUSTER.items():
            os.environ.setdefault(name, value)
        own = {
            "num_cpus": workers,
            "object_store_memory": _STORE_BYTES,
            "include_dashboard": False,
        }
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError as error:
        raise ReplayError("--ray needs the package ray: pip install 'pam_ros[cluster]'") from error
    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.WARNING, **own)
    except Exception as error:
        raise ReplayError(f"Ray at {address} cannot be used: {error}") from error
    return ray
