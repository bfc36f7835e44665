# SPDX-License-Identifier: Apache-2.0
"""One node file for both runtimes: topics like a robot's, a service, a client and parameters.

usage: peer.py NAME OTHER. It says what happens as one JSON object per line.
"""

import json
import sys

import numpy as np
import rclpy
from rcl_interfaces.msg import FloatingPointRange, ParameterDescriptor, SetParametersResult
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, qos_profile_sensor_data
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import String
from std_srvs.srv import SetBool

name, other = sys.argv[1:3]
HEIGHT, WIDTH = 480, 640


def say(**fact):
    sys.stdout.write(json.dumps(fact) + "\n")
    sys.stdout.flush()


class Peer(Node):
    def __init__(self):
        super().__init__(name)
        self.count = 0
        self.asked = None
        latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
        self.chatter = self.create_publisher(String, f"/{name}/chatter", 10)
        self.picture = self.create_publisher(Image, f"/{name}/picture", qos_profile_sensor_data)
        self.joints = self.create_publisher(JointState, f"/{name}/joint_states", 10)
        self.latched = self.create_publisher(String, f"/{name}/latched", latched)
        self.latched.publish(String(data=f"kept by {name}"))
        self.create_subscription(String, f"/{name}/heard", self.on_heard, 10)
        self.create_subscription(
            Image, f"/{other}/picture", self.on_picture, qos_profile_sensor_data
        )
        self.create_subscription(String, f"/{other}/latched", self.on_latched, latched)
        self.create_service(SetBool, f"/{name}/switch", self.on_switch)
        self.client = self.create_client(SetBool, f"/{other}/switch")
        unit = FloatingPointRange(from_value=0.0, to_value=1.0)
        self.declare_parameter(
            "gain", 0.5, ParameterDescriptor(description="of all", floating_point_range=[unit])
        )
        self.declare_parameter("label", "plain")
        self.declare_parameter("seed", 7, ParameterDescriptor(read_only=True))
        self.add_on_set_parameters_callback(self.on_parameters)
        self.create_timer(0.1, self.on_timer)

    def on_timer(self):
        self.count += 1
        self.chatter.publish(String(data=f"{name} {self.count}"))
        image = Image(height=HEIGHT, width=WIDTH, encoding="rgb8", step=WIDTH * 3)
        image.header.stamp = self.get_clock().now().to_msg()
        image.header.frame_id = f"{name}_frame"
        image.data = np.full(HEIGHT * WIDTH * 3, self.count % 256, np.uint8).tobytes()
        self.picture.publish(image)
        joints = JointState(name=list("abcdef"), position=[0.1] * 6)
        joints.header.stamp = image.header.stamp
        self.joints.publish(joints)
        if self.count % 5 == 0:
            nodes = sorted(f"{space.rstrip('/')}/{node}" for node, space in
                           self.get_node_names_and_namespaces())  # fmt: skip
            say(nodes=nodes)
            say(topics=dict(self.get_topic_names_and_types()))
            say(publishers=self.count_publishers(f"/{other}/picture"))
            for info in self.get_publishers_info_by_topic(f"/{other}/latched"):
                say(endpoint={
                    "node": f"{info.node_namespace.rstrip('/')}/{info.node_name}",
                    "type": info.topic_type,
                    "hash": str(info.topic_type_hash),
                    "reliability": info.qos_profile.reliability.name,
                    "durability": info.qos_profile.durability.name,
                })  # fmt: skip
        if self.asked is None and self.client.service_is_ready():
            self.asked = self.client.call_async(SetBool.Request(data=True))
            self.asked.add_done_callback(lambda done: say(answer=done.result().message))

    def on_heard(self, message):
        say(heard=message.data)
        self.get_logger().warning(f"heard {message.data}")

    def on_latched(self, message):
        say(latched=message.data)

    def on_picture(self, message):
        pixels = np.frombuffer(message.data, np.uint8)
        say(picture={
            "size": [message.height, message.width, message.step, pixels.size],
            "frame_id": message.header.frame_id,
            "even": bool((pixels == pixels[0]).all()),
        })  # fmt: skip

    def on_switch(self, request, response):
        response.success = request.data
        response.message = f"{name} turned {'on' if request.data else 'off'}"
        return response

    def on_parameters(self, parameters):
        wrong = [entry for entry in parameters if entry.name == "label" and not entry.value]
        say(set={entry.name: entry.value for entry in parameters})
        return SetParametersResult(successful=not wrong, reason="label is empty" if wrong else "")


rclpy.init()
node = Peer()
say(ready=name)
try:
    rclpy.spin(node)
except (KeyboardInterrupt, ExternalShutdownException):
    pass
finally:
    node.destroy_node()
    rclpy.try_shutdown()
