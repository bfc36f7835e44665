# SPDX-License-Identifier: Apache-2.0
"""A growing file that takes each batch of bytes wholly or not at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class DurableFile:
    """What is written waits in memory until `flush`, which hands all of it to the system.

    Where the disk refuses, the file is cut back to the last whole batch and the bytes go on
    waiting: a later flush tries again. After a flush they survive the process (kill -9), as the
    system holds them; a power failure may cost what is not on the disk yet.

    Raises:
        OSError: the file exists already, or cannot be made.
    """

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o644)
        self._kept = 0
        self._waiting = bytearray()

    @property
    def waiting(self) -> int:
        """Bytes not handed over yet."""
        return len(self._waiting)

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Add to the batch."""
        self._waiting += data
        return len(data)

    def tell(self) -> int:
        """Length of the file once all is handed over."""
        return self._kept + len(self._waiting)

    def flush(self) -> None:
        """Hand the batch over.

        Raises:
            OSError: the disk refuses; nothing of the batch is in the file, all of it still waits.
        """
        done = 0
        try:
            with memoryview(self._waiting) as view:
                while done < len(view):
                    done += os.pwrite(self._descriptor, view[done:], self._kept + done)
        except OSError:
            os.ftruncate(self._descriptor, self._kept)
            raise
        self._kept += done
        self._waiting.clear()

    def close(self) -> None:
        """Close the file; what still waits is dropped."""
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)
