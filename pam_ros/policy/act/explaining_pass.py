# SPDX-License-Identifier: Apache-2.0
"""What computes the gradients of contributions: autograd, or the written-out ones compiled.

OpenVINO compiles them where its package is and the policy is on the CPU, in bfloat16 where the CPU
has that, whatever the commands run in. Elsewhere, or where the compiled gradient is not the same as
autograd's, autograd takes them of the written-out pass.
"""

from __future__ import annotations

import logging
import threading
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from pam_ros.policy.act.picture_gradient import PictureGradient
from pam_ros.policy.act.token_gradient import TokenGradient
from pam_ros.policy.engines.models_apart import ModelsApart
from pam_ros.policy.engines.openvino import flat
from pam_ros.policy.engines.openvino_model import CompiledModel
from pam_ros.policy.engines.openvino_package import import_openvino, shared_core
from pam_ros.policy.engines.workshop import noise_inputs
from pam_ros.policy.interface import PolicyError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pam_ros.policy.act.graph import ActGraph
    from pam_ros.policy.act.passes import Prepared
    from pam_ros.policy.act.spec import ActSpec
    from pam_ros.policy.engines.openvino_model import Blob

logger = logging.getLogger(__name__)

_ALIKE = {"float32": 0.9999, "bfloat16": 0.9}
"""How alike a compiled gradient must be to autograd's: the cosine of the two, on noise."""
_PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}
_CHUNK, _TOKENS, _PICTURES = range(3)


class ExplainingPass(Protocol):
    """A policy's pass and its gradients. Of any thread.

    name: what computes the gradients and in what, such as "eager float32".
    graph: the written-out pass with plain kernels.
    """

    name: str
    graph: ActGraph

    def embed(
        self, images: Sequence[Tensor], state: Tensor | None, environment: Tensor | None
    ) -> Tensor:
        """See ActGraph."""
        ...

    def chunk_of(self, tokens: Tensor) -> Tensor:
        """The chunks (B, C, A) of the tokens (B, T, D) that the encoder reads."""
        ...

    def rough_chunk_of(self, tokens: Tensor) -> Tensor:
        """The same in the gradients' precision, which may be less: for a direction."""
        ...

    def token_gradients(self, tokens: Tensor, directions: Sequence[Tensor]) -> list[Tensor]:
        """Of the chunk along each direction (C, A), with respect to the tokens (1, T, D)."""
        ...

    def picture_gradients(
        self, inputs: Prepared, directions: Sequence[Tensor]
    ) -> list[Sequence[Tensor]]:
        """The same with respect to each picture (1, 3, H, W) of the inputs."""
        ...


SMALL = 2**16
"""Pixels of all pictures: autograd is done with fewer before a compiled gradient would pay off."""


class Choice(NamedTuple):
    """Where the gradients of a policy are computed, of "openvino" and "autograd", and why there."""

    where: str
    dtype: str
    reason: str


def choose(spec: ActSpec, dtype: str) -> Choice:
    """Where, for a policy whose commands run in this dtype."""
    own = "bfloat16" if dtype == "bfloat16" else "float32"
    if torch.device(spec.device).type != "cpu":
        return Choice("autograd", own, f"the device is {spec.device}")
    if sum(camera.height * camera.width for camera in spec.cameras) < SMALL:
        return Choice("autograd", own, "its pictures are small")
    try:
        capable = shared_core(import_openvino()).get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    except PolicyError:
        return Choice("autograd", own, "the package openvino is not installed")
    if "BF16" in capable:
        return Choice("openvino", "bfloat16", "the CPU has instructions for bfloat16")
    return Choice("openvino", "float32", "the CPU has no instructions for bfloat16")


