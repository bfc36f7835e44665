# SPDX-License-Identifier: Apache-2.0
"""The exception of report/."""

from __future__ import annotations


class ReportError(Exception):
    """A recording cannot be shown: one sentence that names it and what would be right."""
