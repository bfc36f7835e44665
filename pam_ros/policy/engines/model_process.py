# SPDX-License-Identifier: Apache-2.0
"""The process that computes compiled models for models_apart.py; needs neither torch nor a policy.

It reads from its standard input and answers on its standard output. First a line of JSON each: the
request has "blobs" (paths) and "settings" (OpenVINO's); the answer has "models", each with the
shapes of its "inputs" and "outputs", or an "error". Then, until the input ends, for each pass: the
model's number (4 bytes, little-endian) and its inputs, answered by one byte, WELL and the outputs,
or FAILED and a line of text. All arrays are float32, C-contiguous, one behind another. The number
GIVE_WAY stands alone and has no answer: from then on the process has the lowest priority.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from pam_ros.policy.engines.openvino_package import import_openvino, shared_core

NUMBER = np.dtype("<u4")
"""Of a model."""
GIVE_WAY = np.array([2**32 - 1], NUMBER).tobytes()
NICE = 19
"""The lowest priority there is."""
WELL, FAILED = b"\0", b"\1"
"""How a pass went."""
_TRIES = 50


def main() -> None:
    """Serve until the input ends."""
    # Whoever has started this one ends it by closing the input; Ctrl-C is for that process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):  # where memory runs out, this is what can be done without
        Path("/proc/self/oom_score_adj").write_text("1000")
    try:
        _serve()
    except BrokenPipeError:  # the other process has ended
        os._exit(0)


def _serve() -> None:
    requests = sys.stdin.buffer
    # What a library prints must not come between the answers.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    try:
        models = _load(json.loads(requests.readline()))
    except Exception as error:  # noqa: BLE001  (whatever it is: the other process is told)
        answers.write(_line({"error": " ".join(str(error).split())}))
        answers.flush()
        return
    answers.write(_line({"models": [model.shapes for model in models]}))
    answers.flush()
    while number := requests.read(NUMBER.itemsize):
        if number == GIVE_WAY:
            _give_way()
            continue
        model = models[int(np.frombuffer(number, NUMBER)[0])]
        if not _fill(requests, model.inputs):
            return
        try:
            outputs = model.run()
        except Exception as error:  # noqa: BLE001  (as above)
            answers.write(FAILED + " ".join(str(error).split()).encode() + b"\n")
        else:
            answers.write(WELL)
            for output in outputs:
                answers.write(np.ascontiguousarray(output, np.float32).data)
        answers.flush()


def _give_way() -> None:
    """Let all threads, and the session, which is this process, have what the others leave."""
    tasks = Path("/proc/self/task")
    # A later thread has the priority of the one that starts it.
    for thread in [int(task.name) for task in tasks.iterdir()] if tasks.is_dir() else [0]:
        with contextlib.suppress(ProcessLookupError):  # it has ended
            os.setpriority(os.PRIO_PROCESS, thread, NICE)
    for _ in range(_TRIES):
        if not _busy():
            return
        time.sleep(0.1)


def _busy() -> bool:
    """Ask for it; whether to ask again: Linux takes one such wish in a tenth of a second."""
    try:
        Path("/proc/self/autogroup").write_text(str(NICE))
    except OSError as error:  # of another kind where there are no such groups
        return isinstance(error, BlockingIOError)
    return False


class _Model:
    def __init__(self, core: Any, path: Path, settings: dict[str, Any]) -> None:
        compiled = core.import_model(io.BytesIO(path.read_bytes()), "CPU", settings)
        self._request = compiled.create_infer_request()
        self._outputs = compiled.outputs
        self.shapes = {
            "inputs": [list(port.shape) for port in compiled.inputs],
            "outputs": [list(port.shape) for port in compiled.outputs],
        }
        self.inputs = [np.empty(shape, np.float32) for shape in self.shapes["inputs"]]

    def run(self) -> list[Any]:
        results = self._request.infer(self.inputs, share_inputs=True, share_outputs=True)
        return [results[output] for output in self._outputs]


def _load(request: dict[str, Any]) -> list[_Model]:
    core = shared_core(import_openvino())
    return [_Model(core, Path(path), request["settings"]) for path in request["blobs"]]


def _fill(requests: BinaryIO, arrays: list[Any]) -> bool:
    """Whether all of them came; if not, the input has ended."""
    for array in arrays:
        data = memoryview(array).cast("B") if array.size else memoryview(b"")
        got = 0
        while got < len(data):
            count = requests.readinto(data[got:])  # type: ignore[attr-defined]
            if not count:
                return False
            got += count
    return True


def _line(answer: dict[str, Any]) -> bytes:
    return json.dumps(answer).encode() + b"\n"
