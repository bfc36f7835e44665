# SPDX-License-Identifier: Apache-2.0
"""What nodes and their entities share: a handle that refuses once they are destroyed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from rclpy_cyclone.errors.middleware import InvalidHandle

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

DESTROYED = "cannot use Destroyable because destruction was requested"


class DestroyableType(Protocol):
    """What rclpy's handles have in common, for annotations."""

    def __enter__(self) -> None: ...

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exctb: TracebackType | None,
    ) -> None: ...

    def destroy_when_not_in_use(self) -> None:
        """Destroy it once nobody uses it."""


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
