# SPDX-License-Identifier: Apache-2.0
"""QoS policies that parameters override."""

import pytest
from rcl_interfaces.msg import SetParametersResult
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import HistoryPolicy, QoSPolicyKind, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import InvalidQosOverridesError, QoSOverridingOptions
from std_msgs.msg import String

DEFAULTS = QoSOverridingOptions.with_default_policies()


def node_with(**overrides):
    return Node("tuned", parameter_overrides=[Parameter(n, value=v) for n, v in overrides.items()])


def test_a_parameter_file_overrides_what_the_code_says(ros):
    node = node_with(
        **{
            "qos_overrides./x.publisher.depth": 3,
            "qos_overrides./x.publisher.reliability": "best_effort",
        }
    )
    profile = QoSProfile(depth=10)
    publisher = node.create_publisher(String, "x", profile, qos_overriding_options=DEFAULTS)
    assert publisher.qos_profile.depth == 3
    assert publisher.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    assert publisher.qos_profile.history == HistoryPolicy.KEEP_LAST
    assert node.get_parameter("qos_overrides./x.publisher.history").value == "keep_last"
    assert node.describe_parameter("qos_overrides./x.publisher.depth").read_only
    node.destroy_node()


@pytest.mark.embedded_only  # rclpy changes the profile that was given
def test_the_profile_that_was_given_stays_as_it_is(ros):
    node = node_with(**{"qos_overrides./x.publisher.depth": 3})
    written = QoSProfile(depth=10)
    node.create_publisher(String, "x", written, qos_overriding_options=DEFAULTS)
    assert written.depth == 10
    node.destroy_node()


def test_without_options_nothing_is_declared(ros):
    node = node_with(**{"qos_overrides./x.publisher.depth": 3})
    assert node.create_publisher(String, "x", 10).qos_profile.depth == 10
    assert not node.has_parameter("qos_overrides./x.publisher.depth")
    node.destroy_node()


def test_a_subscription_has_an_id_and_no_lifespan(ros):
    kinds = (QoSPolicyKind.LIFESPAN, QoSPolicyKind.DEADLINE)
    options = QoSOverridingOptions(kinds, entity_id="left")
    name = "qos_overrides./x.subscription_left"
    node = node_with(**{f"{name}.deadline": 2_000_000})
    made = node.create_subscription(String, "x", print, 10, qos_overriding_options=options)
    assert made.qos_profile.deadline == Duration(nanoseconds=2_000_000)
    assert not node.has_parameter(f"{name}.lifespan")
    node.destroy_node()


def test_a_wrong_policy_and_a_refusing_callback_are_errors(ros):
    node = node_with(**{"qos_overrides./x.publisher.reliability": "perfect"})
    with pytest.raises(RuntimeError, match="Unexpected QoS override for policy `reliability`"):
        node.create_publisher(String, "x", 10, qos_overriding_options=DEFAULTS)

    def refuse(profile):
        return SetParametersResult(successful=False, reason=f"{profile.depth} is too deep")

    options = QoSOverridingOptions.with_default_policies(callback=refuse)
    with pytest.raises(InvalidQosOverridesError, match="10 is too deep"):
        node.create_publisher(String, "y", 10, qos_overriding_options=options)
    node.destroy_node()
