# SPDX-License-Identifier: Apache-2.0
"""Rerun's SDK, which not every installation has."""

from __future__ import annotations

from typing import Any

from pam_ros.show.rerun.errors import ViewError


def import_rerun() -> Any:
    """The module rerun, its blueprint module loaded.

    Raises:
        ViewError: it is not installed.
    """
    try:
        import rerun  # noqa: PLC0415  (optional)
        import rerun.blueprint  # noqa: PLC0415
    except ImportError as error:
        raise ViewError(f"viewing needs rerun-sdk: pip install 'pam_ros[view]' ({error})") from None
    return rerun
