# SPDX-License-Identifier: Apache-2.0
"""Writes reference pages and parameter files from the sources: python docs/write_reference.py.

A test compares them with what this writes, so they cannot fall behind.
"""

from __future__ import annotations

import dataclasses
import enum
import importlib
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
MARK = "<!-- Written by docs/write_reference.py; edit the sources, then run it again. -->"

# Node -> where its parameter tables are.
NODES: dict[str, tuple[str, ...]] = {
    "act_attention": (
        "pam_ros.nodes.act.parameter_table:TABLE", "pam_ros.nodes.act.feature_editing:TABLE",
    ),
    "sae_recorder": ("pam_ros.nodes.recorders.sae_parameters:TABLE",),
    "recorder": ("pam_ros.nodes.recorders.bag_node:PARAMETERS",),
    "demo_robot": ("pam_ros.nodes.demo.robot_node:PARAMETERS",),
    "displays": ("pam_ros.nodes.displays.node:TABLE",),
}  # fmt: skip
# Node with a commented file in config/ -> the sections of its table, and the top of the file.
FILES = {
    "act_attention": (
        "pam_ros.nodes.act.parameter_table:SECTIONS",
        (
            "Every parameter of the act_attention node, with its default. Those marked Live can "
            "change while the node runs (ros2 param set /act_attention overlay_alpha 0.4); the "
            "others are read once."
        ),
    ),
    "sae_recorder": (
        "pam_ros.nodes.recorders.sae_parameters:SECTIONS",
        (
            "Every parameter of the sae_recorder node, with its default. All of them are read "
            "once, at start-up. Topics without a leading slash are in this node's namespace, "
            "beside its act_attention."
        ),
    ),
}
WRITTEN = "Written by docs/write_reference.py from the node's table."
MESSAGES = ("AttentionMap", "CameraAttention", "TokenGroup", "TokenActivations", "SaeFeatures")
# What a notebook uses, by room. Everything else may change without notice.
API: dict[str, tuple[str, ...]] = {
    "pam_ros.policy": ("load_policy", "wrap", "look", "Glance", "run_with_hooks", "run_with_cache",
                       "ActivationCache", "HookPoint", "patched", "activation_patching", "Patching",
                       "heads_ablated", "edited", "Policy", "PolicySpec", "PolicyOutput",
                       "PolicyError", "ObservationError"),
    "pam_ros.observations": ("open_recording_for", "Frame", "SourceError"),
    "pam_ros.attention": ("attention_maps", "encoder_attention_maps", "rollout_maps",
                          "AttentionMaps", "CameraMap", "Overlay", "Drawing", "TickScale",
                          "RunningScale", "UniformScale", "make_scale", "AttentionError"),
    "pam_ros.policy.act.gradients": ("attribute", "Target", "Attribution"),
    "pam_ros.sae": ("TokenStore", "SAE", "load_sae", "save_sae", "check_fits", "TickEncoder",
                    "TickFeatures", "ablate", "scale", "steer", "edit_effect", "OodDetector",
                    "OodState", "SaeError"),
    "pam_ros.robot": ("load_contract", "Contract", "ContractError"),
    "pam_ros.bags": ("BagReader", "BagWriter", "repair", "BagError"),
    "pam_ros.share.errors": ("PamRosError",),
}  # fmt: skip

_SECTION = re.compile(r"^(Args|Returns|Raises|Yields|Attributes|Example):$")
_ENTRY = re.compile(r"^([\w.*, ]+): (.*)$")


def parameters_page() -> str:
    """Every parameter of every node, as a table each."""
    lines = [
        "# Parameters", "", MARK, "",
        "Live ones change while the node runs (`ros2 param set`), the others are read at start-up.",
        "A name that a node does not know ends its start with a sentence. Every node also has",
        "rclpy's own `use_sim_time`.", "",
        "act_attention and sae_recorder also have those of diagnostic_updater, read at start-up.",
        "`diagnostic_updater.period`: seconds between two reports on /diagnostics, 1.0 by default,",
        "from 0.1 to 60. `diagnostic_updater.use_fqn`: whether a status is named after node and",
        "namespace; false by default.",
    ]  # fmt: skip
    for node, tables in NODES.items():
        lines += ["", f"## {node}", ""]
        if node in FILES:
            file = f"config/{node}.yaml"
            lines += [f"With all defaults: [{file}](../{file}).", ""]
        lines += _table("parameter", "default", "meaning")
        for entry in (entry for table in tables for entry in _look_up(table)):
            live = "" if entry.read_only else "Live. "
            meaning = f"{live}{_values(entry)} {entry.description}"
            lines.append(f"| `{entry.name}` | {_default(entry.default)} | {_cell(meaning)} |")
    return "\n".join([*lines, ""])


