# SPDX-License-Identifier: Apache-2.0
"""The written-out pass as a captured CUDA graph: one launch instead of some hundred.

A graph replays the same kernels on the same memory, so inputs are copied into static buffers and
results out of them (CUDA Graphs, in PyTorch's "CUDA semantics").
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, NamedTuple

import torch

from pam_ros.policy.act.passes import Pass, Prepared
from pam_ros.policy.full_float32 import full_float32
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from torch import Tensor

    from pam_ros.policy.act.graph import ActGraph
    from pam_ros.policy.engines.workshop import EngineFactory

    Capture = Callable[[Callable[[], "Results"]], tuple["Results", Callable[[], None]]]

_WARM_UP_PASSES = 3


class Results(NamedTuple):
    """What the pass leaves in static memory; see passes.Pass."""

    chunk: Tensor
    attention: Tensor
    places: tuple[Tensor, ...]


def make_cuda_graph(workshop: EngineFactory, dtype: str) -> CudaGraphEngine:
    """The engine; see names.EngineEntry."""
    graph, example = workshop.plain(dtype), workshop.example()
    return CudaGraphEngine(graph, workshop.exact, example, workshop.spec.device, dtype)


class CudaGraphEngine:
    """Implements passes.Engine.

    Args:
        graph: what to capture: plain kernels, on the device.
        shown: computes the encoder's weights, in float32.
        example: inputs of the only shapes that it will see, on the device.
        device: where all of this is, such as "cuda:1".
        dtype: "float32", then captured without TF32 whatever the caller allows, since the kernels
            are chosen for good; or "bfloat16".
        capture: from a function to its static results and to what computes them anew from what
            the static inputs then hold.

    Raises:
        PolicyError: the device cannot capture the pass.
    """

    def __init__(
        self,
        graph: ActGraph,
        shown: ActGraph,
        example: Prepared,
        device: str,
        dtype: str,
        capture: Capture | None = None,
    ) -> None:
        self._shown = shown
        self._device = torch.device(device)
        precision = full_float32() if dtype == "float32" else nullcontext()
        with self._on_device(), torch.inference_mode(), precision:
            self._inputs = Prepared(*_each(example, torch.clone))
            inputs = self._inputs
            try:
                self._results, self._replay = (capture or capture_cuda)(
                    lambda: Results(*graph(*inputs))
                )
            except RuntimeError as error:
                reason = str(error).strip().split("\n")[0]
                message = f"engine 'cuda_graph' cannot be used here: {reason}"
                raise PolicyError(message) from error

    @torch.inference_mode()
    def __call__(
        self,
        prepared: Prepared,
        encoder_layers: Collection[int] = (),
        *,
        mean_over_heads: bool = False,
    ) -> Pass:
        """The pass of batch size 1; see passes.Engine."""
        with self._on_device():
            pairs = zip(_tensors(self._inputs), _tensors(prepared), strict=True)
            for static, given in pairs:
                static.copy_(given, non_blocking=True)
            self._replay()
            results = self._results
            places = tuple(place.clone() for place in results.places)
            weights = self._shown.encoder_attentions(
                encoder_layers, places, mean_over_heads=mean_over_heads
            )
            return Pass(results.chunk.clone(), results.attention.clone(), places, weights)

    def _on_device(self) -> AbstractContextManager[object]:
        """Streams and graphs are those of the current device."""
        return torch.cuda.device(self._device) if self._device.type == "cuda" else nullcontext()


def capture_cuda(run: Callable[[], Results]) -> tuple[Results, Callable[[], None]]:
    """Capture a function on the current CUDA device.

    It runs some times first, on a stream of its own, so that cuDNN and cuBLAS have chosen their
    algorithms and allocated their workspaces.
    """
    if not torch.cuda.is_available():
        message = "there is no CUDA device"
        raise RuntimeError(message)
    warm_up = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    warm_up.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(warm_up):
        for _ in range(_WARM_UP_PASSES):
            run()
    torch.cuda.current_stream().wait_stream(warm_up)
    captured = torch.cuda.CUDAGraph()
    # On the same stream: torch's own for captures is of the device that was current at the first.
    # The other threads of the process may go on using CUDA meanwhile.
    with torch.cuda.graph(captured, stream=warm_up, capture_error_mode="thread_local"):
        results = run()

    def replay() -> None:
        captured.replay()

    return results, replay


def _tensors(prepared: Prepared) -> list[Tensor]:
    tensors = (*prepared.images, prepared.state, prepared.environment)
    return [tensor for tensor in tensors if tensor is not None]


def _each(
    prepared: Prepared, change: Callable[[Tensor], Tensor]
) -> tuple[tuple[Tensor, ...], Tensor | None, Tensor | None]:
    vectors = (
        None if tensor is None else change(tensor)
        for tensor in (prepared.state, prepared.environment)
    )
    return (tuple(change(image) for image in prepared.images), *vectors)  # type: ignore[return-value]
