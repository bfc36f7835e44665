# SPDX-License-Identifier: Apache-2.0
"""The written-out pass through torch.compile with inductor's freezing.

Freezing turns the weights into constants, which inductor packs for oneDNN. What it compiles it
keeps in its own cache, so the next start is shorter. Needs a C++ compiler on the CPU.
"""

from __future__ import annotations

import os
import shutil
from contextlib import nullcontext
from typing import TYPE_CHECKING

import torch

from pam_ros.policy.act.passes import Pass
from pam_ros.policy.full_float32 import full_float32
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Collection

    from torch import Tensor

    from pam_ros.policy.act.graph import ActGraph
    from pam_ros.policy.act.passes import Prepared
    from pam_ros.policy.engines.workshop import EngineFactory

_COMPILERS = ("g++", "clang++", "c++")


def make_compiled(workshop: EngineFactory, dtype: str) -> CompiledEngine:
    """The engine; see names.EngineEntry."""
    return CompiledEngine(workshop.plain(dtype), workshop.exact, workshop.example(), dtype)


class CompiledEngine:
    """Implements passes.Engine.

    Args:
        graph: what to compile, with plain kernels.
        shown: computes the encoder's weights, in float32.
        example: inputs of the only shapes that it will see.
        dtype: "float32", on a GPU always without TF32: compiled code is made for either; or
            "bfloat16".

    Raises:
        PolicyError: there is no compiler, or torch.compile fails.
    """

    def __init__(self, graph: ActGraph, shown: ActGraph, example: Prepared, dtype: str) -> None:
        compilers = (os.environ.get("CXX"), *_COMPILERS)
        if not any(name and shutil.which(name) for name in compilers):
            message = "engine 'compile' needs a C++ compiler such as g++, and there is none"
            raise PolicyError(message)
        self._shown = shown
        tensors = (*example.images, example.state, example.environment)
        on_gpu = any(tensor is not None and tensor.is_cuda for tensor in tensors)
        self._precision = full_float32 if on_gpu and dtype == "float32" else nullcontext
        # The options hold for this one function; the process' own configuration stays as it is.
        self._run = torch.compile(graph, dynamic=False, fullgraph=True, options={"freezing": True})
        try:
            self(example)
        except Exception as error:
            reason = str(error).strip().split("\n")[0]
            message = f"engine 'compile' cannot be used here: torch.compile failed: {reason}"
            raise PolicyError(message) from error

    @torch.no_grad()
    def __call__(
        self,
        prepared: Prepared,
        encoder_layers: Collection[int] = (),
        *,
        mean_over_heads: bool = False,
    ) -> Pass:
        """The pass of batch size 1; see passes.Engine."""
        # In one memory layout and out of inference mode: anything else would be compiled anew, in
        # the middle of a tick.
        with torch.inference_mode(mode=False):
            images = tuple(
                _ordinary(image).contiguous(memory_format=torch.channels_last)
                for image in prepared.images
            )
            vectors = (
                None if vector is None else _ordinary(vector)
                for vector in (prepared.state, prepared.environment)
            )
            with self._precision():
                chunk, attention, places = self._run(images, *vectors)
            weights = self._shown.encoder_attentions(
                encoder_layers, places, mean_over_heads=mean_over_heads
            )
        return Pass(chunk, attention, places, weights)


def _ordinary(tensor: Tensor) -> Tensor:
    return tensor.clone() if tensor.is_inference() else tensor.detach()
