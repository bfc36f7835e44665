# SPDX-License-Identifier: Apache-2.0
"""Short names of features, such as `top` for observation.images.top."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

IMAGES = "observation.images."


def short_names(features: Iterable[str]) -> dict[str, str]:
    """By feature the last part of its name; where two end alike, all after `observation.images.`.

    Args:
        features: of one kind, as a policy's cameras.
    """
    last = {feature: feature.rpartition(".")[2] for feature in features}
    often = Counter(last.values())
    return {
        feature: name if often[name] == 1 else feature.removeprefix(IMAGES)
        for feature, name in last.items()
    }
