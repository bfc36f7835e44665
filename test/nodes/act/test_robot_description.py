# SPDX-License-Identifier: Apache-2.0
"""The attention node takes limits from /robot_description, and stays itself."""

from __future__ import annotations

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import String

URDF = """<robot name="arm">
  <joint name="pan" type="revolute"><limit lower="-1" upper="1" velocity="2"/></joint>
  <joint name="lift" type="revolute"><limit lower="-1.5" upper="1.5" velocity="2"/></joint>
</robot>"""


def test_listening_for_it_leaves_the_nodes_rosout_and_heeds_its_remapping(
    attention_robot, contract
):
    """Launch files pass `__node:=`, a rule for every node of the process that heeds it."""
    rules = ("-r", "__node:=act_attention", "-r", "robot_description:=arm/description")
    robot = attention_robot(autostart=False, ros_arguments=rules)
    robot.spin(wait=False)
    file = contract()
    file.write_text(file.read_text().rstrip() + "\n  limits: urdf\n")
    said = robot.hear_log()
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    description = robot.peer.create_publisher(String, "/arm/description", latched)
    description.publish(String(data=URDF))
    request = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_CONFIGURE))
    assert robot.call(ChangeState, "/act_attention/change_state", request).success

    def heard() -> bool:
        robot.node.get_logger().info("here")
        return any((line.name, line.msg) == ("act_attention", "here") for line in said)

    assert robot.wait(heard)
