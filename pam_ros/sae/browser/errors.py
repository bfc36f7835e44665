# SPDX-License-Identifier: Apache-2.0
"""What goes wrong with the feature browser."""

from __future__ import annotations


class FeaturesError(Exception):
    """One sentence that names the file or value and what would be right."""
