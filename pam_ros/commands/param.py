# SPDX-License-Identifier: Apache-2.0
"""`pam_ros param`: a node's parameters, where there is no `ros2 param`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import yaml
from rcl_interfaces.msg import ParameterType
from rclpy.parameter import Parameter, get_parameter_value, parameter_value_to_python
from rclpy.parameter_client import AsyncParameterClient

from pam_ros.commands.graph import GraphError, add_seconds, visit
from pam_ros.robot.topics import NODE
from pam_ros.share.commands import Parser

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from pam_ros.commands.graph import Visit


def main(argv: Sequence[str]) -> int:
    """List, get or set; status 1 if the node refuses."""
    options = _parser().parse_args(argv)
    with visit(options.timeout) as graph:
        client = AsyncParameterClient(graph.node, options.node)
        graph.expect(client.services_are_ready, f"parameters as {options.node}")
        if options.word == "set":
            return _set(graph, client, options)
        if options.word == "get":
            return _get(graph, client, options.node, [options.name])
        future = client.list_parameters([], 0)
        names = sorted(graph.answer(future, options.node).result.names)
        return _get(graph, client, options.node, names, with_names=True)


def _get(
    graph: Visit,
    client: AsyncParameterClient,
    node: str,
    names: list[str],
    *,
    with_names: bool = False,
) -> int:
    values = graph.answer(client.get_parameters(names), node).values
    if len(values) != len(names):
        message = f"{node} has no parameter {names[0]}: `pam_ros param list` names them"
        raise GraphError(message)
    for name, value in zip(names, values, strict=True):
        text = _text(parameter_value_to_python(value))
        sys.stdout.write(f"{name}: {text}\n" if with_names else f"{text}\n")
    return 0


def _set(graph: Visit, client: AsyncParameterClient, options: argparse.Namespace) -> int:
    wanted = Parameter(options.name, value=_value(graph, client, options))
    (result,) = graph.answer(client.set_parameters([wanted]), options.node).results
    if not result.successful:
        sys.stderr.write(f"{options.node} refuses {options.name}: {result.reason}\n")
        return 1
    sys.stdout.write(f"{options.name}: {_text(wanted.value)}\n")
    return 0


def _value(graph: Visit, client: AsyncParameterClient, options: argparse.Namespace) -> Any:
    """As in YAML; for a parameter that holds a text as it is, unless it is quoted."""
    text: str = options.value
    types = graph.answer(client.get_parameter_types([options.name]), options.node).types
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    if list(types) == [ParameterType.PARAMETER_STRING] and not quoted:
        return text
    try:
        return parameter_value_to_python(get_parameter_value(text))
    except yaml.YAMLError as error:
        message = f"the value {text!r} is no YAML: {' '.join(str(error).split())}"
        raise GraphError(message) from error


def _text(value: Any) -> str:
    """As a parameter file has it, on one line."""
    text: str = yaml.safe_dump(value, default_flow_style=True, width=10_000)
    return text.removesuffix("\n").removesuffix("\n...")


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="pam_ros param", description="A node's parameters, as `ros2 param` has them."
    )
    words = parser.add_subparsers(dest="word", required=True, metavar="JOB")
    for word, text, names in (
        ("list", "all, with their values", ()),
        ("get", "one value", ("name",)),
        ("set", "another value, from now on", ("name", "value")),
    ):
        one = words.add_parser(word, help=text, description=f"{text[0].upper()}{text[1:]}.")
        for name in names:
            one.add_argument(name, help="as in YAML" if name == "value" else "the parameter")
        one.add_argument("--node", default=NODE, help=f"its full name, {NODE}")
        add_seconds(one)
    return parser
