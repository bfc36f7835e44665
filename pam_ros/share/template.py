# SPDX-License-Identifier: Apache-2.0
"""Pages that are templates with places: {{name}}."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FILES = Path(__file__).parent / "page-files"


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


def shared(*names: str) -> str:
    """Files that several pages use, one after the other.

    palette.css: the colours, dark and light, as CSS variables. parts.css: the looks of what the
    scripts make. theme.js stands in a page's head. The others know no page: time.js, view.js and
    chart.js draw curves, heat.js, colour-bar.js and picture.js pictures with heat, tip.js what the
    mouse is over.
    """
    return "".join((_FILES / name).read_text(encoding="utf-8") for name in names)


def palette() -> str:
    """The colours of all pages, dark and light, as CSS variables."""
    return shared("palette.css")
