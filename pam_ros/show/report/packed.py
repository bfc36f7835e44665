# SPDX-License-Identifier: Apache-2.0
"""Bytes as text of a page: deflated, then base64. A browser's DecompressionStream reads it."""

from __future__ import annotations

import base64
import json
import re
import zlib
from typing import TYPE_CHECKING, Any

from pam_ros.show.report.errors import ReportError

if TYPE_CHECKING:
    from pathlib import Path

_DATA = re.compile(r'<script type="text/plain" class="data">([^<]*)</script>')


def packed(content: bytes) -> str:
    """The text."""
    return base64.b64encode(zlib.compress(content, 9)).decode("ascii")


def read_data(page: Path) -> list[dict[str, Any]]:
    """What a page says of each of its recordings; see payload.py.

    Raises:
        ReportError: it is no report.
    """
    found = _DATA.findall(page.read_text(encoding="utf-8"))
    if not found:
        raise ReportError(f"{page} is no report: `pam_ros report` makes one")
    return [json.loads(zlib.decompress(base64.b64decode(text))) for text in found]
