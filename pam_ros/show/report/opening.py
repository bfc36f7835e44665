# SPDX-License-Identifier: Apache-2.0
"""A bag as it is or, where it is damaged, what can still be read of it. The bag stays untouched."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pam_ros.bags import BagError
from pam_ros.bags.damaged import repaired_copy
from pam_ros.show.report.errors import ReportError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_Read = TypeVar("_Read")


@contextmanager
def readable(
    bag: str | Path, read: Callable[[Path], _Read]
) -> Iterator[tuple[Path, _Read, tuple[str, ...]]]:
    """Reads the bag or, where that fails, a repaired copy, which lasts as long as the context.

    Yields:
        The folder to read from, what `read` made of it, and what had to be left out, in sentences.

    Raises:
        BagError, ReportError: there is no bag, or nothing can be read of it.
    """
    path = Path(bag)
    damage = ""
    try:
        content = read(path)
    except BagError as error:
        if not path.exists():
            raise
        damage = str(error)
    if not damage:
        yield path, content, ()
        return
    with tempfile.TemporaryDirectory(prefix="pam_ros-damaged-") as folder:
        copy = Path(folder) / (path.name or "bag")
        report = repaired_copy(path, copy, damage)
        found = f"of the damaged bag {report.messages} messages could be read and are shown"
        try:
            content = read(copy)
        except (BagError, ReportError) as error:
            raise type(error)(str(error).replace(str(copy), str(path))) from None
        yield copy, content, (damage, *report.notes, found)
