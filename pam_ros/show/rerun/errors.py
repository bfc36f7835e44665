# SPDX-License-Identifier: Apache-2.0
"""What goes wrong with showing a run."""

from __future__ import annotations


class ViewError(Exception):
    """One sentence that names what cannot be shown and why."""
