# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from array import array
from collections.abc import Sequence, Set
from typing import Any, ClassVar, TypeAlias

from builtin_interfaces.msg import Time
from numpy.typing import NDArray
from std_msgs.msg import Header

_Ints: TypeAlias = Sequence[int] | Set[int] | NDArray[Any]
_Floats: TypeAlias = Sequence[float] | Set[float] | NDArray[Any]
_Texts: TypeAlias = list[str] | tuple[str, ...] | Set[str]

class AttentionMap:
    DENOISING_STEP_NONE: ClassVar[int]
    DENOISING_STEP_MEAN: ClassVar[int]
    def __init__(
        self,
        *,
        header: Header = ...,
        episode: int = ...,
        tick: int = ...,
        policy_name: str = ...,
        policy_sha256: str = ...,
        method: str = ...,
        method_asked: str = ...,
        method_reason: str = ...,
        layer: str = ...,
        head: str = ...,
        query: str = ...,
        denoising_step: int = ...,
        denoising_steps: int = ...,
        target: str = ...,
        unit: str = ...,
        baseline: str = ...,
        points: int = ...,
        explained_by: str = ...,
        instruction: str = ...,
        noise_seed: int = ...,
        chunk_mode: str = ...,
        chunk_executed: bool = ...,
        command_source_tick: int = ...,
        first_executed_tick: int = ...,
        valid: bool = ...,
        invalid_reason: str = ...,
        inference_skipped: bool = ...,
        joint_state_stamp: Time = ...,
        latent_share: float = ...,
        joint_state_share: float = ...,
        environment_share: float = ...,
        groups: Sequence[TokenGroup] | Set[TokenGroup] = ...,
        entropy: float = ...,
        head_entropy: _Floats = ...,
        head_latent_share: _Floats = ...,
        total: float = ...,
        completeness_error: float = ...,
        forward_seconds: float = ...,
        cameras: Sequence[CameraAttention] | Set[CameraAttention] = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    header: Header
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
    joint_state_stamp: Time
    latent_share: float
    joint_state_share: float
    environment_share: float
    @property
    def groups(self) -> list[TokenGroup]: ...
    @groups.setter
    def groups(self, value: Sequence[TokenGroup] | Set[TokenGroup]) -> None: ...
    entropy: float
    @property
    def head_entropy(self) -> array[float]: ...
    @head_entropy.setter
    def head_entropy(self, value: _Floats) -> None: ...
    @property
    def head_latent_share(self) -> array[float]: ...
    @head_latent_share.setter
    def head_latent_share(self, value: _Floats) -> None: ...
    total: float
    completeness_error: float
    forward_seconds: float
    @property
    def cameras(self) -> list[CameraAttention]: ...
    @cameras.setter
    def cameras(self, value: Sequence[CameraAttention] | Set[CameraAttention]) -> None: ...

class CameraAttention:
    def __init__(
        self,
        *,
        header: Header = ...,
        name: str = ...,
        image_height: int = ...,
        image_width: int = ...,
        rows: int = ...,
        cols: int = ...,
        x0: float = ...,
        y0: float = ...,
        dx: float = ...,
        dy: float = ...,
        cells: _Floats = ...,
        share: float = ...,
        rotate: int = ...,
        padding_share: float = ...,
        first_row: int = ...,
        first_col: int = ...,
        peak_row: int = ...,
        peak_col: int = ...,
        signed_cells: _Floats = ...,
        contribution: float = ...,
        part_share: float = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    header: Header
    name: str
    image_height: int
    image_width: int
    rows: int
    cols: int
    x0: float
    y0: float
    dx: float
    dy: float
    @property
    def cells(self) -> array[float]: ...
    @cells.setter
    def cells(self, value: _Floats) -> None: ...
    share: float
    rotate: int
    padding_share: float
    first_row: int
    first_col: int
    peak_row: int
    peak_col: int
    @property
    def signed_cells(self) -> array[float]: ...
    @signed_cells.setter
    def signed_cells(self, value: _Floats) -> None: ...
    contribution: float
    part_share: float

class SaeFeatures:
    def __init__(
        self,
        *,
        header: Header = ...,
        episode: int = ...,
        tick: int = ...,
        policy_name: str = ...,
        policy_sha256: str = ...,
        sae_sha256: str = ...,
        sae_name: str = ...,
        layer: str = ...,
        sampler: str = ...,
        valid: bool = ...,
        invalid_reason: str = ...,
        tokens: int = ...,
        dictionary_size: int = ...,
        feature: _Ints = ...,
        maximum: _Floats = ...,
        peak_token: _Ints = ...,
        peak_kind: _Ints = ...,
        camera_names: _Texts = ...,
        peak_camera: _Ints = ...,
        peak_row: _Ints = ...,
        peak_col: _Ints = ...,
        l0: float = ...,
        mean_squared_error: float = ...,
        explained_variance: float = ...,
        ood_score: float = ...,
        ood_threshold: float = ...,
        out_of_distribution: bool = ...,
        lost_ticks: int = ...,
        code_offset: _Ints = ...,
        code_feature: _Ints = ...,
        code_value: _Floats = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    header: Header
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
    @property
    def feature(self) -> array[int]: ...
    @feature.setter
    def feature(self, value: _Ints) -> None: ...
    @property
    def maximum(self) -> array[float]: ...
    @maximum.setter
    def maximum(self, value: _Floats) -> None: ...
    @property
    def peak_token(self) -> array[int]: ...
    @peak_token.setter
    def peak_token(self, value: _Ints) -> None: ...
    @property
    def peak_kind(self) -> array[int]: ...
    @peak_kind.setter
    def peak_kind(self, value: _Ints) -> None: ...
    @property
    def camera_names(self) -> list[str]: ...
    @camera_names.setter
    def camera_names(self, value: _Texts) -> None: ...
    @property
    def peak_camera(self) -> array[int]: ...
    @peak_camera.setter
    def peak_camera(self, value: _Ints) -> None: ...
    @property
    def peak_row(self) -> array[int]: ...
    @peak_row.setter
    def peak_row(self, value: _Ints) -> None: ...
    @property
    def peak_col(self) -> array[int]: ...
    @peak_col.setter
    def peak_col(self, value: _Ints) -> None: ...
    l0: float
    mean_squared_error: float
    explained_variance: float
    ood_score: float
    ood_threshold: float
    out_of_distribution: bool
    lost_ticks: int
    @property
    def code_offset(self) -> array[int]: ...
    @code_offset.setter
    def code_offset(self, value: _Ints) -> None: ...
    @property
    def code_feature(self) -> array[int]: ...
    @code_feature.setter
    def code_feature(self, value: _Ints) -> None: ...
    @property
    def code_value(self) -> array[float]: ...
    @code_value.setter
    def code_value(self, value: _Floats) -> None: ...

class TokenActivations:
    KIND_CAMERA: ClassVar[int]
    KIND_LATENT: ClassVar[int]
    KIND_JOINT_STATE: ClassVar[int]
    KIND_ENVIRONMENT: ClassVar[int]
    KIND_LANGUAGE: ClassVar[int]
    KIND_ACTION: ClassVar[int]
    KIND_PADDING: ClassVar[int]
    KIND_OTHER: ClassVar[int]
    def __init__(
        self,
        *,
        header: Header = ...,
        episode: int = ...,
        tick: int = ...,
        policy_name: str = ...,
        policy_sha256: str = ...,
        layer: str = ...,
        sampler: str = ...,
        valid: bool = ...,
        invalid_reason: str = ...,
        tokens: int = ...,
        width: int = ...,
        data: _Ints = ...,
        token: _Ints = ...,
        kind: _Ints = ...,
        camera_names: _Texts = ...,
        camera: _Ints = ...,
        row: _Ints = ...,
        col: _Ints = ...,
        block_rows: int = ...,
        block_cols: int = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    header: Header
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
    @property
    def data(self) -> array[int]: ...
    @data.setter
    def data(self, value: _Ints) -> None: ...
    @property
    def token(self) -> array[int]: ...
    @token.setter
    def token(self, value: _Ints) -> None: ...
    @property
    def kind(self) -> array[int]: ...
    @kind.setter
    def kind(self, value: _Ints) -> None: ...
    @property
    def camera_names(self) -> list[str]: ...
    @camera_names.setter
    def camera_names(self, value: _Texts) -> None: ...
    @property
    def camera(self) -> array[int]: ...
    @camera.setter
    def camera(self, value: _Ints) -> None: ...
    @property
    def row(self) -> array[int]: ...
    @row.setter
    def row(self, value: _Ints) -> None: ...
    @property
    def col(self) -> array[int]: ...
    @col.setter
    def col(self, value: _Ints) -> None: ...
    block_rows: int
    block_cols: int

class TokenGroup:
    def __init__(
        self,
        *,
        name: str = ...,
        kind: str = ...,
        share: float = ...,
        mass: _Floats = ...,
        labels: _Texts = ...,
        contribution: float = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    name: str
    kind: str
    share: float
    @property
    def mass(self) -> array[float]: ...
    @mass.setter
    def mass(self, value: _Floats) -> None: ...
    @property
    def labels(self) -> list[str]: ...
    @labels.setter
    def labels(self, value: _Texts) -> None: ...
    contribution: float
