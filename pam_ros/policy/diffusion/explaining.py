# SPDX-License-Identifier: Apache-2.0
"""The part of DiffusionPolicy that needs gradients."""

from __future__ import annotations


class Explaining:
    """What autograd is needed for is imported when it is first asked for."""
