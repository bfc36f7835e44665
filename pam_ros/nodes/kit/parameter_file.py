# SPDX-License-Identifier: Apache-2.0
"""A commented parameter file, from a node's table."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pam_ros.nodes.kit.parameters import Declared

WIDTH = 100
INDENT = "    "


def parameter_file(node: str, about: str, sections: Mapping[str, tuple[Declared, ...]]) -> str:
    """YAML with every parameter at its default, and above it what is said of it.

    Args:
        node: name, in whatever namespace.
        about: the comment at the top.
        sections: title -> what is declared there. One with an example is commented out.
    """
    lines = [*_comment(about, ""), f"/**/{node}:", "  ros__parameters:"]
    for number, (title, entries) in enumerate(sections.items()):
        if number:
            lines.append("")
        lines.append(f"{INDENT}# --- {title} ".ljust(WIDTH, "-"))
        for entry in entries:
            lines += _parameter(entry)
    return "\n".join([*lines, ""])


def _parameter(entry: Declared) -> Iterator[str]:
    live = "" if entry.read_only else "Live. "
    yield from _comment(f"{live}{entry.description}", INDENT)
    if entry.example:
        yield f"{INDENT}# {entry.name}: {entry.example}"
    elif isinstance(entry.default, list) and any(entry.default):
        yield f"{INDENT}{entry.name}:"
        yield from (f"{INDENT}  - {one}" for one in entry.default)
    else:
        yield f"{INDENT}{entry.name}: {_value(entry.default)}"


def _value(value: Any) -> str:
    """As YAML has it on one line, texts in double quotes where they need any."""
    style = '"' if value in ("", [""]) else None
    text = yaml.safe_dump(value, default_flow_style=True, default_style=style, width=WIDTH)
    return text.splitlines()[0]


def _comment(text: str, indent: str) -> Iterator[str]:
    for line in textwrap.wrap(
        text, WIDTH - len(indent) - 2, break_long_words=False, break_on_hyphens=False
    ):
        yield f"{indent}# {line}"
