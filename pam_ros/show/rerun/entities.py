# SPDX-License-Identifier: Apache-2.0
"""Names in Rerun: entities and timelines."""

from __future__ import annotations

STAMP = "stamp"
"""Timeline of header stamps."""
TICK = "tick"
"""Timeline of the policy's ticks: maps and features are on it."""

SHARES = "shares"
ENTROPY = "entropy"
JOINTS = "joints"
MEASURED, COMMAND, PREDICTED = "measured", "command", "predicted"
FEATURES = "features"
CODE = f"{FEATURES}/code"
UNUSUAL = f"{FEATURES}/unusual"
LOG = "log"
WORDS = "words"
"""The words of the instruction as a strip, each on the colour of its share."""


def camera_entity(name: str) -> str:
    """Where a camera's own images are."""
    return f"cameras/{name}/image"


def attention_entity(name: str) -> str:
    """Where its overlays are."""
    return f"cameras/{name}/attention"


def peaks_entity(name: str) -> str:
    """Where the strongest features look, drawn over its images."""
    return f"cameras/{name}/image/features"


def share_entity(name: str) -> str:
    """The share of a camera, or of another kind of token."""
    return f"{SHARES}/{name.replace(' ', '_')}"


def joint_entity(joint: str, what: str) -> str:
    """One joint's measured, commanded or predicted position [rad]."""
    return f"{JOINTS}/{joint}/{what}"
