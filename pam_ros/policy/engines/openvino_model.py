# SPDX-License-Identifier: Apache-2.0
"""A model compiled by OpenVINO for the CPU, its blob cached on disk.

The cache is under $XDG_CACHE_HOME/pam_ros/openvino (else ~/.cache). A blob's name is the hash of
all that it depends on: weights, configuration, layout of the tokens, input shapes, precision,
threads, versions, CPU.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
import platform
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from pam_ros.policy.engines.cache import cache_folder, write_whole
from pam_ros.policy.engines.openvino_package import import_openvino, shared_core
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

logger = logging.getLogger(__name__)

# Changes whenever a written-out pass changes what it computes or returns.
_FORMAT = 1


class Blob(NamedTuple):
    """A compiled model on disk, and the settings that it is imported with.

    Attributes:
        path: where it is, if the cache could be written.
        settings: OpenVINO's.
        dtype: "float32" or "bfloat16", what really runs: a CPU without bfloat16 has float32.
    """

    path: Path
    settings: dict[str, Any]
    dtype: str

    def discard(self) -> None:
        """Take it out of the cache."""
        with contextlib.suppress(OSError):
            self.path.unlink()


class CompiledModel:
    """For one thread at a time.

    Args:
        make_model: makes what to compile, where it is not in the cache: from the package openvino
            to one of its models.
        inputs: tensors of the only shapes that it will see.
        precision: OpenVINO's name of what to compute in: "f32" or "bf16".
        identity: what the model depends on beside these: weights, configuration, layout.

    Attributes:
        blob: the same on disk.
        dtype: as the blob's.
        from_cache: whether the blob was there already.

    Raises:
        PolicyError: the package openvino is missing, or does not take the model.
    """

    def __init__(
        self,
        make_model: Callable[[Any], Any],
        inputs: Sequence[Tensor],
        precision: str,
        identity: Mapping[str, Any],
    ) -> None:
        openvino = import_openvino()
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": precision,
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        }
        core = shared_core(openvino)
        key = _key(openvino, core, inputs, settings, identity)
        blob = cache_folder("openvino") / f"{key}.blob"
        compiled = _import_blob(core, blob, settings)
        self.from_cache = compiled is not None
        if compiled is None:
            try:
                compiled = core.compile_model(make_model(openvino), "CPU", settings)
            except Exception as error:
                message = f"engine 'openvino' cannot be used here: {' '.join(str(error).split())}"
                raise PolicyError(message) from error
            _export_blob(compiled, blob)
        self._request = compiled.create_infer_request()
        self._outputs = compiled.outputs
        self.dtype = _running_dtype(openvino, compiled)
        self.blob = Blob(blob, settings, self.dtype)

    def __call__(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        """The outputs, in memory of their own."""
        arrays = [tensor.contiguous().numpy() for tensor in inputs]
        # The results are copied: the request's own memory is that of the next pass too.
        results = self._request.infer(arrays, share_inputs=True)
        return [torch.from_numpy(results[output]) for output in self._outputs]


def _running_dtype(openvino: Any, compiled: Any) -> str:
    """Of DTYPES: what OpenVINO made of the hint on this CPU."""
    running = compiled.get_property("INFERENCE_PRECISION_HINT")
    return "bfloat16" if running == openvino.Type.bf16 else "float32"


def _key(
    openvino: Any,
    core: Any,
    inputs: Sequence[Tensor],
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
    """A cache that cannot be written costs time alone."""
    try:
        write_whole(path, compiled.export_model().read())
    except (OSError, RuntimeError) as error:
        logger.warning("%s cannot be written: %s", path, error)
