# SPDX-License-Identifier: Apache-2.0
"""Which policies have an edit open, for the functions of a notebook that run passes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pam_ros.policy.abilities import EditTokens

_OPEN: WeakKeyDictionary[Any, EditTokens] = WeakKeyDictionary()


@contextmanager
def editing(policy: Any, edit: EditTokens) -> Iterator[None]:
    """Inside, edit_in gives this edit."""
    _OPEN[policy] = edit
    try:
        yield
    finally:
        del _OPEN[policy]


def edit_in(policy: Any) -> dict[str, Any]:
    """What TokenEditing.forward is to be given for the open edit; empty where none is open."""
    return {"edit": _OPEN[policy]} if policy in _OPEN else {}