def make_explaining_pass(
    spec: ActSpec,
    graph: ActGraph,
    faster: ActGraph | None,
    choice: Choice,
    identity: Mapping[str, Any],
) -> ExplainingPass:
    """What is chosen, or autograd where that cannot be.

    Args:
        spec: the policy's.
        graph: its pass of plain kernels.
        faster: the same pass, for what needs no gradient; None: there is none.
        choice: what to make.
        identity: all that the pass depends on, for a cache.
    """
    plainly = AutogradPass(graph, faster, dtype_of(graph))
    if choice.where == "autograd":
        logger.info("%s: contributions by %s: %s", spec.name, plainly.name, choice.reason)
        return plainly
    try:
        compiled = OpenVinoPass(graph, plainly, spec, choice.dtype, identity)
    except Exception as error:  # noqa: BLE001  (whatever it is: autograd needs none of it)
        logger.warning("%s: contributions by %s: %s", spec.name, plainly.name, error)
        return plainly
    logger.info("%s: contributions by %s: %s", spec.name, compiled.name, choice.reason)
    return compiled


def dtype_of(graph: ActGraph) -> str:
    """Of the matrix products: "float32" or "bfloat16"."""
    return str(graph.head.weight.dtype).removeprefix("torch.")


class AutogradPass:
    """Implements ExplainingPass by autograd; see make_explaining_pass."""

    def __init__(self, graph: ActGraph, faster: ActGraph | None, dtype: str) -> None:
        self.graph = graph
        self.name = f"eager {dtype}"
        self._faster = graph if faster is None else faster

    def embed(
        self, images: Sequence[Tensor], state: Tensor | None, environment: Tensor | None
    ) -> Tensor:
        """See ExplainingPass."""
        return self._faster.embed(images, state, environment)

    def chunk_of(self, tokens: Tensor) -> Tensor:
        """See ExplainingPass."""
        return self._faster.chunk_of(tokens)

    rough_chunk_of = chunk_of

    def token_gradients(self, tokens: Tensor, directions: Sequence[Tensor]) -> list[Tensor]:
        """See ExplainingPass."""
        with torch.enable_grad():
            moving = tokens.detach().requires_grad_()
            chunk = self.graph.chunk_of(moving)[0]
            return [found for (found,) in _each_gradient(chunk, directions, [moving])]

    def picture_gradients(
        self, inputs: Prepared, directions: Sequence[Tensor]
    ) -> list[Sequence[Tensor]]:
        """See ExplainingPass."""
        with torch.enable_grad():
            moving = [
                image.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
                for image in inputs.images
            ]
            chunk, *_ = self.graph(moving, inputs.state, inputs.environment)
            return _each_gradient(chunk[0], directions, moving)


def _each_gradient(
    chunk: Tensor, directions: Sequence[Tensor], inputs: Sequence[Tensor]
) -> list[Sequence[Tensor]]:
    """Along each direction, all of one forward pass."""
    values = [(chunk * direction).sum() for direction in directions]
    return [
        torch.autograd.grad(value, inputs, retain_graph=value is not values[-1]) for value in values
    ]


