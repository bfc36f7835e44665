# SPDX-License-Identifier: Apache-2.0
"""What `ros2 param describe` says of each node's parameters, from the tables that declare them."""

import pytest
import rclpy
from rclpy.parameter import Parameter

from pam_ros.nodes.act import feature_editing, parameter_table
from pam_ros.nodes.kit.parameters import declare
from pam_ros.nodes.recorders import bag_node as recorder_node

TABLES = {
    "act_attention": parameter_table.TABLE,
    "feature editing": feature_editing.TABLE,
    "recorder": recorder_node.PARAMETERS,
}
ENTRIES = [
    pytest.param(entry, id=f"{node}-{entry.name}") for node, table in TABLES.items()
    for entry in table
]  # fmt: skip


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_number_has_a_range_that_holds_its_default(entry):
    descriptor = entry.descriptor()
    assert descriptor.description.endswith(".")
    if isinstance(entry.default, float):
        (limits,) = descriptor.floating_point_range
    elif isinstance(entry.default, int) and not isinstance(entry.default, bool):
        (limits,) = descriptor.integer_range
    else:
        return
    assert limits.from_value <= entry.default <= limits.to_value


def test_live_parameters_are_set_and_the_others_are_read_only(domain):
    rclpy.init(args=[])
    node = rclpy.create_node("subject")
    try:
        declare(node, parameter_table.TABLE)
        for entry in parameter_table.TABLE:
            if entry.name == "enabled":
                continue
            (result,) = node.set_parameters([Parameter(entry.name, value=entry.default)])
            assert result.successful == (not entry.read_only), (entry.name, result.reason)
            if entry.read_only:
                assert "read-only" in result.reason
    finally:
        node.destroy_node()
        rclpy.try_shutdown()


@pytest.mark.parametrize(("name", "value"), [("overlay_alpha", 1.5), ("jpeg_quality", 0)])
def test_a_value_out_of_range_is_refused_with_the_range(domain, name, value):
    rclpy.init(args=[])
    node = rclpy.create_node("subject")
    try:
        declare(node, parameter_table.TABLE)
        before = node.get_parameter(name).value
        (result,) = node.set_parameters([Parameter(name, value=value)])
        assert not result.successful
        assert name in result.reason
        assert node.get_parameter(name).value == before
    finally:
        node.destroy_node()
        rclpy.try_shutdown()
