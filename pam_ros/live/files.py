# SPDX-License-Identifier: Apache-2.0
"""The files of the page: its own, and those that all pages of this package share."""

from __future__ import annotations

from pathlib import Path

_OWN = Path(__file__).parent / "page-files"
_SHARED = Path(__file__).parents[1] / "share" / "page-files"
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}

FILES = {
    path.name: path
    for folder in (_SHARED, _OWN)
    for path in sorted(folder.iterdir())
    if path.suffix in _KINDS
}
"""By name. No other file is served, whatever is asked for."""


def page_file(name: str) -> tuple[bytes, str]:
    """A file of FILES and its media type."""
    path = FILES[name]
    return path.read_bytes(), _KINDS[path.suffix]
