# SPDX-License-Identifier: Apache-2.0
"""The written-out pass compiled by OpenVINO for the CPU; openvino_model.py caches it on disk.

In int8 it compiles the policy's int8 form (int8_form.py) instead: convolutions in int8, all else as
in bfloat16 where the CPU has that, the encoder's shown attention in float32.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from pam_ros.policy.act.passes import Pass, Prepared
from pam_ros.policy.engines.int8_form import form_path, key_of, read_form
from pam_ros.policy.engines.names import INT8
from pam_ros.policy.engines.openvino_model import CompiledModel
from pam_ros.policy.engines.openvino_package import import_openvino, shared_core

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from pam_ros.policy.act.graph import ActGraph
    from pam_ros.policy.engines.int8_form import Int8Form
    from pam_ros.policy.engines.workshop import EngineFactory

_PRECISIONS = {"float32": "f32", "bfloat16": "bf16", INT8: "bf16"}


def make_openvino(workshop: EngineFactory, dtype: str) -> OpenVinoEngine:
    """The engine; see names.EngineEntry."""
    if dtype == INT8:
        import_openvino()  # first: what is missing then is told first
        key = key_of(workshop)
        return make_int8(workshop, read_form(form_path(key), workshop.spec.name, key))
    graph = functools.partial(workshop.plain, "float32")
    example = workshop.example()
    return OpenVinoEngine(
        lambda openvino: traced(openvino, graph(), example),
        workshop.exact,
        example,
        dtype,
        workshop.identity(),
    )


def make_int8(workshop: EngineFactory, form: Int8Form) -> OpenVinoEngine:
    """The engine of an int8 form that is this policy's."""
    return OpenVinoEngine(
        lambda openvino: shared_core(openvino).read_model(form.xml, form.weights),
        workshop.exact,
        workshop.example(),
        INT8,
        {**workshop.identity(), INT8: form.digest},
        form.checks,
    )


class OpenVinoEngine:
    """Implements passes.Engine.

    Args:
        make_model: makes what to compile, where it is not in the cache: from the package openvino
            to one of its models, of the tensors of flat() to chunk, attention and places.
        shown: computes the encoder's weights, in float32.
        example: inputs of the only shapes that it will see.
        dtype: one of DTYPES.
        identity: what the pass depends on beside these: weights, configuration, layout.
        checks: observations to compare it with the eager pass on; empty for noise.

    Attributes:
        dtype: the precision that really runs: a CPU without bfloat16 computes in float32.
        checks: as above.
        from_cache: whether the blob was there already.

    Raises:
        PolicyError: the package openvino is missing, or does not take the graph.
    """

    def __init__(
        self,
        make_model: Callable[[Any], Any],
        shown: ActGraph,
        example: Prepared,
        dtype: str,
        identity: Mapping[str, Any],
        checks: tuple[Prepared, ...] = (),
    ) -> None:
        self._shown = shown
        self.checks = checks
        self._compiled = CompiledModel(make_model, flat(example), _PRECISIONS[dtype], identity)
        self.from_cache = self._compiled.from_cache
        self.dtype = INT8 if dtype == INT8 else self._compiled.dtype

    def discard(self) -> None:
        """Take the blob out of the cache."""
        self._compiled.blob.discard()

    def __call__(
        self,
        prepared: Prepared,
        encoder_layers: Collection[int] = (),
        *,
        mean_over_heads: bool = False,
    ) -> Pass:
        """The pass of batch size 1; see passes.Engine."""
        chunk, attention, *places = self._compiled(flat(prepared))
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


def flat(prepared: Prepared) -> list[Tensor]:
    """The inputs that there are, in the order of a compiled model's."""
    tensors = (*prepared.images, prepared.state, prepared.environment)
    return [tensor for tensor in tensors if tensor is not None]


def traced(openvino: Any, graph: ActGraph, example: Prepared) -> Any:
    """The graph as an OpenVINO model, from the tensors of flat(example) to all that Pass has."""
    inputs = tuple(flat(example))
    with torch.no_grad():
        return openvino.convert_model(
            _Flat(graph, example).eval(),
            example_input=inputs,
            input=[list(tensor.shape) for tensor in inputs],
        )
