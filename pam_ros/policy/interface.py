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
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, runtime_checkable

from pam_ros.share.errors import PamRosError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from pam_ros.attention.layout import TokenGroup, TokenLayout
    from pam_ros.attention.look import Look, Stack, WeightKey

ChunkMode = Literal["queue", "temporal_ensemble"]


class PolicyError(PamRosError):
    """A checkpoint, setting or result that cannot be used: one sentence that says why."""


class ObservationError(PolicyError):
    """An observation that the policy does not take; the policy's state is as it was before."""


class CameraSpec(NamedTuple):
    """One image that the policy reads: (height, width, 3) uint8, RGB."""

    feature: str
    height: int
    width: int


class FeatureStatistics(NamedTuple):
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

    A feature that the policy does not read is None, its dimension 0.

    Attributes:
        name: the checkpoint's path or hub id.
        sha256: of model.safetensors' bytes; for a policy wrapped in memory, of its state dict (see
            wrap).
        groups: what each token stands for that any stack reads, in the tokens' order.
        stacks: of attention that can be shown.
        history: how many observations a pass reads, the newest included.
        stochastic: whether a pass draws noise. It draws its own, the same for the same observation,
            and leaves torch's global generator alone.
        denoising_steps: how often a pass runs its action stack; 0 if it draws a chunk at once.
        instruction: whether it reads words.
        statistics: of the vector features for which the checkpoint holds any, by name
            ("observation.state", "action").
        renames: features by the names that they had in the training data, where those are others.
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
    groups: tuple[TokenGroup, ...]
    stacks: tuple[Stack, ...]
    history: int = 1
    stochastic: bool = False
    denoising_steps: int = 0
    instruction: bool = False
    statistics: Mapping[str, FeatureStatistics] = field(
        default_factory=dict, hash=False, repr=False
    )
    renames: Mapping[str, str] = field(default_factory=dict, hash=False, repr=False)

    @cached_property
    def layout(self) -> TokenLayout:
        """The groups, as the maps take them."""
        # Here and not above: importing pam_ros.policy stays as quick as it is.
        from pam_ros.attention.layout import TokenLayout  # noqa: PLC0415

        return TokenLayout(self.groups)

    def stack(self, name: str) -> Stack:
        """The stack of this name; KeyError if there is none."""
        return {stack.name: stack for stack in self.stacks}[name]

    @property
    def features(self) -> tuple[str, ...]:
        """Every feature of an observation."""
        vectors = (self.state_feature, self.environment_feature)
        images = tuple(camera.feature for camera in self.cameras)
        return images + tuple(feature for feature in vectors if feature is not None)

    def own_name(self, name: str) -> str:
        """The policy's name of a feature that may be named as in the training data."""
        return name if name in self.features else self.renames.get(name, name)


class EngineReport(NamedTuple):
    """Which engine runs.

    name: what it is called: one of engines.names.CHOICES but "auto", or a policy's own word.
    dtype: one of engines.names.DTYPES: what really runs, which need not be what was asked for.
    warmup_seconds: what the engine took to get ready (compiling, capturing) when it was loaded.
    reason: why this one: as asked for, what "auto" went by, or why another one had to step in.
    could: faster ones on a CPU that this policy could be given instead: of those names.
    """

    name: str
    dtype: str
    warmup_seconds: float
    reason: str
    could: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
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
    tokens: (B, tokens, dim) of the layer asked for; None if the policy gives none.
    weights: (B, heads, queries, keys) of each stack, layer and denoising step that the looks name.
    """

    normalised: NDArray[np.float32]
    chunks: NDArray[np.float32]
    tokens: NDArray[np.float32] | None
    weights: Mapping[WeightKey, NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class QueuedAction:
    """An action (action_dim,) float32, un-normalised, and the step whose chunk it came from."""

    action: NDArray[np.float32]
    source_step: int


@dataclass(frozen=True, eq=False)
class PolicyOutput:
    """One forward pass. The arrays are read-only.

    action: (action_dim,) float32, un-normalised, the one to execute now. If explain() ran and no
        action was popped in this step, it is the chunk's first row, which nothing executes.
    chunk: (chunk_size, action_dim) float32, un-normalised.
    tokens: (tokens, dim) float32 of the layer that take_tokens names, one for each token of the
        spec's groups, or None.
    chunk_executed: whether this chunk moves the robot: it filled the queue, or joined the ensemble.
    action_source_step: the step whose chunk `action` came from; in the temporal ensemble this step,
        the newest of those averaged.
    step: this step.
    forward_seconds: wall time of pre-processing, model and post-processing.
    weights: {(stack, layer, denoising step): (heads, queries, keys) float32}, what the look names
        after softmax and nothing else; heads is 1 for a layer that the look goes through.
    noise_seed: of the generator on the CPU that drew the pass's noise (policy/noise.py), below
        2^63; 0 if it drew none, or the policy does not tell.
    """

    action: NDArray[np.float32]
    chunk: NDArray[np.float32]
    tokens: NDArray[np.float32] | None
    chunk_mode: ChunkMode
    chunk_executed: bool
    action_source_step: int
    step: int
    forward_seconds: float
    weights: Mapping[WeightKey, NDArray[np.float32]] = field(default_factory=dict)
    noise_seed: int = 0


@runtime_checkable
class Policy(Protocol):
    """A policy that shows its attention. Not thread-safe: one caller at a time.

    What another thread may do meanwhile is said by abilities.ExplainingLater.
    """

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

    def show(self, look: Look) -> None:
        """Which weights later outputs hold; none to begin with.

        Raises:
            PolicyError: the policy has no such stack, layer, head, query or step; the sentence says
                what there is, and the look stays as it was.
        """
        ...

    def reset(self) -> None:
        """Start an episode: empty queue and ensemble, step 0."""
        ...
