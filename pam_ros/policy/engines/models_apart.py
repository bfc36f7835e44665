# SPDX-License-Identifier: Apache-2.0
"""Compiled models in a process of their own, which gives way to every other one.

OpenVINO computes with threads that all models of a process share and that have the process's own
priority. What only explains would take them from the commands' passes. Here it has other threads,
at the lowest priority: the scheduler runs them in what time the commands leave.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from pam_ros.policy.engines.model_process import NUMBER
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from pam_ros.policy.engines.openvino_model import Blob

logger = logging.getLogger(__name__)

NICE = 19
"""Of the process: the lowest priority there is."""
# Before anything is imported: Linux gives a thread the priority of the one that starts it.
_CODE = f"import os; os.nice({NICE}); from pam_ros.policy.engines.model_process import main; main()"


class ModelsApart:
    """Compiled models by their number, for one thread at a time.

    The process ends with this object, and with this process. If it is ended by somebody else, the
    pass under way fails and the next one starts another.

    Args:
        blobs: the models, compiled with the same settings.

    Raises:
        PolicyError: the process cannot be started, or does not take one of them.
    """

    def __init__(self, blobs: Sequence[Blob]) -> None:
        self._blobs = tuple(blobs)
        self._owner = os.getpid()
        self._inputs: list[list[tuple[int, ...]]] = []
        self._outputs: list[list[tuple[int, ...]]] = []
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
            PolicyError: the model fails, or the process has ended.
        """
        if self._process.poll() is not None or self._owner != os.getpid():
            self._restart()
        arrays = [tensor.contiguous().numpy() for tensor in inputs]
        found = [(array.shape, array.dtype) for array in arrays]
        wanted = [(shape, np.dtype(np.float32)) for shape in self._inputs[number]]
        if found != wanted:
            message = f"a compiled model was given {found}: it takes {wanted}"
            raise PolicyError(message)
        try:
            return self._run(number, arrays)
        except (OSError, EOFError) as error:
            _close(self._process)
            message = (
                "the process that computes contributions has ended with status "
                f"{self._process.returncode}: the next contribution starts another"
            )
            raise PolicyError(message) from error

    def _run(self, number: int, arrays: Sequence[np.ndarray[Any, Any]]) -> list[Tensor]:
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None
        assert answers is not None
        requests.write(np.array([number], NUMBER).tobytes())
        for array in arrays:
            requests.write(array.data)
        requests.flush()
        status = answers.read(1)
        if status == b"\1":
            message = f"a compiled model fails: {answers.readline().decode().strip()}"
            raise PolicyError(message)
        outputs = [torch.empty(shape) for shape in self._outputs[number]]
        for output in outputs:
            data = output.numpy().data
            if answers.readinto(data) != data.nbytes:  # type: ignore[attr-defined]
                raise EOFError
        if not status:
            raise EOFError
        return outputs

    def _restart(self) -> None:
        logger.warning("the process that computes contributions had ended; another one starts")
        if self._owner == os.getpid():
            self._end()
        else:  # a fork of who has started it, and must leave the pipes alone
            self._end.detach()
            self._owner = os.getpid()
        self._process = self._start()
        self._end = weakref.finalize(self, _close, self._process)

    def _start(self) -> subprocess.Popen[bytes]:
        # The package as this process has it, wherever that is.
        places = (str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH", ""))
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places))}
        try:
            process = subprocess.Popen(
                [sys.executable, "-c", _CODE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
            )
        except OSError as error:
            message = f"no process for contributions can be started: {error}"
            raise PolicyError(message) from error
        request = {
            "blobs": [str(blob.path) for blob in self._blobs],
            "settings": self._blobs[0].settings,
        }
        answer: dict[str, Any] = {"error": "it has ended without a word"}
        with contextlib.suppress(OSError, json.JSONDecodeError):
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
        if "models" not in answer:
            _close(process)
            message = f"the process for contributions is of no use: {answer['error']}"
            raise PolicyError(message)
        for ours, key in ((self._inputs, "inputs"), (self._outputs, "outputs")):
            ours[:] = [[tuple(shape) for shape in model[key]] for model in answer["models"]]
        return process


def _close(process: subprocess.Popen[bytes]) -> None:
    """End it; it holds nothing that could be lost."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
