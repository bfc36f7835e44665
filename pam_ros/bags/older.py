# SPDX-License-Identifier: Apache-2.0
"""This package's messages as an older release recorded them: with the fields that came later."""

from __future__ import annotations

import dataclasses
import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from rosbags.interfaces import Nodetype
from rosbags.typesys import Stores, get_typestore

from pam_ros.bags.older_definitions import BEFORE_GROUPS
from pam_ros.bags.types import definition, empty, known_types

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rosbags.typesys.store import Typestore

OURS = "pam_ros/"
# What a field that is absent means, where that is not its type's zero.
_MEANING: Mapping[tuple[str, str], Callable[[Any], Any]] = {
    ("AttentionMap", "method_asked"): lambda message: message.method,
    ("AttentionMap", "denoising_step"): lambda _: -1,
    ("AttentionMap", "first_executed_tick"): lambda message: message.tick,
    ("CameraAttention", "contribution"): lambda _: math.nan,
    ("CameraAttention", "part_share"): lambda _: math.nan,
    ("TokenGroup", "contribution"): lambda _: math.nan,
}


@lru_cache(maxsize=1)
def our_types() -> Typestore:
    """The types as they are now."""
    return known_types()


@lru_cache(maxsize=1)
def older_types() -> Typestore:
    """The types that have gained fields, as they were before."""
    store = get_typestore(Stores.ROS2_JAZZY)
    definitions: dict[str, Any] = {}
    for name, text in BEFORE_GROUPS.items():
        definitions.update(definition(text, name))
    store.register(definitions)
    return store


def gained_fields(name: str) -> bool:
    """Whether messages of this type had fewer fields in an older release."""
    return name in BEFORE_GROUPS


def lacks_fields(name: str, stored: Typestore) -> bool:
    """Whether a message of this type, as `stored` defines it, lacks fields that it has now."""
    known = our_types().fielddefs.get(name)
    if not name.startswith(OURS) or known is None or name not in stored.fielddefs:
        return False
    there = dict(stored.fielddefs[name][1])
    return any(
        field not in there or any(lacks_fields(part, stored) for part in _messages_in(kind))
        for field, kind in known[1]
    )


def completed(message: Any, name: str) -> Any:
    """The same message with every field of its type; what it lacks is as msg/ says for "none"."""
    store = our_types()
    there = {field.name for field in dataclasses.fields(message)}
    values = {}
    for field, kind in store.fielddefs[name][1]:
        if field in there:
            values[field] = _completed_value(getattr(message, field), kind)
            continue
        meaning = _MEANING.get((name.removeprefix(f"{OURS}msg/"), field))
        values[field] = empty(store, kind) if meaning is None else meaning(message)
    return store.types[name](**values)


def _completed_value(value: Any, kind: Any) -> Any:
    ours = [part for part in _messages_in(kind) if part.startswith(OURS)]
    if not ours:
        return value
    if kind[0] == Nodetype.NAME:
        return completed(value, ours[0])
    return [completed(one, ours[0]) for one in value]


def _messages_in(kind: Any) -> tuple[str, ...]:
    """The type of message that a field holds, one or many; none for numbers and texts."""
    node, what = kind
    if node == Nodetype.BASE:
        return ()
    return (what,) if node == Nodetype.NAME else _messages_in(what[0])
