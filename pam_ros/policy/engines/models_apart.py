# SPDX-License-Identifier: Apache-2.0
"""Compiled models in a process of their own, which gives way to the commands.

OpenVINO computes with threads that all models of a process share and that have the process's own
priority. What only explains would take them from the commands' passes. Here it has other threads.
Once a thread asks that itself gives way to its process's others, as a node's does that explains
beside the commands, they have the lowest priority: the scheduler runs them in what time the
commands leave. Where somebody waits for the answer, as in a replay, they keep the caller's.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import threading
import time
import weakref
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pam_ros.policy.engines.model_process import FAILED, GIVE_WAY, NUMBER, WELL
from pam_ros.policy.interface import PolicyError
from pam_ros.share.module_path import module_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

    from pam_ros.policy.engines.openvino_model import Blob

logger = logging.getLogger(__name__)

_START_S, _PASS_S = 120.0, 60.0
"""A process that is not ready, or has no answer, after so long is stopped or hangs: it is ended."""
_FIRST_PAUSE_S, _LAST_PAUSE_S = 1.0, 60.0
"""Before another one is started, if the last one has not computed a pass."""
# It looks for modules where this process does.
_CODE = """\
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from pam_ros.policy.engines.model_process import main
main()
"""


class ModelsApart:
    """Compiled models by their number, for one thread at a time.

    The process ends with this object, and with this process. If it is ended by somebody else, the
    pass under way fails and a later one starts another: at once, or after a pause that grows while
    none of them computes anything.

    Args:
        blobs: the models, compiled with the same settings.
        clock: in seconds, for tests.

    Raises:
        PolicyError: the process cannot be started, or does not take one of them.
    """

    def __init__(self, blobs: Sequence[Blob], clock: Callable[[], float] = time.monotonic) -> None:
        self._blobs = tuple(blobs)
        self._clock = clock
        self._owner = os.getpid()
        self._inputs: list[list[tuple[int, ...]]] = []
        self._outputs: list[list[tuple[int, ...]]] = []
        self._pause = 0.0
        self._not_before = 0.0
        self._slowest = 0.0
        self._gives_way = False
        self._process = self._start()
        self._end = weakref.finalize(self, _close, self._process)

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def __call__(self, number: int, inputs: Sequence[Tensor]) -> list[Tensor]:
        """The outputs of one model, in memory of their own.

        Args:
            number: the model's place among the blobs.
            inputs: float32 tensors of its shapes.

        Raises:
            PolicyError: the model fails, the process has ended or does not answer, or it is too
                early to start another.
        """
        if self._process.poll() is not None or self._owner != os.getpid():
            self._restart()
        arrays = [tensor.contiguous().numpy() for tensor in inputs]
        found = [(array.shape, array.dtype) for array in arrays]
        wanted = [(shape, np.dtype(np.float32)) for shape in self._inputs[number]]
        if found != wanted:
            message = f"a compiled model was given {found}: it takes {wanted}"
            raise PolicyError(message)
        outputs = [
            torch.empty(shape, dtype=torch.float32, device="cpu") for shape in self._outputs[number]
        ]
        begin = self._clock()
        try:
            with _deadline(self._process, max(_PASS_S, 20.0 * self._slowest)):
                self._run(number, arrays, outputs)
        except (OSError, EOFError) as error:
            _close(self._process)
            self._fail()
            message = (
                "the process that computes contributions has ended with status "
                f"{self._process.returncode}: a later contribution starts another"
            )
            raise PolicyError(message) from error
        except PolicyError:
            raise  # it has answered, and waits for the next pass
        except BaseException:
            # Its answer would be taken for that of the next pass.
            _close(self._process)
            raise
        self._pause = 0.0
        self._slowest = max(self._slowest, self._clock() - begin)
        return outputs

    def _run(
        self, number: int, arrays: Sequence[np.ndarray[Any, Any]], outputs: Sequence[Tensor]
    ) -> None:
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None
        assert answers is not None
        if not self._gives_way and _caller_gives_way():
            requests.write(GIVE_WAY)
            self._gives_way = True
        requests.write(np.array([number], NUMBER).tobytes())
        for array in arrays:
            requests.write(array.data)
        requests.flush()
        status = answers.read(1)
        if status == FAILED:
            words = answers.readline()
            if words.endswith(b"\n"):
                message = f"a compiled model fails: {words.decode(errors='replace').strip()}"
                raise PolicyError(message)
        if status != WELL:
            raise EOFError
        for output in outputs:
            data = output.numpy().data
            if answers.readinto(data) != data.nbytes:  # type: ignore[attr-defined]
                raise EOFError

    def _fail(self) -> None:
        """Wait longer with each process that has not computed anything."""
        self._not_before = self._clock() + self._pause
        self._pause = min(max(_FIRST_PAUSE_S, 2.0 * self._pause), _LAST_PAUSE_S)

    def _restart(self) -> None:
        left = self._not_before - self._clock()
        if left > 0.0:
            message = (
                f"the process that computes contributions had ended; the next one starts in "
                f"{left:.0f} s"
            )
            raise PolicyError(message)
        logger.warning("the process that computes contributions had ended; another one starts")
        if self._owner == os.getpid():
            self._end()
        else:  # a fork of who has started it, and must leave the pipes alone
            self._end.detach()
            self._owner = os.getpid()
        try:
            self._process = self._start()
        except PolicyError:
            self._fail()
            raise
        self._end = weakref.finalize(self, _close, self._process)

    def _start(self) -> subprocess.Popen[bytes]:
        try:
            # A session of its own: Linux weighs sessions against each other (autogroup), so that a
            # low priority within the node's would count for nothing beside another one's process.
            process = subprocess.Popen(
                [sys.executable, "-I", "-c", _CODE, json.dumps(module_path())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            message = f"no process for contributions can be started: {error}"
            raise PolicyError(message) from error
        request = {
            "blobs": [str(blob.path) for blob in self._blobs],
            "settings": self._blobs[0].settings,
        }
        answer: dict[str, Any] = {"error": "it has ended without a word"}
        try:
            with _deadline(process, _START_S), contextlib.suppress(OSError, ValueError):
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(json.dumps(request).encode() + b"\n")
                process.stdin.flush()
                answer = json.loads(process.stdout.readline())
        except BaseException:
            _close(process)
            raise
        if "models" not in answer:
            _close(process)
            message = f"the process for contributions is of no use: {answer['error']}"
            raise PolicyError(message)
        self._gives_way = False
        for ours, key in ((self._inputs, "inputs"), (self._outputs, "outputs")):
            ours[:] = [[tuple(shape) for shape in model[key]] for model in answer["models"]]
        return process


def _caller_gives_way() -> bool:
    """Whether this thread has a lower priority than its process's first one.

    Threads have priorities of their own on Linux alone: elsewhere it is taken to be so.
    """
    if sys.platform != "linux":
        return True
    first, own = (
        os.getpriority(os.PRIO_PROCESS, thread)
        for thread in (os.getpid(), threading.get_native_id())
    )
    return own > first


@contextmanager
def _deadline(process: subprocess.Popen[bytes], seconds: float) -> Iterator[None]:
    """End the process after so long, so that who waits for its answer does not wait for ever."""
    timer = threading.Timer(seconds, process.kill)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _close(process: subprocess.Popen[bytes]) -> None:
    """End it; it holds nothing that could be lost."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