def parameter_file_of(node: str) -> str:
    """config/<node>.yaml."""
    from pam_ros.nodes.kit.parameter_file import parameter_file  # noqa: PLC0415

    sections, about = FILES[node]
    return parameter_file(node, f"{about} {WRITTEN}", _look_up(sections))


def diagnostics_page() -> str:
    """Every value of the inference node on /diagnostics."""
    values: dict[str, str] = _look_up("pam_ros.nodes.act.diagnostics:VALUES")
    lines = [
        "# Diagnostics", "", MARK, "",
        "The inference node publishes one status on `/diagnostics` once a second, named",
        "`act_attention: policy`. When the node is configured, diagnostic_updater says once",
        "`Node starting up`, without values. A value is there only if it is known. `*` stands for",
        "`p50` and `p99` of a duration [ms], for a source, a camera or a cause.", "",
    ]  # fmt: skip
    lines += _table("value", "meaning")
    lines += [f"| `{key}` | {_cell(text)} |" for key, text in values.items()]
    return "\n".join([*lines, ""])


def messages_page() -> str:
    """Every field of every message, with its comment."""
    lines = [
        "# Messages", "", MARK, "",
        "The definitions are in msg/; `ros2 interface show pam_ros/msg/AttentionMap` prints one.",
    ]  # fmt: skip
    for name in MESSAGES:
        text = (ROOT / "msg" / f"{name}.msg").read_text(encoding="utf-8")
        about, *blocks = text.rstrip("\n").split("\n\n")
        lines += ["", f"## pam_ros/msg/{name}", "", _prose(about.splitlines()), ""]
        lines += _table("field", "type", "meaning")
        lines += [row for block in blocks for row in _fields(block)]
    return "\n".join([*lines, ""])


def api_page() -> str:
    """Signatures and docstrings of what a notebook uses."""
    lines = [
        "# Python API for notebooks", "", MARK, "",
        "None of this needs ROS. What is not listed here may change without notice. Images are",
        "(height, width, 3) uint8 RGB, joint states float32 in the policy's units.",
    ]  # fmt: skip
    for module, names in API.items():
        lines += ["", f"## {module}", "", *_docstring(importlib.import_module(module))]
        for name in names:
            lines += ["", *_documented(name, getattr(importlib.import_module(module), name))]
    return "\n".join([*lines, ""])


PAGES = {
    "parameters.md": parameters_page,
    "messages.md": messages_page,
    "diagnostics.md": diagnostics_page,
    "api.md": api_page,
}


