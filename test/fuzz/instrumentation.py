# SPDX-License-Identifier: Apache-2.0
"""atheris where it is installed; without it nothing is instrumented."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["atheris", "instrument_function", "instrumented_imports"]

try:
    import atheris
except ImportError:
    atheris = None


@contextlib.contextmanager
def instrumented_imports(modules: tuple[str, ...]) -> Iterator[None]:
    """Modules imported within, and their submodules, report their branches."""
    if atheris is None:
        yield
        return
    with atheris.instrument_imports(include=list(modules), enable_loader_override=False):
        yield


def instrument_function(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, reporting its branches."""
    if atheris is None:
        return function
    instrumented: Callable[..., Any] = atheris.instrument_func(function)
    return instrumented
