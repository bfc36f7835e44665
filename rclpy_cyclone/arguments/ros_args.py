# SPDX-License-Identifier: Apache-2.0
"""--ros-args: remapping, parameters and log levels on the command line and in YAML files."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from rclpy_cyclone.errors.middleware import RCLError, RemapError, UnknownROSArgsError

from .names import expand_topic_name
from .yaml_values import ParameterYamlError, compose, value_of

if TYPE_CHECKING:
    from collections.abc import Sequence

_SWITCHES = {
    "--enable-rosout-logs": ("rosout", True),
    "--disable-rosout-logs": ("rosout", False),
    "--enable-stdout-logs": ("stdout", True),
    "--disable-stdout-logs": ("stdout", False),
    "--enable-external-lib-logs": ("external", True),
    "--disable-external-lib-logs": ("external", False),
}
_FAILED = "failed to initialize rcl"
_VALUED = {
    "-r": "remap", "--remap": "remap", "-p": "param", "--param": "param",
    "--params-file": "params_file", "--log-level": "log_level", "-e": "enclave",
    "--enclave": "enclave", "--log-config-file": "log_config", "--log-file-name": "log_file",
}  # fmt: skip


_RULE = re.compile(r"^(?:(\w+):)?((?:rostopic://|rosservice://)?[\w/~{}]+):=([\w/~{}]+)$")


@dataclass(frozen=True)
class Remap:
    """One rule: for nodes of this name (empty: all), this name becomes that one."""

    node: str
    source: str
    target: str


def _parse_remap(text: str) -> Remap:
    match = _RULE.match(text)
    node_name = match is None or match.group(2) not in ("__node", "__name") or (
        match.group(3).isidentifier()
    )  # fmt: skip
    if not match or not node_name or (match.group(2) == "__ns" and match.group(3)[0] != "/"):
        raise RCLError(
            f"{_FAILED}: Couldn't parse remap rule: '-r {text}'. A rule is [node:]from:=to, "
            "for example -r chatter:=/my/topic or -r __node:=name."
        )
    return Remap(match.group(1) or "", match.group(2), match.group(3))


def _parse_value(text: str, name: str) -> Any:
    try:
        return value_of(compose(text))
    except (ParameterYamlError, yaml.YAMLError) as error:
        raise RCLError(
            f"{_FAILED}: Couldn't parse parameter override rule: '-p {name}:={text}'. "
            f"Error: {error}"
        ) from error


def _flatten(tree: yaml.MappingNode, prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.value:
        name = f"{prefix}{_key(key)}"
        if isinstance(value, yaml.MappingNode):
            flat.update(_flatten(value, name + "."))
        else:
            flat[name] = value_of(value)
    return flat


def _key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise ParameterYamlError(f"Sequences cannot be key at line {node.start_mark.line + 1}")
    return str(node.value)


def load_params_file(path: str) -> list[tuple[str, dict[str, Any]]]:
    """Node patterns and their parameters, in the order of the file.

    Raises:
        RCLError: the file cannot be read or is no parameter file.

    """
    found: list[tuple[str, dict[str, Any]]] = []

    def descend(prefix: str, branch: yaml.Node) -> None:
        if not isinstance(branch, yaml.MappingNode):
            raise ParameterYamlError(f"{prefix or 'the file'!s} has no ros__parameters")
        # Pair by pair: a node may come several times, which a dict would forget.
        for key, value in branch.value:
            name = _key(key)
            if name != "ros__parameters":
                descend(f"{prefix.rstrip('/')}/{name.lstrip('/')}", value)
            elif isinstance(value, yaml.MappingNode):
                found.append((prefix, _flatten(value)))
            else:
                raise ParameterYamlError(f"the ros__parameters of {prefix} are no mapping")

    try:
        tree = compose(Path(path).read_text(encoding="utf-8"))
        if tree is not None:
            descend("", tree)
    except (OSError, ParameterYamlError, yaml.YAMLError) as error:
        raise RCLError(
            f"{_FAILED}: Couldn't parse params file: '--params-file {path}'. Error: {error}"
        ) from error
    return found


def _matches(pattern: str, node: str) -> bool:
    return re.fullmatch(pattern.replace("/**", r"(/\w+)*").replace("/*", r"(/\w+)"), node) is not (
        None
    )


@dataclass
class Arguments:
    """What one command line says about ROS; rest is everything else, the program name included."""

    remaps: list[Remap] = field(default_factory=list)
    parameters: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    log_levels: list[tuple[str, str]] = field(default_factory=list)
    switches: dict[str, bool] = field(default_factory=dict)
    enclave: str = "/"
    rest: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @classmethod
    def parse(cls, args: Sequence[str] | None, *, all_ros: bool = False) -> Arguments:
        """Read a command line; with all_ros set, --ros-args is taken to come first.

        Raises:
            RCLError: a rule or a file cannot be parsed.
            UnknownROSArgsError: something after --ros-args is not known.

        """
        parsed = cls()
        inside = all_ros
        items = iter(args or ())
        for item in items:
            item.encode()  # as in rclpy, what is not UTF-8 is refused
            if item == "--ros-args":
                inside = True
            elif item == "--" and inside:
                inside = False
            elif not inside:
                parsed.rest.append(item)
            elif item in _SWITCHES:
                name, value = _SWITCHES[item]
                parsed.switches[name] = value
            else:
                flag, separator, value_text = item.partition(":=")
                if flag in ("--log-level",) and separator:
                    parsed._add("log_level", value_text)
                elif item in _VALUED:
                    following = next(items, None)
                    if following is None:
                        raise RCLError(
                            f"{_FAILED}: Couldn't parse trailing {item} flag. No value found."
                        )
                    parsed._add(_VALUED[item], following)
                elif not all_ros or item.startswith("-"):
                    parsed.unknown.append(item)
                else:
                    parsed.rest.append(item)
        if parsed.unknown:
            raise UnknownROSArgsError(repr(parsed.unknown))
        return parsed

    def _add(self, kind: str, value: str) -> None:
        if kind == "remap":
            self.remaps.append(_parse_remap(value))
        elif kind == "param":
            # "node:name:=value" or "name:=value"
            rule, separator, text = value.partition(":=")
            if not separator or not rule:
                raise RCLError(f"{_FAILED}: Couldn't parse parameter override rule: '-p {value}'")
            node, _, name = rule.rpartition(":")
            self.parameters.append((node or "/**", {name: _parse_value(text, name)}))
        elif kind == "params_file":
            self.parameters += load_params_file(value)
        elif kind == "log_level":
            name, separator, level = value.rpartition(":=")
            self.log_levels.append((name if separator else "", level))
        elif kind == "enclave":
            self.enclave = value

    def parameters_for(self, node: str) -> dict[str, Any]:
        """Parameter values for a node of this full name.

        As in rcl, values are first gathered by pattern, where later ones win; then the patterns
        are applied in the order in which they first came. So an entry for the node itself in a
        file wins over a later `-p name:=value`, which is one for "/**".
        """
        by_pattern: dict[str, dict[str, Any]] = {}
        for pattern, values in self.parameters:
            by_pattern.setdefault("/" + pattern.lstrip("/"), {}).update(values)
        found: dict[str, Any] = {}
        for pattern, values in by_pattern.items():
            if _matches(pattern, node):
                found.update(values)
        return found


def remap_special(rules: list[Remap], keys: tuple[str, ...], node_name: str) -> str | None:
    """The new node name or namespace, where a rule gives one."""
    for rule in rules:
        if rule.source in keys and rule.node in ("", node_name):
            return rule.target
    return None


def remap_name(
    rules: list[Remap], full_name: str, node_name: str, namespace: str, *, service: bool
) -> str:
    """An expanded topic or service name after the first rule that matches.

    Raises:
        RemapError: the rule's new name is not valid.

    """
    for rule in rules:
        if rule.node not in ("", node_name) or rule.source.startswith("__"):
            continue
        source = rule.source
        if source.startswith("rostopic://"):
            if service:
                continue
            source = source[len("rostopic://") :]
        elif source.startswith("rosservice://"):
            if not service:
                continue
            source = source[len("rosservice://") :]
        try:
            if expand_topic_name(source, node_name, namespace) == full_name:
                return expand_topic_name(rule.target, node_name, namespace)
        except Exception as error:
            raise RemapError(f"the remapping {rule.source}:={rule.target} is not valid: {error}") \
                from error  # fmt: skip
    return full_name
