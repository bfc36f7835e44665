# SPDX-License-Identifier: Apache-2.0
# Written by scripts/write_typings.py.

from collections.abc import Sequence, Set

from geometry_msgs.msg import TransformStamped

class TFMessage:
    def __init__(
        self,
        *,
        transforms: Sequence[TransformStamped] | Set[TransformStamped] = ...,
        check_fields: bool | None = ...,
    ) -> None: ...
    @classmethod
    def get_fields_and_field_types(cls) -> dict[str, str]: ...
    @property
    def transforms(self) -> list[TransformStamped]: ...
    @transforms.setter
    def transforms(self, value: Sequence[TransformStamped] | Set[TransformStamped]) -> None: ...
