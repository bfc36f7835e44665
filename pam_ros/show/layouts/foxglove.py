# SPDX-License-Identifier: Apache-2.0
"""A Foxglove layout (Lichtblick reads it too): pictures, words, shares, commands, features."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pam_ros.robot.values.registry import command_type

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pam_ros.robot.topics import Topics

_HEADER, _RECEIVED = "headerStamp", "receiveTime"


def foxglove(topics: Topics) -> str:
    """The text of a layout to import."""
    panels: dict[str, dict[str, Any]] = {}
    images = [
        _column(
            _add(panels, "Image", f"{camera.name}", _image(camera.name, camera.image)),
            _add(
                panels,
                "Image",
                f"{camera.name}_attention",
                _image(f"{camera.name}, attention", camera.compressed_overlay),
            ),
        )
        for camera in topics.cameras
    ]
    attention = topics.attention
    cameras = {c.name: f'{attention}.cameras[:]{{name=="{c.name}"}}' for c in topics.cameras}
    shares = {name: f"{camera}.share" for name, camera in cameras.items()}
    # Of contributions, whose cells' shares make 1 without the joint state.
    shares |= {f"{name}, part": f"{camera}.part_share" for name, camera in cameras.items()}
    shares["joint state"] = f"{attention}.joint_state_share"
    shares["latent"] = f"{attention}.latent_share"
    features = topics.features
    plots = _column(
        _add(panels, "Plot", "shares", _plot("Attention shares", shares)),
        _add(panels, "Plot", "entropy", _plot("Entropy [nats]", {"all": f"{attention}.entropy"})),
        _add(panels, "Plot", "commands", _commands(topics)),
        _add(
            panels,
            "Plot",
            "features",
            _plot(
                "Sparse features",
                {
                    "unlike the training set": f"{features}.ood_score",
                    "threshold": f"{features}.ood_threshold",
                    "explained variance": f"{features}.explained_variance",
                },
            ),
        ),
    )
    health = _add(
        panels,
        "DiagnosticSummary",
        "health",
        {
            "foxglovePanelTitle": "Health",
            "topicToRender": topics.diagnostics,
            "minLevel": 0,
            "pinnedIds": [],
            "hardwareIdFilter": "",
        },
    )
    parts = [_row(*images)] if images else []
    if topics.words:
        strip = _image("Words", topics.compressed_words)
        parts.append(_add(panels, "Image", "the words", strip))
    parts.append(health)
    content = {
        "configById": panels,
        "globalVariables": {},
        "userNodes": {},
        "playbackConfig": {"speed": 1},
        "layout": _split("row", _column(*parts, first=80), plots, 55),
    }
    return json.dumps(content, indent=2) + "\n"


def _commands(topics: Topics) -> dict[str, Any]:
    """Positions in the contract's order. Joint states have the driver's, and are left out."""
    lines = {
        label: f"{part.topic}.{command_type(part.type).plot(field, place)}"
        for part in topics.commands
        for place, (label, field) in enumerate(zip(part.labels, part.fields, strict=True))
    }
    # Trajectories for controllers are stamped 0, arrays not at all.
    return _plot("Commands", lines, _RECEIVED)


def _image(title: str, topic: str) -> dict[str, Any]:
    return {"foxglovePanelTitle": title, "imageMode": {"imageTopic": topic}}


def _plot(title: str, lines: Mapping[str, str], timestamps: str = _HEADER) -> dict[str, Any]:
    return {
        "foxglovePanelTitle": title,
        "paths": [
            {"value": value, "label": label, "enabled": True, "timestampMethod": timestamps}
            for label, value in lines.items()
        ],
        "xAxisVal": "timestamp",
        "isSynced": True,
        "showLegend": True,
        "legendDisplay": "floating",
    }


def _add(panels: dict[str, dict[str, Any]], kind: str, name: str, config: dict[str, Any]) -> str:
    panels[f"{kind}!{name}"] = config
    return f"{kind}!{name}"


def _split(direction: str, first: Any, second: Any, percentage: float) -> dict[str, Any]:
    return {
        "direction": direction,
        "first": first,
        "second": second,
        "splitPercentage": percentage,
    }


def _row(*parts: Any) -> Any:
    return _even("row", parts)


def _column(*parts: Any, first: float | None = None) -> Any:
    return _even("column", parts, first)


def _even(direction: str, parts: Sequence[Any], first: float | None = None) -> Any:
    if len(parts) == 1:
        return parts[0]
    percentage = 100 / len(parts) if first is None else first
    return _split(direction, parts[0], _even(direction, parts[1:]), round(percentage, 1))
