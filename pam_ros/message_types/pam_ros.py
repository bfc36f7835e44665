# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.
"""Messages of pam_ros by their fields. Only for annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pam_ros.message_types.builtin_interfaces import Time
    from pam_ros.message_types.std_msgs import Header


class AttentionMap(Protocol):
    """A pam_ros/msg/AttentionMap."""

    episode: int
    tick: int
    policy_name: str
    policy_sha256: str
    method: str
    method_asked: str
    method_reason: str
    layer: str
    head: str
    query: str
    denoising_step: int
    denoising_steps: int
    target: str
    unit: str
    baseline: str
    points: int
    explained_by: str
    instruction: str
    noise_seed: int
    chunk_mode: str
    chunk_executed: bool
    command_source_tick: int
    first_executed_tick: int
    valid: bool
    invalid_reason: str
    inference_skipped: bool
    latent_share: float
    joint_state_share: float
    environment_share: float
    entropy: float
    total: float
    completeness_error: float
    forward_seconds: float

    @property
    def header(self) -> Header: ...

    @header.setter
    def header(self, value: Any) -> None: ...

    @property
    def joint_state_stamp(self) -> Time: ...

    @joint_state_stamp.setter
    def joint_state_stamp(self, value: Any) -> None: ...

    @property
    def groups(self) -> Sequence[TokenGroup]: ...

    @groups.setter
    def groups(self, value: Any) -> None: ...

    @property
    def head_entropy(self) -> Sequence[float] | NDArray[Any]: ...

    @head_entropy.setter
    def head_entropy(self, value: Sequence[float] | NDArray[Any]) -> None: ...

    @property
    def head_latent_share(self) -> Sequence[float] | NDArray[Any]: ...

    @head_latent_share.setter
    def head_latent_share(self, value: Sequence[float] | NDArray[Any]) -> None: ...

    @property
    def cameras(self) -> Sequence[CameraAttention]: ...

    @cameras.setter
    def cameras(self, value: Any) -> None: ...


class CameraAttention(Protocol):
    """A pam_ros/msg/CameraAttention."""

    name: str
    image_height: int
    image_width: int
    rows: int
    cols: int
    x0: float
    y0: float
    dx: float
    dy: float
    share: float
    rotate: int
    padding_share: float
    first_row: int
    first_col: int
    peak_row: int
    peak_col: int
    contribution: float
    part_share: float

    @property
    def header(self) -> Header: ...

    @header.setter
    def header(self, value: Any) -> None: ...

    @property
    def cells(self) -> Sequence[float] | NDArray[Any]: ...

    @cells.setter
    def cells(self, value: Sequence[float] | NDArray[Any]) -> None: ...

    @property
    def signed_cells(self) -> Sequence[float] | NDArray[Any]: ...

    @signed_cells.setter
    def signed_cells(self, value: Sequence[float] | NDArray[Any]) -> None: ...


class SaeFeatures(Protocol):
    """A pam_ros/msg/SaeFeatures."""

    episode: int
    tick: int
    policy_name: str
    policy_sha256: str
    sae_sha256: str
    sae_name: str
    layer: str
    sampler: str
    valid: bool
    invalid_reason: str
    tokens: int
    dictionary_size: int
    l0: float
    mean_squared_error: float
    explained_variance: float
    ood_score: float
    ood_threshold: float
    out_of_distribution: bool
    lost_ticks: int

    @property
    def header(self) -> Header: ...

    @header.setter
    def header(self, value: Any) -> None: ...

    @property
    def feature(self) -> Sequence[int] | NDArray[Any]: ...

    @feature.setter
    def feature(self, value: Sequence[int] | NDArray[Any]) -> None: ...

    @property
    def maximum(self) -> Sequence[float] | NDArray[Any]: ...

    @maximum.setter
    def maximum(self, value: Sequence[float] | NDArray[Any]) -> None: ...

    @property
    def peak_token(self) -> Sequence[int] | NDArray[Any]: ...

    @peak_token.setter
    def peak_token(self, value: Sequence[int] | NDArray[Any]) -> None: ...

    @property
    def peak_kind(self) -> Sequence[int] | NDArray[Any]: ...

    @peak_kind.setter
    def peak_kind(self, value: Sequence[int] | NDArray[Any]) -> None: ...

    @property
    def camera_names(self) -> Sequence[str]: ...

    @camera_names.setter
    def camera_names(self, value: list[str]) -> None: ...

    @property
    def peak_camera(self) -> Sequence[int] | NDArray[Any]: ...

    @peak_camera.setter
    def peak_camera(self, value: Sequence[int] | NDArray[Any]) -> None: ...

    @property
    def peak_row(self) -> Sequence[int] | NDArray[Any]: ...

    @peak_row.setter
    def peak_row(self, value: Sequence[int] | NDArray[Any]) -> None: ...

    @property
    def peak_col(self) -> Sequence[int] | NDArray[Any]: ...

    @peak_col.setter
    def peak_col(self, value: Sequence[int] | NDArray[Any]) -> None: ...

    @property
    def code_offset(self) -> Sequence[int] | NDArray[Any]: ...

    @code_offset.setter
    def code_offset(self, value: Sequence[int] | NDArray[Any]) -> None: ...

    @property
    def code_feature(self) -> Sequence[int] | NDArray[Any]: ...

    @code_feature.setter
    def code_feature(self, value: Sequence[int] | NDArray[Any]) -> None: ...

    @property
    def code_value(self) -> Sequence[float] | NDArray[Any]: ...

    @code_value.setter
    def code_value(self, value: Sequence[float] | NDArray[Any]) -> None: ...


class TokenActivations(Protocol):
    """A pam_ros/msg/TokenActivations."""

    episode: int
    tick: int
    policy_name: str
    policy_sha256: str
    layer: str
    sampler: str
    valid: bool
    invalid_reason: str
    tokens: int
    width: int
    block_rows: int
    block_cols: int

    @property
    def header(self) -> Header: ...

    @header.setter
    def header(self, value: Any) -> None: ...

    @property
    def data(self) -> Sequence[int] | NDArray[Any]: ...

    @data.setter
    def data(self, value: Sequence[int] | NDArray[Any]) -> None: ...

    @property
    def token(self) -> Sequence[int] | NDArray[Any]: ...

    @token.setter
    def token(self, value: Sequence[int] | NDArray[Any]) -> None: ...

    @property
    def kind(self) -> Sequence[int] | NDArray[Any]: ...

    @kind.setter
    def kind(self, value: Sequence[int] | NDArray[Any]) -> None: ...

    @property
    def camera_names(self) -> Sequence[str]: ...

    @camera_names.setter
    def camera_names(self, value: list[str]) -> None: ...

    @property
    def camera(self) -> Sequence[int] | NDArray[Any]: ...

    @camera.setter
    def camera(self, value: Sequence[int] | NDArray[Any]) -> None: ...

    @property
    def row(self) -> Sequence[int] | NDArray[Any]: ...

    @row.setter
    def row(self, value: Sequence[int] | NDArray[Any]) -> None: ...

    @property
    def col(self) -> Sequence[int] | NDArray[Any]: ...

    @col.setter
    def col(self, value: Sequence[int] | NDArray[Any]) -> None: ...


class TokenGroup(Protocol):
    """A pam_ros/msg/TokenGroup."""

    name: str
    kind: str
    share: float
    contribution: float

    @property
    def mass(self) -> Sequence[float] | NDArray[Any]: ...

    @mass.setter
    def mass(self, value: Sequence[float] | NDArray[Any]) -> None: ...

    @property
    def labels(self) -> Sequence[str]: ...

    @labels.setter
    def labels(self, value: list[str]) -> None: ...
