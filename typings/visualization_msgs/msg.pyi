# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from array import array
from collections.abc import Sequence, Set
from typing import Any, ClassVar, TypeAlias

from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point
from geometry_msgs.msg import Pose
from geometry_msgs.msg import Vector3
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import ColorRGBA
from std_msgs.msg import Header

_Ints: TypeAlias = Sequence[int] | Set[int] | NDArray[Any]

class Marker:
    ARROW: ClassVar[int]
    CUBE: ClassVar[int]
    SPHERE: ClassVar[int]
    CYLINDER: ClassVar[int]
    LINE_STRIP: ClassVar[int]
    LINE_LIST: ClassVar[int]
    CUBE_LIST: ClassVar[int]
    SPHERE_LIST: ClassVar[int]
    POINTS: ClassVar[int]
    TEXT_VIEW_FACING: ClassVar[int]
    MESH_RESOURCE: ClassVar[int]
    TRIANGLE_LIST: ClassVar[int]
    ARROW_STRIP: ClassVar[int]
    ADD: ClassVar[int]
    MODIFY: ClassVar[int]
    DELETE: ClassVar[int]
    DELETEALL: ClassVar[int]
    def __init__(
        self,
        *,
        header: Header = ...,
        ns: str = ...,
        id: int = ...,
        type: int = ...,
        action: int = ...,
        pose: Pose = ...,
        scale: Vector3 = ...,
        color: ColorRGBA = ...,
        lifetime: Duration = ...,
        frame_locked: bool = ...,
        points: Sequence[Point] | Set[Point] = ...,
        colors: Sequence[ColorRGBA] | Set[ColorRGBA] = ...,
        texture_resource: str = ...,
        texture: CompressedImage = ...,
        uv_coordinates: Sequence[UVCoordinate] | Set[UVCoordinate] = ...,
        text: str = ...,
        mesh_resource: str = ...,
        mesh_file: MeshFile = ...,
        mesh_use_embedded_materials: bool = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    header: Header
    ns: str
    id: int
    type: int
    action: int
    pose: Pose
    scale: Vector3
    color: ColorRGBA
    lifetime: Duration
    frame_locked: bool
    @property
    def points(self) -> list[Point]: ...
    @points.setter
    def points(self, value: Sequence[Point] | Set[Point]) -> None: ...
    @property
    def colors(self) -> list[ColorRGBA]: ...
    @colors.setter
    def colors(self, value: Sequence[ColorRGBA] | Set[ColorRGBA]) -> None: ...
    texture_resource: str
    texture: CompressedImage
    @property
    def uv_coordinates(self) -> list[UVCoordinate]: ...
    @uv_coordinates.setter
    def uv_coordinates(self, value: Sequence[UVCoordinate] | Set[UVCoordinate]) -> None: ...
    text: str
    mesh_resource: str
    mesh_file: MeshFile
    mesh_use_embedded_materials: bool

class MarkerArray:
    def __init__(
        self,
        *,
        markers: Sequence[Marker] | Set[Marker] = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    @property
    def markers(self) -> list[Marker]: ...
    @markers.setter
    def markers(self, value: Sequence[Marker] | Set[Marker]) -> None: ...

class MeshFile:
    def __init__(
        self,
        *,
        filename: str = ...,
        data: _Ints = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    filename: str
    @property
    def data(self) -> array[int]: ...
    @data.setter
    def data(self, value: _Ints) -> None: ...

class UVCoordinate:
    def __init__(
        self,
        *,
        u: float = ...,
        v: float = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    u: float
    v: float