def _look_up(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


def _prose(comment: Iterable[str]) -> str:
    return " ".join(line.lstrip("#").strip() for line in comment)


def _default(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=200).splitlines()[0]
    return f"`{text}`"


def _values(entry: Any) -> str:
    """Its type, and what it may be."""
    kind = type(entry.default).__name__
    if entry.choices:
        return f"{kind}: {', '.join(f'`{choice}`' for choice in entry.choices)}."
    if entry.lowest is not None and entry.highest is not None:
        return f"{kind}, {entry.lowest:,g} to {entry.highest:,.12g}."
    return f"{kind}."


def _table(*columns: str) -> list[str]:
    return [f"| {' | '.join(columns)} |", "| --- " * len(columns) + "|"]


def _cell(text: str) -> str:
    """Text that stays in its cell, and whose <name> is no tag."""
    text = text.replace("|", "\\|")
    return re.sub(r"<(\w+)>", r"\\<\1\\>", text)


def _fields(block: str) -> Iterator[str]:
    """Rows of one paragraph of a definition: a comment holds for the fields up to the next one."""
    comment: list[str] = []
    said = False
    for line in block.splitlines():
        if line.startswith("#"):
            comment, said = ([] if said else comment) + [line], False
            continue
        kind, name = line.split(maxsplit=1)
        meaning = "as above" if said else _cell(_prose(comment))
        yield f"| `{name}` | {_cell(kind)} | {meaning} |"
        said = True


def _documented(name: str, thing: Any) -> Iterator[str]:
    """A heading, a signature and a docstring; of a class also its public methods."""
    yield from (f"### {name}", "", "```python", _signature(name, thing), "```", "")
    yield from _docstring(thing)
    if not inspect.isclass(thing) or issubclass(thing, (Exception, enum.Enum)):
        return
    for key, member in vars(thing).items():
        if key.startswith("_"):
            continue
        if isinstance(member, property):
            yield from ("", f"**{key}** (property)", "", *_docstring(member))
        elif callable(getattr(thing, key)) and inspect.getdoc(member):
            function = getattr(member, "__func__", member)
            yield from ("", "```python", _signature(key, function), "```", "")
            yield from _docstring(function)


def _signature(name: str, thing: Any) -> str:
    """As in the source: annotations as they are written there, one argument a line where long."""
    if not inspect.isclass(thing):
        return _call(name, inspect.signature(thing))
    if issubclass(thing, Exception):
        return f"class {name}({thing.__bases__[0].__name__})"
    if dataclasses.is_dataclass(thing) or "__init__" in vars(thing):
        bare = inspect.signature(thing).replace(return_annotation=inspect.Signature.empty)
        return "class " + _call(name, bare)
    return f"class {name}"


def _call(name: str, signature: inspect.Signature) -> str:
    parts: list[str] = []
    for parameter in signature.parameters.values():
        starred = any(part.startswith("*") for part in parts)
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            parts.append("*")
        stars: dict[Any, str] = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}
        text = stars.get(parameter.kind, "") + parameter.name
        if parameter.annotation is not parameter.empty:
            text += f": {_annotation(parameter.annotation)}"
        if parameter.default is not parameter.empty:
            equals = " = " if ":" in text else "="
            text += f"{equals}{parameter.default!r}"
        parts.append(text)
    returned = signature.return_annotation
    tail = "" if returned is signature.empty else f" -> {_annotation(returned)}"
    line = f"{name}({', '.join(parts)}){tail}"
    if len(line) <= 95:
        return line
    return f"{name}(\n" + "".join(f"    {part},\n" for part in parts) + f"){tail}"


def _annotation(value: Any) -> str:
    return value if isinstance(value, str) else inspect.formatannotation(value)


def _docstring(thing: Any) -> Iterator[str]:
    """A Google docstring as Markdown; "name: text" lines about fields and arguments are lists."""
    section = ""
    names = _names(thing)
    for line in (inspect.getdoc(thing) or "").splitlines():
        heading = _SECTION.match(line)
        if section == "Example" and line and not line.startswith(" "):
            section = ""
            yield "```"
            yield ""
        if heading:
            section = heading[1]
            yield from (f"{section}:", "") if section != "Example" else ("```python",)
        elif section == "Example":
            yield line.removeprefix("    ")
        elif section and line.startswith("    ") and not line.startswith("     "):
            yield _item(line.strip())
        elif section:
            yield f"  {line.strip()}" if line.strip() else ""
            section = section if line.strip() else ""
        elif (entry := _ENTRY.match(line)) and entry[1] in names:
            yield _item(line)
        else:
            yield f"  {line.strip()}" if line.startswith("    ") else line
    if section == "Example":
        yield "```"


def _item(text: str) -> str:
    entry = _ENTRY.match(text)
    return f"- `{entry[1]}`: {entry[2]}" if entry else f"- {text}"


def _names(thing: Any) -> set[str]:
    """Arguments of a function, fields of a class."""
    if inspect.isclass(thing):
        return set(getattr(thing, "__annotations__", {}))
    return set(inspect.signature(thing).parameters) if callable(thing) else set()


def main() -> None:
    """Write the pages and the files."""
    from rclpy_cyclone import install  # noqa: PLC0415

    install(interfaces={"pam_ros": ROOT / "msg"})
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
    for node in FILES:
        file = ROOT / "config" / f"{node}.yaml"
        file.write_text(parameter_file_of(node), encoding="utf-8")


if __name__ == "__main__":
    main()
