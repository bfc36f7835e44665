# SPDX-License-Identifier: Apache-2.0
"""The written-out pass compiled by OpenVINO for the CPU, the compiled blob cached on disk.

The cache is under $XDG_CACHE_HOME/pam_ros/openvino (else ~/.cache). A blob's name is the hash of
all that it depends on: weights, configuration, layout of the tokens, input shapes, precision,
threads, versions, CPU.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import io
import json
import logging
import os
import platform
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from pam_ros.policy.act.passes import Pass, Prepared
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from pam_ros.policy.act.graph import ActGraph

logger = logging.getLogger(__name__)

# Changes whenever the written-out pass changes what it computes or returns.
_FORMAT = 1
_PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}


class OpenVinoEngine:
    """Implements act_pass.Engine.

    Args:
        make_graph: makes what to compile, plain kernels in float32, where it is not in the cache.
        shown: computes the encoder's weights, in float32.
        example: inputs of the only shapes that it will see.
        dtype: "float32" or "bfloat16".
        identity: what the pass depends on beside these: weights, configuration, layout.

    Attributes:
        dtype: the precision that really runs: a CPU without bfloat16 computes in float32.
        from_cache: whether the blob was there already.

    Raises:
        PolicyError: the package openvino is missing, or does not take the graph.
    """

    def __init__(
        self,
        make_graph: Callable[[], ActGraph],
        shown: ActGraph,
        example: Prepared,
        dtype: str,
        identity: Mapping[str, Any],
    ) -> None:
        self._shown = shown
        openvino = _import_openvino()
        threads = torch.get_num_threads()
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": _PRECISIONS[dtype],
            "INFERENCE_NUM_THREADS": threads,
        }
        inputs = _flat(example)
        core = _core(openvino)
        key = _key(openvino, core, inputs, settings, identity)
        self._blob = blob = _cache_folder() / f"{key}.blob"
        compiled = _import_blob(core, blob, settings)
        self.from_cache = compiled is not None
        if compiled is None:
            try:
                model = _traced(openvino, make_graph(), example)
                compiled = core.compile_model(model, "CPU", settings)
            except Exception as error:
                message = f"engine 'openvino' cannot be used here: {' '.join(str(error).split())}"
                raise PolicyError(message) from error
            _export_blob(compiled, blob)
        self._request = compiled.create_infer_request()
        self._outputs = compiled.outputs
        self.dtype = _running_dtype(openvino, compiled)

    def discard(self) -> None:
        """Take the blob out of the cache."""
        with contextlib.suppress(OSError):
            self._blob.unlink()

    def __call__(
        self,
        prepared: Prepared,
        encoder_layers: Collection[int] = (),
        *,
        mean_over_heads: bool = False,
    ) -> Pass:
        """The pass of batch size 1; see act_pass.Engine."""
        arrays = [tensor.contiguous().numpy() for tensor in _flat(prepared)]
        # The results are copied: the request's own memory is that of the next pass too.
        results = self._request.infer(arrays, share_inputs=True)
        chunk, attention, *places = (torch.from_numpy(results[o]) for o in self._outputs)
        with torch.inference_mode():
            shown = self._shown.encoder_attentions(
                encoder_layers, places, mean_over_heads=mean_over_heads
            )
        return Pass(chunk, attention, tuple(places), shown)


class _Flat(nn.Module):
    """The graph with a flat list of inputs and outputs, as the tracer wants it."""

    def __init__(self, graph: ActGraph, example: Prepared) -> None:
        super().__init__()
        self._graph = graph
        self._cameras = len(example.images)
        self._vectors = [example.state is not None, example.environment is not None]

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        images, rest = tensors[: self._cameras], iter(tensors[self._cameras :])
        state, environment = (next(rest) if present else None for present in self._vectors)
        chunk, attention, places = self._graph(images, state, environment)
        # An output must not be another one itself, as places are where a norm is nn.Identity.
        return (chunk, attention, *(place.clone() for place in places))


def _flat(prepared: Prepared) -> list[Tensor]:
    tensors = (*prepared.images, prepared.state, prepared.environment)
    return [tensor for tensor in tensors if tensor is not None]


def _import_openvino() -> Any:
    # It reports its use over the network unless told not to.
    os.environ.setdefault("OPENVINO_TELEMETRY_OPT_OUT", "1")
    try:
        return importlib.import_module("openvino")
    except ImportError as error:
        message = (
            "engine 'openvino' needs the package openvino: install it with "
            "pip install 'pam_ros[openvino]'"
        )
        raise PolicyError(message) from error


@functools.cache
def _core(openvino: Any) -> Any:
    """OpenVINO's entry, the same for all engines, which stays until the process ends.

    On CPUs with AMX each Core gives the thread that makes it an alternate signal stack, and takes
    it away when it ends. Of two that end in the order in which they were made the second puts back
    the first one's, gone by then: the next signal, Ctrl-C too, ends the process without a word.
    """
    return openvino.Core()


def _traced(openvino: Any, graph: ActGraph, example: Prepared) -> Any:
    inputs = tuple(_flat(example))
    with torch.no_grad():
        return openvino.convert_model(
            _Flat(graph, example).eval(),
            example_input=inputs,
            input=[list(tensor.shape) for tensor in inputs],
        )


def _running_dtype(openvino: Any, compiled: Any) -> str:
    """Of DTYPES: what OpenVINO made of the hint on this CPU."""
    running = compiled.get_property("INFERENCE_PRECISION_HINT")
    return "bfloat16" if running == openvino.Type.bf16 else "float32"


def _key(
    openvino: Any,
    core: Any,
    inputs: list[Tensor],
    settings: dict[str, Any],
    identity: Mapping[str, Any],
) -> str:
    parts = {
        "format": _FORMAT,
        "policy": identity,
        "inputs": [list(tensor.shape) for tensor in inputs],
        "settings": settings,
        "openvino": openvino.get_version(),
        "torch": torch.__version__,
        "cpu": core.get_property("CPU", "FULL_DEVICE_NAME"),
        "capabilities": sorted(core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")),
        "machine": platform.machine(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def _cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "pam_ros" / "openvino"


def _import_blob(core: Any, path: Path, settings: dict[str, Any]) -> Any:
    """The compiled model, or None where there is no good one."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    try:
        # With the settings again: without them it computes in the CPU's favourite precision.
        return core.import_model(io.BytesIO(data), "CPU", settings)
    except Exception as error:  # noqa: BLE001  (whatever a damaged blob leads to)
        logger.warning("%s is not usable and is compiled anew: %s", path, error)
        return None


def _export_blob(compiled: Any, path: Path) -> None:
    """Write the blob whole or not at all; a cache that cannot be written costs time alone."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
    except OSError as error:
        logger.warning("%s cannot be written: %s", path, error)
        return
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(compiled.export_model().read())
        Path(temporary).replace(path)
    except (OSError, RuntimeError) as error:
        logger.warning("%s cannot be written: %s", path, error)
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
