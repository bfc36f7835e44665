# SPDX-License-Identifier: Apache-2.0
"""Which policies have an edit open, for the functions of a notebook that run passes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pam_ros.policy.abilities import EditTokens

_OPEN: dict[int, EditTokens] = {}
"""By the id of the policy, which lives as long as its context: a plug-in's may have no hash."""


@contextmanager
def editing(policy: Any, edit: EditTokens) -> Iterator[None]:
    """Inside, edit_in gives this edit."""
    _OPEN[id(policy)] = edit
    try:
        yield
    finally:
        del _OPEN[id(policy)]


def edit_in(policy: Any) -> dict[str, Any]:
    """What TokenEditing.forward is to be given for the open edit; empty where none is open."""
    return {"edit": _OPEN[id(policy)]} if id(policy) in _OPEN else {}
