# SPDX-License-Identifier: Apache-2.0
"""The reference pages are what docs/write_reference.py writes, and it leaves nothing out."""

import importlib.util
import re
from pathlib import Path

import pytest
import rclpy
from rclpy.node import Node

from pam_ros.nodes.kit.parameters import declare
from pam_ros.nodes.kit.run import NODES

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PARAMETERISED = set(NODES) - {"command_guard"}


@pytest.fixture(scope="module")
def writer():
    spec = importlib.util.spec_from_file_location("write_reference", DOCS / "write_reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["parameters.md", "messages.md", "diagnostics.md", "api.md"])
def test_a_reference_page_is_what_the_sources_say(writer, name):
    written = (DOCS / name).read_text(encoding="utf-8")
    assert writer.PAGES[name]() == written, (
        f"docs/{name} is old: run python docs/write_reference.py"
    )


@pytest.mark.parametrize("node", ["act_attention", "sae_recorder"])
def test_a_parameter_file_is_what_the_table_says(writer, node):
    written = (ROOT / "config" / f"{node}.yaml").read_text(encoding="utf-8")
    assert writer.parameter_file_of(node) == written, (
        f"config/{node}.yaml is old: run python docs/write_reference.py"
    )


def test_every_node_and_every_message_has_its_tables(writer):
    assert set(writer.NODES) == PARAMETERISED
    assert set(writer.MESSAGES) == {file.stem for file in (ROOT / "msg").glob("*.msg")}


@pytest.mark.parametrize("node", sorted(PARAMETERISED))
def test_the_tables_of_a_node_are_those_that_it_declares(writer, node, monkeypatch, free_domain):
    """No name is there twice, none is missing, and every default is of its own type."""
    monkeypatch.setenv("ROS_DOMAIN_ID", str(free_domain))
    (text,) = re.findall(
        rf"^## {node}$(.*?)(?=^## |\Z)", writer.parameters_page(), re.MULTILINE | re.DOTALL
    )
    tables = [entry for table in writer.NODES[node] for entry in writer._look_up(table)]
    rclpy.init()
    try:
        declaring = Node("declaring")
        values = declare(declaring, tables)
        declaring.destroy_node()
    finally:
        rclpy.shutdown()
    assert re.findall(r"^\| `(\w+)`", text, re.MULTILINE) == list(values)


def test_every_field_of_a_message_has_a_row_with_its_type(writer):
    from pam_ros import msg

    page = writer.messages_page()
    for name in writer.MESSAGES:
        (text,) = re.findall(
            rf"^## pam_ros/msg/{name}$(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL
        )
        rows = re.findall(r"^\| `([a-z_0-9]+)` \| (\S+) \|", text, re.MULTILINE)
        actual = getattr(msg, name).get_fields_and_field_types()
        assert [field for field, _ in rows] == list(actual)
        for field, kind in rows:
            plain = kind.removesuffix("[]").split("/")[-1]
            assert {"float32": "float", "float64": "double"}.get(plain, plain) in actual[field]
            assert kind.endswith("[]") == actual[field].startswith("sequence<")
