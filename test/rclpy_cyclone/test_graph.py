# SPDX-License-Identifier: Apache-2.0
"""What nodes can learn about each other, in one process and across two."""

import pytest
from rclpy.node import Node, NodeNameNonExistentError
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger

OTHER = """
import rclpy
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger
rclpy.init()
node = Node("arm", namespace="/robot")
node.create_publisher(JointState, "joint_states", 5)
node.create_service(Trigger, "~/home", lambda q, r: r)
print("ready")
try:
    rclpy.spin(node)
except rclpy.executors.ExternalShutdownException:
    node.destroy_node()
    rclpy.try_shutdown()
"""


def test_own_topics_and_services_are_listed(node, spin_until):
    node.create_publisher(String, "chatter", 1)
    node.create_subscription(String, "heard", lambda _: None, 1)
    node.create_service(Trigger, "home", lambda q, r: r)
    assert spin_until(
        lambda: (
            {("/chatter", ("std_msgs/msg/String",)), ("/heard", ("std_msgs/msg/String",))}
            <= {(n, tuple(t)) for n, t in node.get_topic_names_and_types()}
        ),
        node,
    )
    assert spin_until(
        lambda: ("/home", ["std_srvs/srv/Trigger"]) in node.get_service_names_and_types(), node
    )
    assert ("/subject/get_parameters", ["rcl_interfaces/srv/GetParameters"]) in (
        node.get_service_names_and_types()
    )
    assert node.count_publishers("chatter") == 1
    assert node.count_subscribers("chatter") == 0
    assert node.count_services("home") == 1
    assert node.get_publisher_names_and_types_by_node("subject", "/")[0] == (
        "/chatter", ["std_msgs/msg/String"],
    )  # fmt: skip


def test_names_as_in_dds_are_those_of_ros_alone(node, spin_until):
    node.create_publisher(String, "chat", 10)
    plain = lambda: dict(node.get_topic_names_and_types(no_demangle=True))  # noqa: E731
    assert spin_until(lambda: "rt/chat" in plain(), node)
    assert plain()["rt/chat"] == ["std_msgs::msg::dds_::String_"]
    others = [name for name in plain() if not name.startswith(("rt/", "rq/", "rr/"))]
    assert others == ["ros_discovery_info"]


def test_endpoints_tell_node_type_hash_and_qos(node, spin_until):
    profile = QoSProfile(
        depth=1, reliability=ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
    )  # fmt: skip
    node.create_publisher(String, "chatter", profile)
    assert spin_until(lambda: node.get_publishers_info_by_topic("chatter"), node)
    info = node.get_publishers_info_by_topic("/chatter")[0]
    assert (info.node_name, info.node_namespace) == ("subject", "/")
    assert info.topic_type == "std_msgs/msg/String"
    # As ROS 2 Jazzy prints it.
    assert str(info.topic_type_hash) == (
        "RIHS01_df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18"
    )
    assert info.qos_profile.reliability == ReliabilityPolicy.BEST_EFFORT
    assert info.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL
    assert "Endpoint type: PUBLISHER" in str(info)


def test_names_are_remapped_where_they_are_used(ros):
    node = Node(
        "subject",
        cli_args=["-r", "chatter:=/elsewhere", "-r", "__ns:=/left", "-r", "__node:=renamed",
                  "-r", "other:~/x:=y"],
    )  # fmt: skip
    assert node.get_fully_qualified_name() == "/left/renamed"
    assert node.resolve_topic_name("chatter") == "/elsewhere"
    assert node.resolve_topic_name("chatter", only_expand=True) == "/left/chatter"
    assert node.resolve_topic_name("~/x") == "/left/renamed/x"
    assert node.create_publisher(String, "chatter", 1).topic_name == "/elsewhere"
    assert node.get_logger().name == "left.renamed"
    node.destroy_node()


def test_unknown_nodes_raise(node):
    with pytest.raises(NodeNameNonExistentError):
        node.get_publisher_names_and_types_by_node("nobody", "/")


def test_another_process_appears_by_name_and_leaves(node, spin_until, script):
    other = script(OTHER)
    other.wait_for("ready")
    assert spin_until(lambda: "/robot/arm" in node.get_fully_qualified_node_names(), node)
    assert node.wait_for_node("/robot/arm", 1)
    # Names and endpoints travel apart: the last to be made is the last to be seen.
    assert spin_until(
        lambda: (
            ("/robot/arm/home", ["std_srvs/srv/Trigger"])
            in node.get_service_names_and_types_by_node("arm", "/robot")
        ),
        node,
    )
    assert spin_until(
        lambda: (
            [i.node_name for i in node.get_publishers_info_by_topic("/robot/joint_states")]
            == ["arm"]
        ),
        node,
    )
    assert node.get_publisher_names_and_types_by_node("arm", "/robot") == [
        ("/parameter_events", ["rcl_interfaces/msg/ParameterEvent"]),
        ("/robot/joint_states", ["sensor_msgs/msg/JointState"]),
        ("/rosout", ["rcl_interfaces/msg/Log"]),
    ]
    assert node.create_subscription(JointState, "/robot/joint_states", lambda _: None, 5)
    other.process.terminate()
    other.finish()
    # It has said goodbye: nobody waits until it has been silent for long.
    assert spin_until(
        lambda: "/robot/arm" not in node.get_fully_qualified_node_names(), node, timeout=5
    )
    assert spin_until(lambda: node.count_publishers("/robot/joint_states") == 0, node)
