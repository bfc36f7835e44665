# SPDX-License-Identifier: Apache-2.0
"""Parameter values on the command line and in files: what rcl takes them for."""

import math

import pytest
from rclpy.node import Node


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("y", True), ("N", False), ("on", True), ("'on'", "on"), ("!!str on", "on"),
        ("12:30", "12:30"), ("1_000", "1_000"), ("0x10", 16), ("010", 8), ("08", 8.0),
        ("-5", -5), ("+5", 5), ("0b11", "0b11"), ("1e-3", 0.001), ("1.", 1.0), (".5", 0.5),
        ("inf", math.inf), ("-.inf", -math.inf), ("null", "null"), ("~", "~"), ("=", "="),
        ("2024-01-01", "2024-01-01"), ("9223372036854775808", 9223372036854775808.0),
        ("[1, 2]", [1, 2]), ("[y, no]", [True, False]), ('["1", "b"]', ["1", "b"]),
    ],
)  # fmt: skip
def test_values_of_the_command_line_are_read_as_rcl_reads_them(context, text, value):
    node = Node(
        "subject",
        context=context("--ros-args", "-p", f"v:={text}"),
        automatically_declare_parameters_from_overrides=True,
    )
    found = node.get_parameter("v").value
    found = found if isinstance(found, (str, bool, int, float)) else list(found)
    assert (found, type(found)) == (value, type(value))
    node.destroy_node()


@pytest.mark.parametrize("text", ["", "{a: 1}", "[1, a]", "[1, 2.0]", "[&a 1, *a]"])
def test_values_that_rcl_does_not_read_are_refused(context, text):
    with pytest.raises(RuntimeError, match="parse parameter override rule"):
        context("--ros-args", "-p", f"v:={text}")


def test_keys_of_a_parameter_file_are_texts_as_they_stand(context, tmp_path):
    file = tmp_path / "parameters.yaml"
    file.write_text("/**:\n  ros__parameters:\n    on: 1\n    007: x\n    <<: y\n")
    node = Node(
        "subject",
        context=context("--ros-args", "--params-file", str(file)),
        automatically_declare_parameters_from_overrides=True,
    )
    values = {name: node.get_parameter(name).value for name in ("on", "007", "<<")}
    assert values == {"on": 1, "007": "x", "<<": True}
    node.destroy_node()