class OpenVinoPass:
    """Implements ExplainingPass by compiled models.

    Args:
        graph: the pass of plain kernels, whose weights are taken.
        exact: what it must agree with, and what it leaves to others.
        spec: the policy's.
        dtype: to compute in.
        identity: all that the pass depends on, for a cache.

    Raises:
        PolicyError: OpenVINO does not take the models, or they do not agree.
    """

    def __init__(
        self,
        graph: ActGraph,
        exact: AutogradPass,
        spec: ActSpec,
        dtype: str,
        identity: Mapping[str, Any],
    ) -> None:
        self.graph = graph
        self._exact = exact
        self._running = threading.Lock()
        noise = torch.Generator().manual_seed(0)
        tokens = torch.randn(1, spec.layout.size, graph.latent.shape[2], generator=noise)
        direction = torch.randn(spec.chunk_size, spec.action_dim, generator=noise)
        example = noise_inputs(spec)

        def compiled(
            kind: str, make: Callable[[], nn.Module], inputs: tuple[Tensor, ...]
        ) -> CompiledModel:
            return CompiledModel(
                lambda openvino: traced(openvino, make(), inputs),
                inputs,
                _PRECISIONS[dtype],
                {**identity, "contribution": kind, "weights": dtype_of(graph)},
            )

        models = [
            compiled("chunk", lambda: _ChunkOf(graph), (tokens,)),
            compiled("tokens", lambda: TokenGradient(graph), (tokens, direction)),
            compiled(
                "pictures", lambda: _FlatPictures(graph, example), (*flat(example), direction)
            ),
        ]
        self._models = _apart(models)
        self.name = f"openvino {models[_TOKENS].dtype}"
        self._coarsest = dtype_of(graph)
        blobs = [model.blob for model in models]
        self._check(blobs[_CHUNK], [self.rough_chunk_of(tokens)], [exact.chunk_of(tokens)])
        self._check(
            blobs[_TOKENS],
            self.token_gradients(tokens, [direction]),
            exact.token_gradients(tokens, [direction]),
        )
        self._check(
            blobs[_PICTURES],
            self.picture_gradients(example, [direction])[0],
            exact.picture_gradients(example, [direction])[0],
        )

    def _check(self, model: Blob, found: Sequence[Tensor], known: Sequence[Tensor]) -> None:
        ours, theirs = (torch.cat([one.flatten() for one in some]) for some in (found, known))
        alike = float(functional.cosine_similarity(ours, theirs, dim=0))
        least = min(_ALIKE[model.dtype], _ALIKE[self._coarsest])
        if not alike >= least:  # of NaN too
            model.discard()
            message = f"a compiled gradient differs from autograd's: their cosine is {alike:.4f}"
            raise PolicyError(message)

    def embed(
        self, images: Sequence[Tensor], state: Tensor | None, environment: Tensor | None
    ) -> Tensor:
        """See ExplainingPass."""
        return self._exact.embed(images, state, environment)

    def chunk_of(self, tokens: Tensor) -> Tensor:
        """See ExplainingPass."""
        return self._exact.chunk_of(tokens)

    def rough_chunk_of(self, tokens: Tensor) -> Tensor:
        """See ExplainingPass."""
        with self._running:
            return torch.cat([self._models(_CHUNK, [one])[0] for one in tokens.chunk(len(tokens))])

    def token_gradients(self, tokens: Tensor, directions: Sequence[Tensor]) -> list[Tensor]:
        """See ExplainingPass."""
        with self._running:
            return [self._models(_TOKENS, [tokens.detach(), each])[0] for each in directions]

    def picture_gradients(
        self, inputs: Prepared, directions: Sequence[Tensor]
    ) -> list[Sequence[Tensor]]:
        """See ExplainingPass."""
        with self._running:
            return [self._models(_PICTURES, [*flat(inputs), each]) for each in directions]


def _apart(models: Sequence[CompiledModel]) -> Callable[[int, Sequence[Tensor]], list[Tensor]]:
    """The models by their number, in a process that gives way to the commands, if that can be."""
    try:
        return ModelsApart([model.blob for model in models])
    except PolicyError as error:
        logger.warning("contributions share processor time with the commands: %s", error)
        return lambda number, inputs: models[number](inputs)


class _ChunkOf(nn.Module):
    """Of the very operations whose gradients are taken."""

    def __init__(self, graph: ActGraph) -> None:
        super().__init__()
        self._tokens = TokenGradient(graph)

    def forward(self, tokens: Tensor) -> Tensor:
        return self._tokens.chunk_and_pullback(tokens)[0]


class _FlatPictures(nn.Module):
    """PictureGradient with a flat list of inputs, as the tracer wants it."""

    def __init__(self, graph: ActGraph, example: Prepared) -> None:
        super().__init__()
        self._gradient = PictureGradient(graph)
        self._cameras = len(example.images)
        self._vectors = [example.state is not None, example.environment is not None]

    def forward(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        *inputs, direction = tensors
        rest = iter(inputs[self._cameras :])
        state, environment = (next(rest) if present else None for present in self._vectors)
        found: tuple[Tensor, ...] = self._gradient(
            inputs[: self._cameras], state, environment, direction
        )
        return found


def traced(openvino: Any, module: nn.Module, inputs: tuple[Tensor, ...]) -> Any:
    """The module as a model of OpenVINO, for inputs of these shapes."""
    with torch.no_grad(), warnings.catch_warnings():
        # Sizes become constants of the trace, as they are: its inputs have these shapes alone.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
        return openvino.convert_model(
            module.eval(),
            example_input=inputs,
            input=[list(tensor.shape) for tensor in inputs],
        )
