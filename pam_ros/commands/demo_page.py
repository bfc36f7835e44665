# SPDX-License-Identifier: Apache-2.0
"""The live page of the demo: on this machine alone, and only if its server can be had."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pam_ros.live.errors import LiveError

if TYPE_CHECKING:
    from pathlib import Path

    from pam_ros.nodes.live.serving import Live


def start_page(out: Path) -> Live | None:
    """Serve the page and print its address; None, with a sentence, where that cannot be.

    The demo goes on without a page: it is no part of what the demo leaves behind.
    """
    if find_spec("aiohttp") is None:
        sys.stdout.write("no live page: it needs aiohttp (pip install 'pam_ros[live]')\n")
        return None
    from pam_ros.nodes.live.serving import Live, LiveOptions  # noqa: PLC0415  (aiohttp)

    try:
        live = Live(LiveOptions(record_to=out / "recordings"))
    except Exception as error:  # noqa: BLE001  (the demo goes on, and cleans up)
        named = "" if isinstance(error, LiveError) else f"{type(error).__name__}: "
        sys.stdout.write(f"no live page: {named}{error}\n")
        return None
    sys.stdout.write(f"to look on in a browser, while it runs:\n  {live.address}\n")
    sys.stdout.flush()
    return live
