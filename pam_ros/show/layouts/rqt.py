# SPDX-License-Identifier: Apache-2.0
"""An rqt perspective: one rqt_image_view per camera, with the overlays, and one for words.

A perspective is the tree of rqt's settings in JSON; every value is the `repr` of a Python value.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pam_ros.robot.topics import Topics

PLUGIN = "rqt_image_view/ImageView"


def rqt(topics: Topics) -> str:
    """The text of a .perspective file."""
    shown = [camera.overlay for camera in topics.cameras] + [topics.words] * bool(topics.words)
    numbers = range(1, len(shown) + 1)
    views = {
        f"plugin__{PLUGIN.replace('/', '__')}__{number}": _group(
            {},
            {"plugin": _group({"topic": topic, "smooth_image": True, "toolbar_hidden": False})},
        )
        for number, topic in zip(numbers, shown, strict=True)
    }
    manager = _group({"running-plugins": {PLUGIN: list(numbers)}}, views)
    return json.dumps(_group({}, {"pluginmanager": manager}), indent=2) + "\n"


def _group(keys: Mapping[str, Any], groups: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {
        "keys": {name: {"repr": repr(value), "type": "repr"} for name, value in keys.items()},
        "groups": dict(groups or {}),
    }
