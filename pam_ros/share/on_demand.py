# SPDX-License-Identifier: Apache-2.0
"""A package's public names, each imported when it is first used.

So `from pam_ros.sae import load_sae` works, while importing a file of the package costs nothing of
the others: no torch for a file that only counts.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


def on_demand(package: str, names: Mapping[str, Iterable[str]]) -> Callable[[str], object]:
    """A package's `__getattr__` (PEP 562).

    Args:
        package: its full name.
        names: of a module, as seen from the package, its public names.
    """
    where = {name: f"{package}.{module}" for module, some in names.items() for name in some}

    def get(name: str) -> object:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(where[name]), name)

    return get
