# SPDX-License-Identifier: Apache-2.0
"""Pages that are templates with places: {{name}}."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def pieces(template: str) -> Iterator[tuple[str, str]]:
    """Each text and the name of the place after it; the last one's name is empty."""
    before, *rest = template.split("{{")
    for part in rest:
        name, closing, after = part.partition("}}")
        if not closing:
            # Braces of a script or a style are text.
            before += "{{" + part
            continue
        yield before, name
        before = after
    yield before, ""


def filled(template: str, parts: Mapping[str, str]) -> str:
    """The template with each place filled; KeyError for a place without a part."""
    return "".join(text + (parts[name] if name else "") for text, name in pieces(template))


def palette() -> str:
    """The colours of all pages, dark and light, as CSS variables."""
    return (Path(__file__).parent / "page-files" / "palette.css").read_text(encoding="utf-8")
