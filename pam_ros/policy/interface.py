# SPDX-License-Identifier: Apache-2.0
"""What a node needs of a policy. NumPy only, and nothing here assumes ACT.

Steps count from 0 since the last reset; every call of step, explain or skip is one step. A tick is
either one `step(observation)`, or, where a command must not wait for a forward pass:

    queued = policy.pop_action()            # None: step() has to run now
    ...                                     # the command goes out
    output = policy.explain(observation)    # or policy.skip(), if there is no time for it

Both give the same actions and the same output.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from pam_ros.share.errors import PamRosError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.attention.layout import TokenLayout

ChunkMode = Literal["queue", "temporal_ensemble"]

# What computes the forward pass, and in which precision; load.load_policy says which is which.
ENGINES = ("auto", "eager", "compile", "openvino", "cuda_graph")
DTYPES = ("float32", "bfloat16")


class PolicyError(PamRosError):
    """A checkpoint, setting or result that cannot be used: one sentence that says why."""


class ObservationError(PolicyError):
    """An observation that the policy does not take; the policy's state is as it was before."""


@dataclass(frozen=True)
class CameraSpec:
    """One image that the policy reads: (height, width, 3) uint8, RGB."""

    feature: str
    height: int
    width: int


@dataclass(frozen=True)
class FeatureStatistics:
    """What one feature's values were in the training data, per dimension, in the policy's units.

    Each is None if the checkpoint does not say. A policy that normalises by mean and standard
    deviation usually has min and max as well, since lerobot saves all statistics of a dataset.

    Attributes:
        mean, std: (dim,) of all values.
        min, max: (dim,) the smallest and the largest value.
        q01, q99: (dim,) the 1st and the 99th percentile.
    """

    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    min: tuple[float, ...] | None = None
    max: tuple[float, ...] | None = None
    q01: tuple[float, ...] | None = None
    q99: tuple[float, ...] | None = None


@dataclass(frozen=True)
class PolicySpec:
    """What a policy reads, writes and is.

    `name` is the checkpoint's path or hub id. `sha256` is that of model.safetensors' bytes; for a
    policy wrapped in memory, that of its state dict (see load.wrap). A feature that the policy
    does not read is None, its dimension 0. `statistics` has the vector features for which the
    checkpoint holds any, by name ("observation.state", "action").
    """

    name: str
    sha256: str
    cameras: tuple[CameraSpec, ...]
    state_feature: str | None
    state_dim: int
    environment_feature: str | None
    environment_dim: int
    action_dim: int
    chunk_size: int
    n_action_steps: int
    chunk_mode: ChunkMode
    device: str
    layout: TokenLayout
    layers: int
    heads: int
    encoder_layers: int = 0
    statistics: Mapping[str, FeatureStatistics] = field(
        default_factory=dict, hash=False, repr=False
    )

    @property
    def features(self) -> tuple[str, ...]:
        """Every feature of an observation."""
        vectors = (self.state_feature, self.environment_feature)
        images = tuple(camera.feature for camera in self.cameras)
        return images + tuple(feature for feature in vectors if feature is not None)


@dataclass(frozen=True)
class EngineReport:
    """Which engine runs.

    name: one of ENGINES but "auto", or "hooks" where lerobot's own forward pass runs.
    dtype: one of DTYPES: what really runs, which need not be what was asked for.
    warmup_seconds: what the engine took to get ready (compiling, capturing) when it was loaded.
    reason: why this one: as asked for, what "auto" went by, or why another one had to step in.
    """

    name: str
    dtype: str
    warmup_seconds: float
    reason: str


@dataclass(frozen=True)
class PrecisionError:
    """Largest absolute differences to the eager float32 pass on one observation.

    chunk: of the actions, in normalised units.
    attention: of the cross-attention weights, and of those encoder weights that are asked for.
    """

    chunk: float
    attention: float


