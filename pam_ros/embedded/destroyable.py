# SPDX-License-Identifier: Apache-2.0
"""What nodes and their entities share: a handle that refuses once they are destroyed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .exceptions import InvalidHandle

if TYPE_CHECKING:
    from typing_extensions import Self

DESTROYED = "cannot use Destroyable because destruction was requested"


class Destroyable:
    """Something with a handle; `with entity.handle:` raises InvalidHandle once destroyed."""

    _destroyed = False

    def _check(self) -> None:
        if self._destroyed:
            raise InvalidHandle(DESTROYED)

    @property
    def handle(self) -> Self:
        """This object: there is no C object below it."""
        return self

    def __enter__(self) -> Self:
        self._check()
        return self

    def __exit__(self, *_: object) -> None:
        pass