@dataclass(frozen=True, eq=False)
class BatchResult:
    """Forward passes of B observations, float32.

    normalised: (B, chunk_size, action_dim), in the units in which the policy was trained.
    chunks: (B, chunk_size, action_dim), un-normalised.
    attention: (B, layers, heads, chunk_size, tokens), the decoder's cross-attention weights.
    tokens: (B, tokens, dim) of the layer asked for.
    encoder_attention: {layer: (B, heads, tokens, tokens)} for the layers asked for.
    """

    normalised: NDArray[np.float32]
    chunks: NDArray[np.float32]
    attention: NDArray[np.float32]
    tokens: NDArray[np.float32]
    encoder_attention: Mapping[int, NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class QueuedAction:
    """An action (action_dim,) float32, un-normalised, and the step whose chunk it came from."""

    action: NDArray[np.float32]
    source_step: int


@dataclass(frozen=True, eq=False)
class PolicyOutput:
    """One forward pass. The arrays are read-only.

    action: (action_dim,) float32, un-normalised, the one to execute now. Where explain() ran and no
        action was popped in this step it is the chunk's first row, which nothing executes.
    chunk: (chunk_size, action_dim) float32, un-normalised.
    attention: (layers, heads, chunk_size, tokens) float32, the decoder's cross-attention weights
        after softmax.
    tokens: (tokens, dim) float32 of the layer that take_tokens names (the encoder's output unless
        told otherwise), or None.
    chunk_executed: whether this chunk moves the robot: it filled the queue, or joined the ensemble.
    action_source_step: the step whose chunk `action` came from; in the temporal ensemble this step,
        the newest of those averaged.
    encoder_attention: {layer: (heads, tokens, tokens) float32}, the self-attention weights of the
        encoder layers that show_encoder_layers names; heads is 1 for their mean.
    step: this step.
    forward_seconds: wall time of pre-processing, model and post-processing.
    """

    action: NDArray[np.float32]
    chunk: NDArray[np.float32]
    attention: NDArray[np.float32]
    tokens: NDArray[np.float32] | None
    chunk_mode: ChunkMode
    chunk_executed: bool
    action_source_step: int
    step: int
    forward_seconds: float
    encoder_attention: Mapping[int, NDArray[np.float32]] = field(default_factory=dict)


@runtime_checkable
class Policy(Protocol):
    """A policy that shows its attention. Not thread-safe: one caller at a time."""

    @property
    def spec(self) -> PolicySpec:
        """What it reads and writes."""
        ...

    def step(self, observation: Mapping[str, NDArray[np.generic]]) -> PolicyOutput:
        """The next action, with a forward pass on this observation.

        Args:
            observation: one array per feature of the spec: images (H, W, 3) uint8 RGB of exactly
                the policy's size, vectors float32.

        Raises:
            ObservationError: the observation does not fit. The policy's state is unchanged.
            PolicyError: chunk or attention is not finite. The policy's state is unchanged, the
                chunk is never executed.
        """
        ...

    def pop_action(self) -> QueuedAction | None:
        """Take the next queued action; None if there is none, and always in temporal ensembling."""
        ...

    def explain(self, observation: Mapping[str, NDArray[np.generic]]) -> PolicyOutput:
        """A forward pass that moves nothing: queue and ensemble stay as they are.

        Raises:
            ObservationError, PolicyError: as step.
        """
        ...

    def skip(self) -> None:
        """Count a step without a forward pass."""
        ...

    @property
    def engine(self) -> EngineReport:
        """What computes its forward pass."""
        ...

    def show_encoder_layers(
        self, layers: Collection[int], *, mean_over_heads: bool = False
    ) -> None:
        """Which encoder layers' self-attention later outputs hold; none to begin with.

        mean_over_heads: only their mean, as if it were one head: less to keep and to read.

        Raises:
            PolicyError: the policy has no such layer; the setting stays as it was.
        """
        ...

    def reset(self) -> None:
        """Start an episode: empty queue and ensemble, step 0."""
        ...
